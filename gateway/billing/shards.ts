import type { Transaction } from '../drivers/sql/database.ts'
import type { MessageId, UsageMessage } from '../usage/tally.ts'
import type { LedgerTables } from './tables.ts'

export interface Sequence {
  readonly fresh: readonly UsageMessage[]
  readonly duplicates: number
  readonly alarms: number
}

type Row = LedgerTables['ledger_shards']

/**
 * Which of the messages were not taken before, by the dense numbers of their shards, and how far each shard is now. A number that was
 * jumped over is an alarm: its message is lost, or will be taken for a duplicate.
 */
export async function sequence(
  transaction: Transaction<LedgerTables>,
  messages: readonly UsageMessage[],
  at: number,
): Promise<Sequence> {
  const rows = new Map<string, Row>()
  const jumps: Omit<LedgerTables['ledger_alarms'], 'key'>[] = []
  const fresh: UsageMessage[] = []
  for (const message of messages) {
    const { node, worker, boot, shard, seq } = message.id
    const row = await rowOf(transaction, rows, message)
    if (seq <= row.last_seq) continue
    const expected = row.last_seq + 1
    if (seq > expected) jumps.push({ node, worker, boot, shard, expected, found: seq, at })
    fresh.push(message)
    rows.set(nameOf(message.id), moved(row, message))
  }
  for (const row of rows.values()) await save(transaction, row)
  if (jumps.length > 0) await transaction.insertInto('ledger_alarms').values(jumps).execute()
  return { fresh, duplicates: messages.length - fresh.length, alarms: jumps.length }
}

function moved(row: Row, message: UsageMessage): Row {
  const reached = message.kind === 'watermark' ? { before: Math.max(row.before, message.before) } : {}
  const final = message.kind === 'watermark' && message.final ? 1 : row.final
  return { ...row, ...reached, final, last_seq: message.id.seq }
}

async function rowOf(
  transaction: Transaction<LedgerTables>,
  rows: Map<string, Row>,
  { id, ...message }: UsageMessage,
): Promise<Row> {
  const known = rows.get(nameOf(id))
  if (known) return known
  const { node, worker, boot, shard } = id
  const stored = await transaction
    .selectFrom('ledger_shards')
    .selectAll()
    .where('node', '=', node)
    .where('worker', '=', worker)
    .where('boot', '=', boot)
    .where('shard', '=', shard)
    .executeTakeFirst()
  // Before the first message of a shard nothing was delivered by it.
  const before = message.kind === 'watermark' ? message.before : message.from
  const row = stored ?? { node, worker, boot, shard, last_seq: 0, before, final: 0 }
  rows.set(nameOf(id), row)
  return row
}

async function save(transaction: Transaction<LedgerTables>, row: Row): Promise<void> {
  const { last_seq, before, final } = row
  await transaction
    .insertInto('ledger_shards')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['node', 'worker', 'boot', 'shard']).doUpdateSet({ last_seq, before, final }),
    )
    .execute()
}

function nameOf({ node, worker, boot, shard }: MessageId): string {
  return `${node}/${worker}/${boot}/${shard}`
}
