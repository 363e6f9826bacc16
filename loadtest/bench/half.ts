import type { Arm } from './arm.ts'
import { figuresOf, valueOf, type Sample } from './figure.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { median } from './median.ts'
import { bandOf, ratioOf } from './ratio.ts'
import { runRound } from './round.ts'
import { COMMON, type Shape } from './shape.ts'
import { byTurns, onStage } from './stage.ts'

const NAME = 'half'
const SHAPE: Shape = { ...COMMON, name: NAME, connections: 500, burstsPerSecond: 60 }

/**
 * How late records are while an arm works at half of its own maximum: what one core could hand out, by the CPU that each delivery took just before. So an
 * arm that does more for each delivery is offered less, and the two are late for the same reason or not at all.
 */
export const halfMeasure: Measure = { name: NAME, short: false, run: measureHalf }

async function measureHalf(bench: Bench): Promise<Measured> {
  const samples = await onStage(SHAPE, bench, async ({ start }) => {
    const arms: Arm[] = []
    for (const name of ['B1', 'G', "B1'"] as const) arms.push(await start(name))
    const done: Sample[] = []
    await byTurns(arms, bench.rounds, async (arm) => {
      const one = await atHalf(arm, bench.load, bench.ms)
      console.error(`${NAME} ${arm.name}: p99 ${valueOf(one, 'p99Ms').toFixed(1)} ms`)
      done.push(one)
    })
    return done
  })
  return { figures: figuresOf(NAME, samples), findings: findingsOf(samples) }
}

async function atHalf(arm: Arm, load: Bench['load'], ms: number): Promise<Sample> {
  const probe = await runRound(arm, SHAPE, load, ms / 2)
  const offeredPerSecond = 1e6 / valueOf(probe, 'cpuSecondsPerMillion') / 2
  const burstsPerSecond = offeredPerSecond / SHAPE.connections
  const { values } = await runRound(arm, { ...SHAPE, burstsPerSecond }, load, ms)
  const { p50Ms, p99Ms, p999Ms, maxMs, clientsBusy, cpuSecondsPerMillion } = values as Required<typeof values>
  return {
    arm: arm.name,
    values: { offeredPerSecond, cpuSecondsPerMillion, p50Ms, p99Ms, p999Ms, maxMs, clientsBusy },
  }
}

function findingsOf(samples: readonly Sample[]): Measured['findings'] {
  const p99 = (arm: string): readonly number[] =>
    samples.filter((one) => one.arm === arm).map((one) => valueOf(one, 'p99Ms'))
  const [ours, bare] = [p99('G'), p99('B1')]
  const band = bandOf(samples, 'B1', 'p99Ms')
  const added = median(ours.map((one, i) => one - (bare[i] ?? Number.NaN)))
  return [
    { name: 'p99-at-half-vs-b1', value: ratioOf(samples, 'G', 'B1', 'p99Ms'), band, of: [NAME] },
    { name: 'p99-at-half-added-ms', value: added, band, of: [NAME] },
  ]
}
