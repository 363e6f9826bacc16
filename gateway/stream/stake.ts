import type { Pool } from './account.ts'
import type { View } from './view.ts'

/**
 * What a rider holds in advance of its agreement's pool: the counts of its view, in messages and in bytes, up to which it is paid. So the
 * broadcast compares two numbers a rider and look, and takes nothing of the pool in between.
 */
export class Stake {
  messagesEnd = 0
  bytesEnd = 0
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Steps onto the broadcast with nothing in advance. */
  begin(view: View): void {
    this.messagesEnd = view.messages
    this.bytesEnd = view.bytes
  }

  /** Whether what the view is about to hand out is paid; pays it where the pool can. */
  covers({ messagesPaid, bytesPaid }: View): boolean {
    if (messagesPaid <= this.messagesEnd && bytesPaid <= this.bytesEnd) return true
    // A pool that lacks recalls all advances, this one too: what is missing is then more than it was.
    return this.#extend(messagesPaid, bytesPaid) || this.#extend(messagesPaid, bytesPaid)
  }

  /** Gives back what is beyond what goes out now: nobody may have that back. */
  recall(view: View): void {
    this.#end(view, view.messagesPaid, view.bytesPaid)
  }

  /** Steps off: gives back all that was not handed over. */
  settle(view: View): void {
    this.#end(view, view.messages, view.bytes)
  }

  #end(view: View, messagesMax: number, bytesMax: number): void {
    const messages = Math.max(0, this.messagesEnd - messagesMax)
    const bytes = Math.max(0, this.bytesEnd - bytesMax)
    if (messages === 0 && bytes === 0) return
    this.messagesEnd = Math.min(this.messagesEnd, messagesMax)
    this.bytesEnd = Math.min(this.bytesEnd, bytesMax)
    view.headroom = null
    this.#pool.give(messages, bytes)
  }

  #extend(messagesEnd: number, bytesEnd: number): boolean {
    const messages = Math.max(0, messagesEnd - this.messagesEnd)
    const bytes = Math.max(0, bytesEnd - this.bytesEnd)
    const advance = this.#pool.advance(messages, bytes)
    if (advance === null) return false
    this.messagesEnd += advance.messages
    this.bytesEnd += advance.bytes
    return messagesEnd <= this.messagesEnd && bytesEnd <= this.bytesEnd
  }
}
