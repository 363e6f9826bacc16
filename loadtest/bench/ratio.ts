import { valueOf, type Column, type Sample } from './figure.ts'
import { median } from './median.ts'

/** One figure of the gateway against a raw arm, or against its own in another shape. */
export interface Ratio {
  readonly name: string
  readonly value: number
  /** How far two processes of the same arm were apart, as a share: a smaller difference means nothing. */
  readonly band: number
  /** What it may be; `null` where nothing is asked for. */
  readonly budget: number | null
  /** What it is to be, where the budget is still looser. */
  readonly reach: number | null
  /** What was measured for it. */
  readonly of: readonly string[]
}

/** What is asked of a ratio, by name. */
export type Budgets = { readonly [name: string]: { readonly budget: number; readonly reach?: number } }

export type Finding = Pick<Ratio, 'name' | 'value' | 'band' | 'of'> & {
  /** Name of its budget, where it has that with others in common. */
  readonly budgetOf?: string
}

export function judge({ budgetOf, ...found }: Finding, budgets: Budgets): Ratio {
  const asked = budgets[budgetOf ?? found.name]
  return { ...found, budget: asked?.budget ?? null, reach: asked?.reach ?? null }
}

/** Worse than its budget by more than the noise; also where there is no number. */
export function isOver({ value, band, budget }: Ratio): boolean {
  return budget !== null && !(value <= budget * (1 + band))
}

/** Of each arm against another within the same round, since the machine is never the same twice; the median of the rounds. */
export function ratioOf(samples: readonly Sample[], arm: string, against: string, column: Column): number {
  const [ours, theirs] = [of(samples, arm, column), of(samples, against, column)]
  return median(ours.map((one, i) => one / (theirs[i] ?? Number.NaN)))
}

/** How far an arm and its twin are apart in the same round, in the middle of the rounds. */
export function bandOf(samples: readonly Sample[], arm: string, column: Column): number {
  const [ours, twins] = [of(samples, arm, column), of(samples, `${arm}'`, column)]
  const apart = twins.map((one, i) => Math.abs(one / (ours[i] ?? Number.NaN) - 1))
  return apart.length === 0 ? 0 : median(apart)
}

/** How far one arm is from its own median from round to round, in the middle of the rounds: for what has no twin. */
export function spreadOf(samples: readonly Sample[], arm: string, column: Column): number {
  const own = of(samples, arm, column)
  const middle = median(own)
  return median(own.map((one) => Math.abs(one / middle - 1)))
}

function of(samples: readonly Sample[], arm: string, column: Column): readonly number[] {
  return samples.filter((one) => one.arm === arm).map((one) => valueOf(one, column))
}
