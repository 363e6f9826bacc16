import { figuresOf } from './figure.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { runRound } from './round.ts'
import { callsIn } from './calls.ts'
import { COMMON, deliveriesOf, type Shape } from './shape.ts'
import { onStage } from './stage.ts'

const BASE: Shape = { ...COMMON, name: 'roomy', connections: 100, burstsPerSecond: 10 }
/** Of what its clients take, so much is allowed: a share of that is leased at a time, so the less it is, the more often there is a call. */
const TIGHT_ROOM = 2
const TIGHT: Shape = {
  ...BASE,
  name: 'tight',
  perMinuteMax: TIGHT_ROOM * 60 * deliveriesOf(BASE, BASE.burstsPerSecond),
}
/** A whole window of the plan. */
const MS = 60_000

/** How often allowances are asked for where an agreement takes 1,000 records a second, of a plan that allows much more, and of one that hardly does. */
export const roomyMeasure: Measure = { name: BASE.name, short: false, run: (bench) => measure(bench, BASE) }
export const tightMeasure: Measure = { name: TIGHT.name, short: false, run: (bench) => measure(bench, TIGHT) }

async function measure(bench: Bench, shape: Shape): Promise<Measured> {
  const sample = await onStage(shape, bench, async (stage) => runRound(await stage.start('G'), shape, bench.load, MS))
  const found = callsIn(shape.name, [sample])
  // Where a window of a minute is leased in sixteenths the common budget is out of reach.
  const finding = shape === TIGHT ? { ...found, budgetOf: found.name } : found
  return { figures: figuresOf(shape.name, [sample]), findings: [finding] }
}
