import type { Arm } from './arm.ts'
import { callsIn } from './calls.ts'
import { figuresOf, valueOf, type Column, type Figure, type Sample } from './figure.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { bandOf, ratioOf, type Finding } from './ratio.ts'
import { runRound } from './round.ts'
import { deliveriesOf, SHAPES, type RawArm, type Shape } from './shape.ts'
import { byTurns, onStage } from './stage.ts'

/** From so many deliveries a second on, calls for allowances are asked to be few. */
const BUSY_PER_SECOND_MIN = 1_000
/** Of shapes that were run one after the other, with no twin between. */
const ACROSS_BAND = 0.1

export const shapeMeasures: readonly Measure[] = SHAPES.map((shape) => ({
  name: shape.name,
  short: shape.short,
  run: (bench) => measureShape(bench.short ? { ...shape, arms: shape.armsShort ?? shape.arms } : shape, bench),
}))

async function measureShape(shape: Shape, bench: Bench): Promise<Measured> {
  const samples = await onStage(shape, bench, async ({ start }) => {
    const arms: Arm[] = []
    for (const name of shape.arms) arms.push(await start(name))
    const done: Sample[] = []
    await byTurns(arms, bench.rounds, async (arm) => {
      const one = await runRound(arm, shape, bench.load, bench.ms)
      console.error(`${shape.name} ${arm.name}: ${summaryOf(one)}`)
      done.push(one)
    })
    return done
  })
  return { figures: figuresOf(shape.name, samples), findings: findingsOf(shape, samples) }
}

function summaryOf(one: Sample): string {
  const cpu = valueOf(one, 'cpuSecondsPerMillion').toFixed(2)
  return `${cpu} s per million, p99 ${valueOf(one, 'p99Ms').toFixed(1)} ms, clients ${valueOf(one, 'clientsBusy').toFixed(2)}`
}

function findingsOf(shape: Shape, samples: readonly Sample[]): readonly Finding[] {
  return [...besideRaw(shape, samples), ...onAndOff(shape, samples), ...callsForAllowances(shape, samples)]
}

/** The gateway against each raw arm of its shape: CPU per delivery, and latency beside the bare Kafka loop. */
function besideRaw({ name, arms }: Shape, samples: readonly Sample[]): readonly Finding[] {
  const raw = rawOf(arms)
  if (raw === null) return []
  const against = (arm: string, what: string, column: Column): Finding => ({
    name: `${name}-${what}-vs-${arm.toLowerCase()}`,
    value: ratioOf(samples, 'G', arm, column),
    band: bandOf(samples, raw, column),
    of: [name],
  })
  const cpu = arms
    .filter((arm) => arm === raw || arm === 'B1')
    .map((arm) => against(arm, 'cpu', 'cpuSecondsPerMillion'))
  return arms.includes('B1') ? [...cpu, against('B1', 'p99', 'p99Ms')] : cpu
}

/** What authentication, allowances and metering cost of all CPU. */
function onAndOff({ name, arms }: Shape, samples: readonly Sample[]): readonly Finding[] {
  const raw = rawOf(arms)
  if (raw === null || !arms.includes('G-')) return []
  const value = ratioOf(samples, 'G', 'G-', 'cpuSecondsPerMillion')
  return [{ name: `${name}-on-vs-off`, value, band: bandOf(samples, raw, 'cpuSecondsPerMillion'), of: [name] }]
}

/** The arm that has a twin, for the noise. */
function rawOf(arms: Shape['arms']): RawArm | null {
  return (arms.find((arm) => arms.includes(`${arm}'` as RawArm)) ?? null) as RawArm | null
}

/** All clients of a shape are of one agreement. */
function callsForAllowances(shape: Shape, samples: readonly Sample[]): readonly Finding[] {
  const own = samples.filter(({ arm }) => arm === 'G')
  if (own.length === 0 || deliveriesOf(shape, shape.burst * shape.burstsPerSecond) < BUSY_PER_SECOND_MIN) return []
  return [callsIn(shape.name, own)]
}

/** What one shape of the gateway costs, or how late its records are, beside another. */
const ACROSS: readonly (readonly [name: string, shape: string, beside: string, column: Column])[] = [
  ['ws-16-per-turn-vs-1', 'ws-1x1000-200B-16', 'ws-1x1000-200B', 'cpuSecondsPerMillion'],
  ['views-100-vs-1', 'views-100', 'views-1', 'cpuSecondsPerMillion'],
  ['views-10000-vs-1', 'views-10000', 'views-1', 'cpuSecondsPerMillion'],
  ['p99-with-stalled-vs-without', 'ws-1x500-10KB-stalled', 'ws-1x500-10KB', 'p99Ms'],
]

export function findingsAcross(figures: readonly Figure[]): readonly Finding[] {
  const of = (wanted: string): Figure | undefined => figures.find(({ of, arm }) => of === wanted && arm === 'G')
  return ACROSS.flatMap(([name, shape, beside, column]) => {
    const [over, under] = [of(shape), of(beside)]
    if (!over || !under) return []
    return [{ name, value: valueOf(over, column) / valueOf(under, column), band: ACROSS_BAND, of: [shape, beside] }]
  })
}
