import type { PricePlan } from '../catalog/plan.ts'
import { endOf, startOf } from './calendar.ts'
import { type Amount, type Counted, type Tagged, UNITS } from './leases.ts'

/** A node may hand out this part of each window by itself, divided by the nodes that it knew. */
const PART = 10
const AWAY_MS_MAX = 300_000

export interface LocalShare extends Tagged {
  /** How long it may be used, ms. */
  readonly lastsMs: number
}

/** What is handed out while the store is away, where the plan allows it: once a window, for five minutes at most, owed. */
export class Emergency {
  readonly #windows: PricePlan['windows']
  readonly #given: Counted[]
  #since: number | null = null

  constructor(windows: PricePlan['windows']) {
    this.#windows = windows
    this.#given = windows.map(() => ({ start: 0, messages: 0, bytes: 0 }))
  }

  back(): void {
    this.#since = null
  }

  /** `known`: what was used of each window when the store last answered. `null`: there is nothing to be had. */
  share(now: number, monotonic: number, holders: number, known: readonly (Counted | null)[]): LocalShare | null {
    this.#since ??= monotonic
    const leftMs = this.#since + AWAY_MS_MAX - monotonic
    const starts = this.#windows.map(({ perMs }) => startOf(perMs, now))
    const amount = this.#rooms(starts, holders, known)
    if (leftMs <= 0 || !amount) return null
    for (const [i, start] of starts.entries()) this.#given[i] = this.#plus(i, start, amount)
    const ends = this.#windows.map(({ perMs }, i) => endOf(perMs, starts[i] as number) - now)
    return { starts, ...amount, lastsMs: Math.min(leftMs, ...ends) }
  }

  #plus(i: number, start: number, amount: Amount): Counted {
    const given = this.#givenOf(i, start)
    return { start, messages: given.messages + amount.messages, bytes: given.bytes + amount.bytes }
  }

  #givenOf(i: number, start: number): Amount {
    const given = this.#given[i]
    return given?.start === start ? given : { messages: 0, bytes: 0 }
  }

  /** The smallest room over all windows; `null` where a unit has none. */
  #rooms(starts: readonly number[], holders: number, known: readonly (Counted | null)[]): Amount | null {
    const room = { messages: Infinity, bytes: Infinity }
    for (const [i, window] of this.#windows.entries()) {
      const given = this.#givenOf(i, starts[i] as number)
      const used = known[i]?.start === starts[i] ? known[i] : null
      for (const unit of UNITS) {
        const limit = window[unit]
        if (limit === null) continue
        const part = Math.max(1, Math.floor(limit / PART / holders))
        room[unit] = Math.min(room[unit], part - given[unit], limit - (used?.[unit] ?? 0) - given[unit])
      }
    }
    if (room.messages <= 0 || room.bytes <= 0) return null
    return {
      messages: Number.isFinite(room.messages) ? room.messages : 0,
      bytes: Number.isFinite(room.bytes) ? room.bytes : 0,
    }
  }
}
