import { sql, type ExpressionBuilder, type Kysely, type SqlBool } from '../drivers/sql/database.ts'
import type { PricePlan } from '../catalog/plan.ts'
import type { Alarm, Boot, HourUsage, LedgerReading, Pin, Whose } from './ledger.ts'
import { billedRanges } from './lines.ts'
import { hourOf } from './period.ts'
import type { LedgerTables } from './tables.ts'

/** What the ledger is asked. */
export function readsOf(query: Kysely<LedgerTables>): LedgerReading {
  return {
    consumed: (topic) => consumed(query, topic),
    delivered: (agreement, fromMs, toMs) => delivered(query, agreement, fromMs, toMs),
    hours: (whose, fromMs, toMs) => hours(query, whose, fromMs, toMs),
    usage: (whose, fromMs, toMs) => usageQuery(query, whose, fromMs, toMs).execute(),
    lines: (agreement, period) => billedRanges(query, agreement, period.month),
    pins: (whose) => pins(query, whose),
    alarms: () => alarms(query),
    deadLetters: (topic) => deadLetters(query, topic),
    asOf: () => asOf(query),
    toldUntil: (boot) => toldUntil(query, boot),
  }
}

type Query = Kysely<LedgerTables>

async function consumed(query: Query, topic: string): Promise<ReadonlyMap<number, number>> {
  const rows = await query.selectFrom('ledger_consumed').selectAll().where('topic', '=', topic).execute()
  return new Map(rows.map(({ partition, next }) => [partition, next]))
}

function delivered(
  query: Query,
  agreement: string,
  fromMs: number,
  toMs: number,
): ReturnType<LedgerReading['delivered']> {
  return query
    .selectFrom('ledger_hours as h')
    .innerJoin('ledger_agreements as a', 'a.key', 'h.agreement')
    .select([sum('delivered').as('messages'), sum('delivered_bytes').as('bytes')])
    .where('a.name', '=', agreement)
    .where('h.hour', '>=', hourOf(fromMs))
    .where('h.hour', '<', toMs)
    .executeTakeFirstOrThrow()
}

async function hours(query: Query, whose: Whose, fromMs: number, toMs: number): Promise<readonly HourUsage[]> {
  const rows = await usageQuery(query, whose, fromMs, toMs).select('h.hour').groupBy('h.hour').execute()
  return rows.toSorted((a, b) => a.hour - b.hour)
}

async function pins(query: Query, whose: Whose): Promise<readonly Pin[]> {
  const rows = await query
    .selectFrom('ledger_pins as n')
    .innerJoin('ledger_agreements as a', 'a.key', 'n.agreement')
    .innerJoin('ledger_plans as p', 'p.key', 'n.plan')
    .select(['a.name as agreement', 'a.consumer', 'a.product', 'p.name as plan', 'p.version as planVersion'])
    .select(['p.terms', 'n.first_at as firstAt', 'n.last_at as lastAt'])
    .where((eb) => fits(eb as unknown as Named, whose))
    .orderBy('a.name')
    .orderBy('n.first_at')
    .execute()
  return rows.map((row) => ({ ...row, terms: row.terms === null ? null : (JSON.parse(row.terms) as PricePlan) }))
}

function alarms(query: Query): Promise<readonly Alarm[]> {
  const columns = ['node', 'worker', 'boot', 'shard', 'expected', 'found', 'at'] as const
  return query.selectFrom('ledger_alarms').select(columns).orderBy('key').execute()
}

function deadLetters(query: Query, topic: string): ReturnType<LedgerReading['deadLetters']> {
  return query
    .selectFrom('ledger_dead_letters')
    .select(['partition', 'place as offset', 'reason', 'at'])
    .where('topic', '=', topic)
    .orderBy('partition')
    .orderBy('place')
    .execute()
}

async function asOf(query: Query): Promise<number | null> {
  const { live, last } = await query
    .selectFrom('ledger_shards')
    .select([
      sql<number | null>`min(case when final = 0 then before end)`.as('live'),
      sql<number | null>`max(before)`.as('last'),
    ])
    .executeTakeFirstOrThrow()
  return live ?? last
}

async function toldUntil(query: Query, { node, worker, boot }: Boot): Promise<number | null> {
  const { before } = await query
    .selectFrom('ledger_shards')
    .select(sql<number | null>`min(before)`.as('before'))
    .where('node', '=', node)
    .where('worker', '=', worker)
    .where('boot', '=', boot)
    .executeTakeFirstOrThrow()
  return before
}

type Named = ExpressionBuilder<{ a: { name: string; consumer: string | null; product: string | null } }, 'a'>

function fits(eb: Named, { agreement, consumer, product }: Whose) {
  const all = [
    ...(agreement === undefined ? [] : [eb('a.name', '=', agreement)]),
    ...(consumer === undefined ? [] : [eb('a.consumer', '=', consumer)]),
    ...(product === undefined ? [] : [eb('a.product', '=', product)]),
  ]
  return all.length === 0 ? sql<SqlBool>`1 = 1` : eb.and(all)
}

/** PostgreSQL adds int8 up to numeric, which would come as text. */
function sum(column: 'delivered' | 'delivered_bytes' | 'billed' | 'billed_bytes' | 'replay') {
  return sql<number>`cast(coalesce(sum(${sql.ref(`h.${column}`)}), 0) as bigint)`
}

function usageQuery(query: Kysely<LedgerTables>, whose: Whose, fromMs: number, toMs: number) {
  return query
    .selectFrom('ledger_hours as h')
    .innerJoin('ledger_agreements as a', 'a.key', 'h.agreement')
    .innerJoin('ledger_plans as p', 'p.key', 'h.plan')
    .innerJoin('ledger_streams as s', 's.key', 'h.stream')
    .select(['a.name as agreement', 'a.consumer', 'a.product', 'p.name as plan', 'p.version as planVersion'])
    .select(['s.name as stream', sum('delivered').as('delivered'), sum('delivered_bytes').as('deliveredBytes')])
    .select([sum('billed').as('billed'), sum('billed_bytes').as('billedBytes'), sum('replay').as('replay')])
    .where((eb) => fits(eb as unknown as Named, whose))
    .where('h.hour', '>=', fromMs)
    .where('h.hour', '<', toMs)
    .groupBy(['a.name', 'a.consumer', 'a.product', 'p.name', 'p.version', 's.name'])
    .orderBy('a.name')
    .orderBy('s.name')
    .orderBy('p.version')
}
