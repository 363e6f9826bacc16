import { afterEach } from 'node:test'
import { codesSuite } from './client/codes.ts'
import { continuitySuite } from './client/continuity.ts'
import { paceSuite } from './client/pace.ts'
import { tokensSuite } from './client/tokens.ts'
import { World, type Way } from './client/world.ts'

/** What `follow` does over each way to a gateway. */
export function clientSuite(way: Way): void {
  const worlds: World[] = []
  const begin = (): World => {
    const world = new World(way)
    worlds.push(world)
    return world
  }
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close()
  })
  continuitySuite(begin)
  codesSuite(begin)
  tokensSuite(begin)
  paceSuite(begin)
}
