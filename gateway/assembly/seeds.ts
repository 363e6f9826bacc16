import type { Ledger } from '../billing/ledger.ts'
import type { Clock } from '../clock.ts'
import type { Amount } from '../quota/leases.ts'
import type { Seeds } from '../quota/quota.ts'
import type { Shipper } from '../usage/shipper.ts'

/** How long the ledger may take to hear of what was delivered up to now; then its sum is taken as it is, ms. */
const BRING_MS_MAX = 1_000
const LOOK_EVERY_MS = 20

/** The ledger's sums, with all that this process had delivered when it was asked. */
export class LedgerSeeds implements Seeds {
  readonly #ledger: Ledger
  readonly #shipper: Pick<Shipper, 'flush' | 'toldUntil' | 'boot'>
  readonly #clock: Clock
  /** Of this turn. */
  #bringing: Promise<void> | null = null

  constructor(ledger: Ledger, shipper: Pick<Shipper, 'flush' | 'toldUntil' | 'boot'>, clock: Clock) {
    this.#ledger = ledger
    this.#shipper = shipper
    this.#clock = clock
  }

  async delivered(agreement: string, fromMs: number, toMs: number): Promise<Amount> {
    if (this.#bringing === null) {
      this.#bringing = this.#bring()
      queueMicrotask(() => (this.#bringing = null))
    }
    await this.#bringing
    return await this.#ledger.delivered(agreement, fromMs, toMs)
  }

  /** Writes down at once what was delivered, and waits until the ledger has it. */
  async #bring(): Promise<void> {
    this.#shipper.flush()
    const { toldUntil, boot } = this.#shipper
    const until = this.#clock.monotonic() + BRING_MS_MAX
    while (((await this.#ledger.toldUntil(boot)) ?? 0) < toldUntil && this.#clock.monotonic() < until) {
      await new Promise<void>((resolve) => void this.#clock.after(LOOK_EVERY_MS, resolve))
    }
  }
}
