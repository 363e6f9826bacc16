import type { PricePlan } from '../catalog/plan.ts'

/** Shaping to a rate per second, of which this node has its part. It counts no allowance: time fills it. */
export class Bucket {
  readonly #rate: NonNullable<PricePlan['rate']>
  #holders = 1
  #tokens: number
  #at: number

  constructor(rate: NonNullable<PricePlan['rate']>, monotonic: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = monotonic
  }

  /** What can be had now; more than a whole burst may be had when it is full, and is owed then. */
  allows(messages: number): boolean {
    return this.#tokens >= Math.min(messages, this.#burst)
  }

  get tokens(): number {
    return Math.max(0, Math.floor(this.#tokens))
  }

  take(messages: number): void {
    this.#tokens -= messages
  }

  give(messages: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + messages)
  }

  fill(monotonic: number, holders: number): void {
    this.#holders = holders
    const perMs = this.#rate.messages / holders / 1000
    this.#tokens = Math.min(this.#burst, this.#tokens + (monotonic - this.#at) * perMs)
    this.#at = monotonic
  }

  get #burst(): number {
    return Math.max(1, this.#rate.burst / this.#holders)
  }
}
