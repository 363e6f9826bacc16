import type { Transaction } from '../drivers/sql/database.ts'
import type { TalliesMessage, UsageMessage } from '../usage/tally.ts'
import type { Batch, DeadLetter, Ingested, Place } from './ledger.ts'
import { post } from './posting.ts'
import { sequence } from './shards.ts'
import type { LedgerTables } from './tables.ts'

/** One batch, within a transaction that nobody else writes beside. */
export async function ingest(
  transaction: Transaction<LedgerTables>,
  { messages, place, deadLetters = [] }: Batch,
  at: number,
  breathe: () => Promise<void>,
): Promise<Ingested> {
  if (place) {
    const next = await stored(transaction, place)
    if (next !== place.from) return { taken: false, next }
    await move(transaction, place)
    await bury(transaction, place.topic, deadLetters, at)
  }
  const { fresh, duplicates, alarms } = await sequence(transaction, messages, at)
  const billed = await post(transaction, fresh.filter(isTallies), breathe)
  return { taken: true, duplicates, alarms, billed }
}

function isTallies(message: UsageMessage): message is TalliesMessage {
  return message.kind === 'tallies'
}

async function stored(transaction: Transaction<LedgerTables>, { topic, partition }: Place): Promise<number> {
  const row = await transaction
    .selectFrom('ledger_consumed')
    .select('next')
    .where('topic', '=', topic)
    .where('partition', '=', partition)
    .executeTakeFirst()
  return row?.next ?? 0
}

async function move(transaction: Transaction<LedgerTables>, { topic, partition, next }: Place): Promise<void> {
  await transaction
    .insertInto('ledger_consumed')
    .values({ topic, partition, next })
    .onConflict((conflict) => conflict.columns(['topic', 'partition']).doUpdateSet({ next }))
    .execute()
}

async function bury(
  transaction: Transaction<LedgerTables>,
  topic: string,
  letters: readonly DeadLetter[],
  at: number,
): Promise<void> {
  for (const { partition, offset, reason } of letters) {
    await transaction
      .insertInto('ledger_dead_letters')
      .values({ topic, partition, place: offset, reason: reason.slice(0, REASON_MAX), at })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

const REASON_MAX = 500
