import type { Window } from '../catalog/plan.ts'
import type { QuotaWarning } from '../stream/account.ts'
import { nameOf } from './calendar.ts'
import { type Amount, type Counted, type Unit, UNITS, type WindowCount } from './leases.ts'

/** One limit of one window, as this node sees it. */
export interface WindowState {
  /** As the plan writes it: `P1D`, `P1M`. */
  readonly name: string
  readonly unit: Unit
  readonly limit: number
  readonly used: number
  /** ms since 1970. */
  readonly resetsAt: number
}

const WARNING_SHARE = 0.8

/** What is used of each window of an agreement, as far as the store has told. */
export class WindowUse {
  readonly #windows: readonly Window[]
  readonly #warned = new Set<string>()
  #counts: readonly WindowCount[] = []
  #floors: readonly (Counted | null)[]

  constructor(windows: readonly Window[]) {
    this.#windows = windows
    this.#floors = windows.map(() => null)
  }

  /** What is spent for sure, with what was spent since of windows that began at `starts`: a store that has forgotten is told so. */
  floorsWith(since: Amount, starts: readonly number[] | null): readonly (Counted | null)[] {
    return this.#floors.map((floor, i) => {
      if (!floor || floor.start !== starts?.[i]) return floor
      return { start: floor.start, messages: floor.messages + since.messages, bytes: floor.bytes + since.bytes }
    })
  }

  get used(): readonly (Counted | null)[] {
    return this.#windows.map((_, i) => {
      const count = this.#counts[i]
      return count ? { start: count.start, ...count.used } : null
    })
  }

  learn(counts: readonly WindowCount[]): void {
    this.#counts = counts
    this.#floors = counts.map(({ start, spent }, i) => higher(this.#floors[i] ?? null, { start, ...spent }))
  }

  /** `left`: what lies here of windows that began at `starts`; it is counted as used by the store. */
  states(now: number, left: Amount, starts: readonly number[] | null): WindowState[] {
    return this.#counts.flatMap((count, i) =>
      UNITS.flatMap((unit) => this.#state(i, unit, count, now, starts?.[i] === count.start ? left[unit] : 0)),
    )
  }

  /** Windows most of which is spent, each once. */
  warnings(now: number, left: Amount, starts: readonly number[] | null): QuotaWarning[] {
    return this.states(now, left, starts)
      .filter(({ name, unit, limit, used, resetsAt }) => {
        const key = `${name} ${unit} ${resetsAt}`
        if (used < limit * WARNING_SHARE || this.#warned.has(key)) return false
        for (const old of this.#warned) if (old.startsWith(`${name} ${unit} `)) this.#warned.delete(old)
        return this.#warned.add(key)
      })
      .map(({ name, ...rest }) => ({ window: name, ...rest }))
  }

  #state(i: number, unit: Unit, count: WindowCount, now: number, left: number): WindowState[] {
    const window = this.#windows[i]
    const limit = window?.[unit] ?? null
    if (!window || limit === null || count.end <= now) return []
    return [
      { name: nameOf(window.perMs), unit, limit, used: Math.max(0, count.used[unit] - left), resetsAt: count.end },
    ]
  }
}

function higher(old: Counted | null, next: Counted): Counted {
  if (old?.start !== next.start) return next
  return { start: next.start, messages: Math.max(old.messages, next.messages), bytes: Math.max(old.bytes, next.bytes) }
}
