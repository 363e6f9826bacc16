import type { PricePlan, Window } from '../catalog/plan.ts'
import { endOf } from './calendar.ts'
import { type Amount, NOTHING, type Tagged, UNITS } from './leases.ts'

/**
 * Tokens in hand, and what is to be booked of them at the next swap. A unit that no window limits is endless here, and nothing
 * of it is ever booked.
 */
export class Holding {
  readonly #windows: PricePlan['windows']
  readonly #limited: { readonly messages: boolean; readonly bytes: boolean }
  #starts: readonly number[] | null = null
  /** Monotonic. */
  #end = Infinity
  #granted: Amount = NOTHING
  /** The largest grant of this lease. */
  #chunk: Amount = NOTHING
  #advanced: Amount = NOTHING
  #returned: readonly Tagged[] = []
  #owed: readonly Tagged[] = []
  messages: number
  bytes: number

  constructor(windows: PricePlan['windows']) {
    this.#windows = windows
    this.#limited = {
      messages: windows.some((window) => window.messages !== null),
      bytes: windows.some((window) => window.bytes !== null),
    }
    this.messages = this.#limited.messages ? 0 : Infinity
    this.bytes = this.#limited.bytes ? 0 : Infinity
  }

  get end(): number {
    return this.#end
  }

  get starts(): readonly number[] | null {
    return this.#starts
  }

  /** The size of the lease, all grants together. */
  get granted(): Amount {
    return this.#granted
  }

  has(messages: number, bytes: number): boolean {
    return this.messages >= messages && this.bytes >= bytes
  }

  take(messages: number, bytes: number): void {
    this.messages -= this.#limited.messages ? messages : 0
    this.bytes -= this.#limited.bytes ? bytes : 0
  }

  advance(messages: number, bytes: number): void {
    this.take(messages, bytes)
    this.#advanced = { messages: this.#advanced.messages + messages, bytes: this.#advanced.bytes + bytes }
  }

  /** More than was granted cannot come back: it was of a lease that is over. */
  give(messages: number, bytes: number): void {
    const out = this.#advanced
    this.#advanced = { messages: Math.max(0, out.messages - messages), bytes: Math.max(0, out.bytes - bytes) }
    if (this.#limited.messages) this.messages = Math.min(this.#granted.messages, this.messages + messages)
    if (this.#limited.bytes) this.bytes = Math.min(this.#granted.bytes, this.bytes + bytes)
  }

  /** All members have given back. */
  recalled(): void {
    this.#advanced = NOTHING
  }

  /** What may still be handed out, at most. Where nothing is limited: one, as a sign of life. */
  get held(): Amount {
    if (!this.#limited.messages && !this.#limited.bytes) return { messages: 1, bytes: 0 }
    return { messages: this.#heldOf('messages'), bytes: this.#heldOf('bytes') }
  }

  #heldOf(unit: 'messages' | 'bytes'): number {
    return this.#limited[unit] ? Math.min(this.#granted[unit], this[unit] + this.#advanced[unit]) : 0
  }

  /** Less than half of a chunk is left, and at this pace it lasts no longer than so many ms. */
  runsLow(perMinute: Amount, ms: number): boolean {
    if (!this.#starts) return false
    return UNITS.some((unit) => {
      const left = this[unit]
      return left < this.#chunk[unit] / 2 && left < (perMinute[unit] / 60_000) * ms
    })
  }

  /** What is missing of this. */
  lack(need: Amount): Amount {
    return { messages: Math.max(0, need.messages - this.messages), bytes: Math.max(0, need.bytes - this.bytes) }
  }

  /** The lease before it has lapsed, or is of the same windows. */
  add(granted: Amount, starts: readonly number[], end: number): void {
    this.#end = this.#starts ? Math.min(this.#end, end) : end
    this.#starts = starts
    this.#granted = {
      messages: this.#granted.messages + granted.messages,
      bytes: this.#granted.bytes + granted.bytes,
    }
    this.#chunk = {
      messages: Math.max(this.#chunk.messages, granted.messages),
      bytes: Math.max(this.#chunk.bytes, granted.bytes),
    }
    if (this.#limited.messages) this.messages += granted.messages
    if (this.#limited.bytes) this.bytes += granted.bytes
  }

  owe(share: Tagged): void {
    this.#owed = merged(this.#owed, share)
  }

  /** Gives back what lies here, or half of it, to be booked at the next swap. */
  giveBack(part: 1 | 2): Amount {
    const back = { messages: 0, bytes: 0 }
    for (const unit of UNITS) {
      if (!this.#limited[unit]) continue
      back[unit] = Math.floor(this[unit] / part)
      this[unit] -= back[unit]
    }
    if (this.#starts && (back.messages > 0 || back.bytes > 0)) {
      this.#granted = { messages: this.#granted.messages - back.messages, bytes: this.#granted.bytes - back.bytes }
      this.#returned = merged(this.#returned, { starts: this.#starts, ...back })
    }
    return back
  }

  /** The lease is over: what lies here counts back in those of its windows that go on. Answers what counts nowhere any more. */
  lapse(now: number): Amount {
    const back = this.giveBack(1)
    // This node's idea of the store's clock may be a little behind the edge that the lease ended at.
    const ends = this.#starts?.map((start, i) => endOf((this.#windows[i] as Window).perMs, start)) ?? []
    const endMs = ends.length > 0 ? Math.max(now, Math.min(...ends)) : now
    const over = (starts: readonly number[]): readonly number[] =>
      starts.map((start, i) => (endOf((this.#windows[i] as Window).perMs, start) <= endMs ? 0 : start))
    const rest = (list: readonly Tagged[]): readonly Tagged[] =>
      list.map((one) => ({ ...one, starts: over(one.starts) })).reduce<readonly Tagged[]>(merged, [])
    const burns = this.#starts !== null && over(this.#starts).every((start) => start === 0)
    this.#returned = rest(this.#returned)
    this.#owed = rest(this.#owed)
    this.#starts = null
    this.#end = Infinity
    this.#granted = this.#advanced = this.#chunk = NOTHING
    return burns ? back : NOTHING
  }

  get toBook(): boolean {
    return this.#returned.length > 0 || this.#owed.length > 0
  }

  /** What the next ask books: it is the ask's from now on. */
  book(): { readonly returned: readonly Tagged[]; readonly owed: readonly Tagged[] } {
    const booked = { returned: this.#returned, owed: this.#owed }
    this.#returned = this.#owed = []
    return booked
  }
}

/** Of the same windows it is one; of none that goes on it is nothing. */
function merged(list: readonly Tagged[], more: Tagged): readonly Tagged[] {
  if (more.starts.every((start) => start === 0)) return list
  const same = list.find((one) => one.starts.every((start, i) => start === more.starts[i]))
  if (!same) return [...list, more]
  const sum = { ...same, messages: same.messages + more.messages, bytes: same.bytes + more.bytes }
  return list.map((one) => (one === same ? sum : one))
}
