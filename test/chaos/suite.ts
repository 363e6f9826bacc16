import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { seedOfRun } from '../integration/support/random.ts'
import type { Fault } from './fault.ts'
import { FAULTS } from './oracle.ts'
import type { Outcome } from './stage.ts'
import { World } from './world.ts'

const SEEDS = 3

/** Three seeds of each fault on one world. Faults of a group happen at once: they break different things, and have a topic each. */
export function chaosSuite(
  name: string,
  groups: readonly (readonly Fault[])[],
  more: readonly (readonly [string, Check])[] = [],
): void {
  describe(name, () => {
    const seed = seedOfRun()
    let world: World
    before(async () => {
      console.log(`WEIR_TEST_SEED=${seed}`)
      world = await World.start(groups.flat().length * SEEDS + more.length)
    })
    after(() => world?.stop())

    for (const faults of groups) {
      for (let i = 0; i < SEEDS; i++) {
        it(`${faults.map((fault) => fault.name).join(', ')}: no promise is broken, seed ${i + 1} of ${SEEDS}`, async () => {
          const outcomes = await allOf(faults.map((fault) => fault.run(world, seed + i)))
          for (const [at, outcome] of outcomes.entries()) assertClean(outcome, `${faults[at]?.name}, seed ${seed + i}`)
        })
      }
    }
    for (const [guarantee, check] of more) it(guarantee, () => check(world, seed))
  })
}

export type Check = (world: World, seed: number) => Promise<void>

/** All have ended before one that failed is told: what it broke is whole again for the next. */
async function allOf(runs: readonly Promise<Outcome>[]): Promise<Outcome[]> {
  await Promise.allSettled(runs)
  return Promise.all(runs)
}

export function assertClean({ counts, examples, troubles, records }: Outcome, what: string): void {
  const none = Object.fromEntries(FAULTS.map((fault) => [fault, 0]))
  assert.deepEqual(counts, none, `${what}:\n${examples.join('\n')}`)
  assert.deepEqual(troubles, [], what)
  assert.ok(records > 0, `${what}: nothing was read`)
}
