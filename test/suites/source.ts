import { after, before } from 'node:test'
import { followTests } from './source/follow.ts'
import { locateTests } from './source/locate.ts'
import { readTests } from './source/read.ts'
import { recreateTests } from './source/recreate.ts'
import type { SourceWorld } from './source/world.ts'

/** What every `Source` must do. */
export function sourceSuite(open: () => Promise<SourceWorld>): void {
  let world: SourceWorld
  before(async () => {
    world = await open()
  })
  after(() => world.close())
  const suite = {
    get world(): SourceWorld {
      return world
    },
  }
  locateTests(suite)
  followTests(suite)
  readTests(suite)
  recreateTests(suite)
}
