import { isOver, type Ratio } from './ratio.ts'

/** A busy neighbour is no regression: what is over its budget is measured a second time, alone, and counts only if it is over again. */
export function measuresToRepeat(ratios: readonly Ratio[]): readonly string[] {
  return [...new Set(ratios.filter(isOver).flatMap(({ of }) => of))]
}

export interface Judged extends Ratio {
  /** Its value when it was over and measured again; `null` where that was not needed, or gave none. */
  readonly second: number | null
  readonly verdict: 'free' | 'held' | 'held again' | 'over'
}

/** Verdicts over the first time and, where it came to that, the second. */
export function verdicts(first: readonly Ratio[], second: readonly Ratio[]): readonly Judged[] {
  return first.map((ratio) => {
    if (ratio.budget === null) return { ...ratio, second: null, verdict: 'free' }
    if (!isOver(ratio)) return { ...ratio, second: null, verdict: 'held' }
    const again = second.find(({ name }) => name === ratio.name)
    const verdict = again && !isOver(again) ? 'held again' : 'over'
    return { ...ratio, second: again?.value ?? null, verdict }
  })
}
