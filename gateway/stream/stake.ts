import type { Pool } from './account.ts'
import type { View } from './view.ts'

/**
 * What a rider holds in advance of its agreement's pool: the counts of its view, in messages and in bytes, up to which it is paid. So the
 * broadcast compares two numbers a rider and slice, and takes nothing of the pool in between.
 */
export class Stake {
  readonly #pool: Pool
  #messagesEnd = 0
  #bytesEnd = 0
  /** Counts of the view up to which the slice that goes out now is paid: nobody may have that back. */
  #messagesSpent = 0
  #bytesSpent = 0

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Steps onto the broadcast with nothing in advance. */
  begin(view: View): void {
    this.#messagesEnd = this.#messagesSpent = view.messages
    this.#bytesEnd = this.#bytesSpent = view.bytes
  }

  /** Whether the next slice of the view, of so many messages and bytes, is paid; pays it where the pool can. */
  covers(view: View, messages: number, bytes: number): boolean {
    const messagesEnd = view.messages + messages
    const bytesEnd = view.bytes + bytes
    if (messagesEnd > this.#messagesEnd || bytesEnd > this.#bytesEnd) {
      // A pool that lacks recalls all advances, this one too: what is missing is then more than it was.
      if (!this.#extend(messagesEnd, bytesEnd) && !this.#extend(messagesEnd, bytesEnd)) return false
    }
    this.#messagesSpent = messagesEnd
    this.#bytesSpent = bytesEnd
    return true
  }

  /** Gives back what was not handed over. */
  settle(view: View): void {
    const messagesEnd = Math.max(view.messages, this.#messagesSpent)
    const bytesEnd = Math.max(view.bytes, this.#bytesSpent)
    const messages = this.#messagesEnd - messagesEnd
    const bytes = this.#bytesEnd - bytesEnd
    this.#messagesEnd = messagesEnd
    this.#bytesEnd = bytesEnd
    if (messages > 0 || bytes > 0) this.#pool.give(Math.max(0, messages), Math.max(0, bytes))
  }

  #extend(messagesEnd: number, bytesEnd: number): boolean {
    const messages = Math.max(0, messagesEnd - this.#messagesEnd)
    const bytes = Math.max(0, bytesEnd - this.#bytesEnd)
    const advance = this.#pool.advance(messages, bytes)
    if (advance === null) return false
    this.#messagesEnd += advance.messages
    this.#bytesEnd += advance.bytes
    return messagesEnd <= this.#messagesEnd && bytesEnd <= this.#bytesEnd
  }
}
