import type { Pool } from './account.ts'
import type { Body } from './body.ts'
import { Frames } from './frames.ts'
import type { Outlet } from './outlet.ts'
import type { Record } from './record.ts'

/** Bytes that a reader hands over before others get their turn. */
const PULL_BYTES_MAX = 64 * 1024
/** Entries that a reader looks at before others get their turn, sent or not. */
const PULL_ENTRIES_MAX = 2_000

/** What one reader hands to its connection in one turn: bounded by the connection's room, its share of the turn, and its agreement's allowance. */
export class Batch {
  /** The connection, not the share, was the bound. */
  full = false
  /** The allowance was the bound. */
  unpaid = false
  /** What counts of it, in order. */
  readonly counted: Record[] = []
  #countedBytes = 0
  readonly #outlet: Outlet
  readonly #pool: Pool
  readonly #room: number
  readonly #frames = Frames.take()
  #entries = 0

  constructor(outlet: Outlet, room: number, pool: Pool) {
    this.#outlet = outlet
    this.#pool = pool
    this.#room = room
  }

  /** Whether an entry fits whose frame has at most `bytes`; 0 for one that is passed unsent. */
  takes(bytes: number): boolean {
    const held = this.#frames.bytes
    if (++this.#entries > PULL_ENTRIES_MAX || (held > 0 && held + bytes > PULL_BYTES_MAX)) return false
    if (held + bytes <= this.#room || bytes === 0) return true
    // A frame larger than the whole buffer goes alone, when the buffer is empty.
    const alone = held === 0 && bytes > this.#outlet.capacity && this.#outlet.room() >= this.#outlet.capacity
    this.full = !alone
    return alone
  }

  /** Takes what a record costs of the allowance; false where that is not to be had now. */
  pays(record: Record): boolean {
    const bytes = record.value === null ? 0 : record.value.byteLength
    this.unpaid = !this.#pool.endless && !this.#pool.take(1, bytes)
    if (this.unpaid) return false
    this.counted.push(record)
    this.#countedBytes += bytes
    return true
  }

  /** What was paid and is not going to be handed over. */
  refund(): void {
    if (!this.#pool.endless && this.counted.length > 0) this.#pool.give(this.counted.length, this.#countedBytes)
  }

  add(view: number, body: Body, cursor: string | null): void {
    this.#outlet.carrier.frame(this.#frames, view, body, cursor)
  }

  /** False: the connection is over. */
  flush(): boolean {
    return this.#frames.length === 0 || this.#outlet.send(this.#frames)
  }

  /** Nothing is added any more. */
  end(): void {
    this.#frames.giveBack()
  }
}
