import type { QuotaCounters } from './counters.ts'
import type { LeasePool } from './pool.ts'

/** What a pool needs of the process. */
export interface PoolHost {
  monotonic(): number
  /** The store's clock, as far as it is known, ms since 1970. */
  storeNow(): number
  random(): number
  /** The pool has something to ask, or to tell in a later turn. */
  wake(pool: LeasePool): void
  readonly counters: QuotaCounters
}
