import { sql, type Transaction } from '../drivers/sql/database.ts'
import { chunks } from './coverage.ts'
import type { HourKey, LedgerTables } from './tables.ts'

export interface Counts {
  delivered: number
  deliveredBytes: number
  billed: number
  billedBytes: number
  /** Of the billed. */
  replay: number
}

interface HourSums {
  readonly key: HourKey
  readonly counts: Counts
  /** Billed records by age in whole seconds; null where the plan's terms already say which are replays. */
  readonly ages: Map<number, number> | null
}

const ROWS_MAX = 100

/** What a batch adds to the hours. */
export class Sums {
  readonly #hours = new Map<string, HourSums>()

  at(key: HourKey, keepAges: boolean): HourSums {
    const name = `${key.agreement}/${key.plan}/${key.stream}/${key.hour}`
    let sums = this.#hours.get(name)
    if (!sums) {
      const counts = { delivered: 0, deliveredBytes: 0, billed: 0, billedBytes: 0, replay: 0 }
      this.#hours.set(name, (sums = { key, counts, ages: keepAges ? new Map() : null }))
    }
    return sums
  }

  async save(transaction: Transaction<LedgerTables>): Promise<void> {
    const all = [...this.#hours.values()]
    for (const some of chunks(all.map(hourRow), ROWS_MAX)) await addHours(transaction, some)
    for (const some of chunks(all.flatMap(ageRows), ROWS_MAX)) await addAges(transaction, some)
  }
}

function hourRow({ key, counts }: HourSums): LedgerTables['ledger_hours'] {
  const { delivered, deliveredBytes, billed, billedBytes, replay } = counts
  return { ...key, delivered, delivered_bytes: deliveredBytes, billed, billed_bytes: billedBytes, replay }
}

function ageRows({ key, ages }: HourSums): readonly LedgerTables['ledger_ages'][] {
  return [...(ages ?? [])].map(([age_s, billed]) => ({ ...key, age_s, billed }))
}

async function addHours(
  transaction: Transaction<LedgerTables>,
  rows: readonly LedgerTables['ledger_hours'][],
): Promise<void> {
  await transaction
    .insertInto('ledger_hours')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['agreement', 'hour', 'stream', 'plan']).doUpdateSet({
        delivered: sql`ledger_hours.delivered + excluded.delivered`,
        delivered_bytes: sql`ledger_hours.delivered_bytes + excluded.delivered_bytes`,
        billed: sql`ledger_hours.billed + excluded.billed`,
        billed_bytes: sql`ledger_hours.billed_bytes + excluded.billed_bytes`,
        replay: sql`ledger_hours.replay + excluded.replay`,
      }),
    )
    .execute()
}

async function addAges(
  transaction: Transaction<LedgerTables>,
  rows: readonly LedgerTables['ledger_ages'][],
): Promise<void> {
  await transaction
    .insertInto('ledger_ages')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['plan', 'agreement', 'stream', 'hour', 'age_s'])
        .doUpdateSet({ billed: sql`ledger_ages.billed + excluded.billed` }),
    )
    .execute()
}
