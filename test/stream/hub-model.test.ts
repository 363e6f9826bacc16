import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Shape } from './model/node.ts'
import { Random } from './model/random.ts'
import { shortest } from './model/shrink.ts'
import { newTally, type Tally } from './model/tally.ts'
import { ModelWorld, OPS, type Op } from './model/world.ts'

/** How many worlds: `node dist/test/stream/hub-model.test.js --runs=5000 [--seed=N]` runs longer, or one found before. */
const RUNS = numberOf('runs') ?? 800
const SEED = numberOf('seed')
/** Worlds that are the same in every run; the others are new each time. */
const FIXED_SEED = 20_261_122
const STEPS_MAX = 500

interface Command {
  readonly op: Op
  readonly seed: number
}

const command: fc.Arbitrary<Command> = fc.record({
  op: fc.oneof(...Object.entries(OPS).map(([op, often]) => ({ weight: often * 10, arbitrary: fc.constant(op as Op) }))),
  seed: fc.nat(2 ** 31 - 1),
})
const commands = fc.array(command, { minLength: STEPS_MAX / 2, maxLength: STEPS_MAX, size: 'max' })

const narrow: fc.Arbitrary<Shape> = fc.record({
  partitions: fc.integer({ min: 1, max: 4 }),
  logMemoryBytesMax: fc.constantFrom(12_000, 100_000, 400_000),
  sessionBufferBytesMax: fc.constantFrom(8_000, 20_000),
  replaySlotsMax: fc.integer({ min: 1, max: 3 }),
})
const wide: fc.Arbitrary<Shape> = fc.record({
  partitions: fc.integer({ min: 17, max: 24 }),
  logMemoryBytesMax: fc.constantFrom(100_000, 800_000),
  sessionBufferBytesMax: fc.constantFrom(60_000, 200_000),
  replaySlotsMax: fc.integer({ min: 1, max: 3 }),
})

const tally = newTally()

async function live(shape: Shape, steps: readonly Command[], into: Tally): Promise<void> {
  const world = new ModelWorld(shape, into)
  for (const { op, seed } of steps) await world.step(op, new Random(seed))
  await world.quiesce(new Random(1))
  await world.end()
}

async function holds(shapes: fc.Arbitrary<Shape>, numRuns: number, seed: number | undefined): Promise<void> {
  const property = fc.asyncProperty(shapes, commands, (shape, steps) => live(shape, steps, tally))
  const found = await fc.check(property, { numRuns, endOnFailure: true, ...(seed === undefined ? {} : { seed }) })
  if (found.counterexample === null) return assert.ok(!found.failed, `after ${found.numRuns} worlds`)
  const [shape, steps] = found.counterexample
  const least = await shortest(steps, (fewer) => live(shape, fewer, newTally()).then(() => null, String))
  const told = least.steps.map(({ op, seed }) => `${op} ${seed}`).join(', ')
  const again = `--seed=${found.seed}`
  assert.fail(
    `${String(least.error)}\nin ${JSON.stringify(shape)}\nby ${told}\nfound with ${again}, run ${found.numRuns}`,
  )
}

describe('hub, against a model of the log', () => {
  it('whatever happens, everybody gets the log from the cursor on, without hole or repetition, or is told of the gap', () =>
    holds(narrow, Math.ceil(RUNS * 0.5), SEED ?? FIXED_SEED))

  it('the same in worlds that nobody has seen before', () => holds(narrow, Math.ceil(RUNS * 0.3), SEED))

  it('on wide topics a resume may bring some again, under the same ids, and leaves out nothing', () =>
    holds(wide, Math.ceil(RUNS * 0.2), SEED))

  it('all that makes it hard happened often', () => {
    // Half of what the rarest comes to: worlds differ.
    const enough = Math.min(50, RUNS / 10)
    for (const counted of [tally.off, tally.on, tally.entries, tally.left])
      for (const [what, times] of Object.entries(counted)) assert.ok(times >= enough, `${what}: only ${times} times`)
    assert.ok(tally.gaps.retention >= enough && tally.gaps.reset >= enough)
    assert.ok(tally.records >= 100 * RUNS && tally.metered >= 50 * RUNS && tally.refusals >= enough)
  })

  after(() => console.log(JSON.stringify(tally)))
})

function numberOf(name: string): number | undefined {
  const found = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return found === undefined ? undefined : Number(found.slice(name.length + 3))
}
