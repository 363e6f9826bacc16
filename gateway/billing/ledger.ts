import { turns, type Clock } from '../clock.ts'
import type { PricePlan } from '../catalog/plan.ts'
import type { Database } from '../drivers/sql/database.ts'
import { migrate } from '../drivers/sql/migrations.ts'
import type { MessageId, UsageMessage } from '../usage/tally.ts'
import { ingest } from './ingest.ts'
import type { Period } from './period.ts'
import { rememberPlans } from './pins.ts'
import { readsOf } from './reads.ts'
import { LEDGER_MIGRATIONS, type LedgerTables } from './tables.ts'

/**
 * What was delivered and what of it is billed, for ever and once: each (agreement, stream, log, partition, offset) is billed by the
 * first message that tells of it. `test/suites/ledger.ts` holds it to that on each database.
 */
export interface Ledger extends LedgerReading {
  /**
   * Takes a batch whole or not at all. A message that was taken before is skipped; with `place`, the batch counts only where the
   * consumed offset is still `place.from`, and moves it: of several consumers of one topic each record is taken by one. Bound the
   * batch: it is one transaction.
   */
  ingest(batch: Batch): Promise<Ingested>
  /** Who is on which plan, and its terms. Told before usage under it is reported; later is late, not wrong. */
  rememberPlans(plans: readonly PinnedPlan[]): Promise<void>
  close(): Promise<void>
}

export interface LedgerReading {
  /** Next offset to consume, by partition; those never consumed are absent and begin at 0. */
  consumed(topic: string): Promise<ReadonlyMap<number, number>>
  /** What an agreement was handed in the whole UTC hours that touch [fromMs, toMs): at least what was in it. */
  delivered(
    agreement: string,
    fromMs: number,
    toMs: number,
  ): Promise<{ readonly messages: number; readonly bytes: number }>
  /** The hours that begin in [fromMs, toMs), ascending. */
  hours(whose: Whose, fromMs: number, toMs: number): Promise<readonly HourUsage[]>
  /** The same, all hours of the time together. */
  usage(whose: Whose, fromMs: number, toMs: number): Promise<readonly Usage[]>
  /** Offsets that were billed in the period, as ascending ranges [from, to). */
  lines(agreement: string, period: Period): AsyncIterable<BilledRange>
  /** Plans that an agreement was on, and their terms. */
  pins(whose: Whose): Promise<readonly Pin[]>
  alarms(): Promise<readonly Alarm[]>
  deadLetters(topic: string): Promise<readonly (DeadLetter & { readonly at: number })[]>
  /** All that was delivered before stands here: the least watermark over the boots that have not ended. Null where nobody has told one. */
  asOf(): Promise<number | null>
  /** All that this boot delivered before stands here; null where it has told nothing. */
  toldUntil(boot: Boot): Promise<number | null>
}

/** One run of one process. */
export type Boot = Pick<MessageId, 'node' | 'worker' | 'boot'>

export interface Batch {
  readonly messages: readonly UsageMessage[]
  readonly place?: Place
  /** Messages between `place.from` and `place.next` that nobody can read. */
  readonly deadLetters?: readonly DeadLetter[]
}

export interface Place {
  readonly topic: string
  readonly partition: number
  /** As stored: 0 where nothing was consumed yet. */
  readonly from: number
  readonly next: number
}

export interface DeadLetter {
  readonly partition: number
  readonly offset: number
  readonly reason: string
}

export type Ingested =
  | { readonly taken: true; readonly duplicates: number; readonly alarms: number; readonly billed: number }
  /** Somebody else has consumed: `next` is what is stored. Nothing was done. */
  | { readonly taken: false; readonly next: number }

/** All of those that are named must fit; none: everybody. */
export interface Whose {
  readonly agreement?: string
  readonly consumer?: string
  readonly product?: string
}

export interface Usage {
  readonly agreement: string
  /** Null while nobody has told whose agreement it is. */
  readonly consumer: string | null
  readonly product: string | null
  readonly plan: string
  readonly planVersion: string
  readonly stream: string
  /** Each connection by itself. */
  readonly delivered: number
  readonly deliveredBytes: number
  /** For the first time. */
  readonly billed: number
  readonly billedBytes: number
  /** Of the billed, those older than the plan's replay age; 0 where its terms are unknown or have no such price. */
  readonly replay: number
}

export interface HourUsage extends Usage {
  /** ms since 1970. */
  readonly hour: number
}

export interface BilledRange {
  readonly stream: string
  /** Fingerprint of the log; null where it has none and the epoch stands for it. */
  readonly log: number | null
  readonly epoch: number | null
  readonly partition: number
  readonly from: number
  readonly to: number
}

export interface PinnedPlan {
  readonly agreement: string
  readonly consumer: string
  readonly product: string
  readonly plan: PricePlan
  readonly planVersion: string
  /** ms since 1970. */
  readonly at: number
}

export interface Pin {
  readonly agreement: string
  readonly consumer: string | null
  readonly product: string | null
  readonly plan: string
  readonly planVersion: string
  readonly terms: PricePlan | null
  readonly firstAt: number
  readonly lastAt: number
}

export interface Alarm {
  readonly node: string
  readonly worker: number
  readonly boot: number
  readonly shard: number
  readonly expected: number
  readonly found: number
  readonly at: number
}

/** Work of a batch goes on in other turns of the event loop after so long. */
const TURN_MS_MAX = 10

/** One writer at a time, whatever process: any number, the same in all. */
const LOCK = 2

/** Brings the tables up to date first. The database is the ledger's from here on: `close` closes it. */
export async function openLedger(database: Database<LedgerTables>, clock: Clock): Promise<Ledger> {
  await migrate(database as unknown as Database<unknown>, 'ledger', LEDGER_MIGRATIONS, clock.now())
  return {
    ...readsOf(database.query),
    ingest: (batch) => {
      const breathe = turns(clock, TURN_MS_MAX)
      return database.exclusively(LOCK, (transaction) => ingest(transaction, batch, clock.now(), breathe))
    },
    rememberPlans: (plans) => database.exclusively(LOCK, (transaction) => rememberPlans(transaction, plans)),
    close: () => database.close(),
  }
}
