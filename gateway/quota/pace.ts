import type { Amount } from './leases.ts'

const MINUTE_MS = 60_000
const MEASURED_MS_MIN = 1_000

/** What is spent in a minute, by this minute and the last. */
export class Pace {
  #from: number
  #messages = 0
  #bytes = 0
  #last: Amount | null = null
  #spentAt = -Infinity
  #mark = 0

  constructor(monotonic: number) {
    this.#from = monotonic
  }

  add(messages: number, bytes: number): void {
    this.#messages += messages
    this.#bytes += bytes
  }

  tick(monotonic: number): void {
    if (this.#messages > this.#mark) this.#spentAt = monotonic
    this.#mark = this.#messages
    if (monotonic - this.#from < MINUTE_MS) return
    this.#last = { messages: this.#messages, bytes: this.#bytes }
    this.#messages = this.#bytes = this.#mark = 0
    this.#from = monotonic
  }

  /** When anything was spent, as ticks saw it. */
  get spentAt(): number {
    return this.#spentAt
  }

  /** `null` where nothing is known yet. */
  perMinute(monotonic: number): Amount | null {
    const times = MINUTE_MS / Math.max(MEASURED_MS_MIN, monotonic - this.#from)
    const messages = Math.max(this.#last?.messages ?? 0, Math.ceil(this.#messages * times))
    const bytes = Math.max(this.#last?.bytes ?? 0, Math.ceil(this.#bytes * times))
    return messages > 0 ? { messages, bytes } : null
  }
}
