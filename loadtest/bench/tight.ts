import { figuresOf } from './figure.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { runRound } from './round.ts'
import { callsIn } from './calls.ts'
import { COMMON, deliveriesOf, type Shape } from './shape.ts'
import { onStage } from './stage.ts'

const NAME = 'tight'
const BASE: Shape = { ...COMMON, name: NAME, connections: 100, burstsPerSecond: 10 }
/** Of what its clients take, so much is allowed: a share of that is leased at a time, so the less it is, the more often there is a call. */
const ROOM = 2
const SHAPE: Shape = { ...BASE, perMinuteMax: ROOM * 60 * deliveriesOf(BASE, BASE.burstsPerSecond) }
/** A whole window of the plan. */
const MS = 60_000

/** How often allowances are asked for where an agreement takes 1,000 records a second and its plan allows hardly more. */
export const tightMeasure: Measure = { name: NAME, short: false, run: measureTight }

async function measureTight(bench: Bench): Promise<Measured> {
  const sample = await onStage(SHAPE, bench, async (stage) => runRound(await stage.start('G'), SHAPE, bench.load, MS))
  // A figure, not a promise: a window of a minute is leased in sixteenths, whoever has it.
  const { name, value, band, of } = callsIn(NAME, [sample])
  return { figures: figuresOf(NAME, [sample]), findings: [{ name, value, band, of }] }
}
