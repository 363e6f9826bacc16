import type { Agreement } from '../access/grant.ts'
import type { Ledger, PinnedPlan } from '../billing/ledger.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'

const RETRY_MS = 5_000

/** Tells the ledger the terms of each plan that an account is opened under, and again in each month in which the process still runs: a fee is due for it. */
export class Terms {
  readonly #ledger: Pick<Ledger, 'rememberPlans'>
  readonly #clock: Clock
  readonly #log: Log
  readonly #known = new Map<string, Omit<PinnedPlan, 'at'>>()
  #untold: Omit<PinnedPlan, 'at'>[] = []
  #month: number
  #retryAt = Number.NEGATIVE_INFINITY
  #telling: Promise<void> | null = null

  constructor(ledger: Pick<Ledger, 'rememberPlans'>, clock: Clock, log: Log) {
    this.#ledger = ledger
    this.#clock = clock
    this.#log = log
    this.#month = monthOf(clock.now())
  }

  note({ id, consumer, product, plan }: Agreement, planVersion: string): void {
    const pinned = { agreement: id, consumer, product, plan, planVersion }
    this.#known.set(`${id} ${planVersion}`, pinned)
    this.#untold.push(pinned)
  }

  tick(): void {
    const month = monthOf(this.#clock.now())
    if (month !== this.#month) this.#untold = [...this.#known.values()]
    this.#month = month
    if (this.#untold.length > 0 && this.#clock.monotonic() >= this.#retryAt) void this.tell()
  }

  /** Never rejects: what could not be told is told later. */
  tell(): Promise<void> {
    this.#telling ??= this.#tell().finally(() => (this.#telling = null))
    return this.#telling
  }

  async #tell(): Promise<void> {
    const at = this.#clock.now()
    const plans = this.#untold.map((pinned) => ({ ...pinned, at }))
    if (plans.length === 0) return
    this.#untold = []
    try {
      await this.#ledger.rememberPlans(plans)
    } catch (error) {
      this.#untold = [...plans, ...this.#untold]
      this.#retryAt = this.#clock.monotonic() + RETRY_MS
      this.#log.warn({ event: 'terms-untold', error }, 'the ledger does not take the terms of plans')
    }
  }
}

function monthOf(now: number): number {
  const date = new Date(now)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}
