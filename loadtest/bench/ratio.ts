import type { Round } from './round.ts'

/** One figure of the gateway against a raw arm, from the rounds of one run. */
export interface Ratio {
  readonly name: string
  readonly value: number
  /** How far two processes of the same arm were apart: a smaller difference means nothing. */
  readonly band: number
  /** What it may be; `null` where nothing is asked for. */
  readonly budget: number | null
}

/** What is asked of a ratio, by name. */
export type Budgets = { readonly [name: string]: number }

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] as number) + high) / 2
}

/** Of each arm against another within the same round, since the machine is never the same twice; the median of the rounds. */
export function ratioOf(rounds: readonly Round[], arm: string, against: string, of: (round: Round) => number): number {
  const [ours, theirs] = [arm, against].map((name) => rounds.filter((one) => one.arm === name))
  return median((ours ?? []).map((one, i) => of(one) / of((theirs ?? [])[i] as Round)))
}

/** How far an arm and its twin are apart in the same round, in the middle of the rounds. */
export function bandOf(rounds: readonly Round[], arm: string, of: (round: Round) => number): number {
  const [ours, twins] = [arm, `${arm}'`].map((name) => rounds.filter((one) => one.arm === name))
  const apart = (twins ?? []).map((one, i) => Math.abs(of(one) / of((ours ?? [])[i] as Round) - 1))
  return apart.length === 0 ? 0 : median(apart)
}

/** Worse than its budget by more than the noise. */
export function isOver({ value, band, budget }: Ratio): boolean {
  return budget !== null && value > budget + band
}
