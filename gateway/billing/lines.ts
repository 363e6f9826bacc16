import { sql, type Kysely } from '../drivers/sql/database.ts'
import { OffsetSet } from './bitmap.ts'
import { BLOCK_OFFSETS } from './coverage.ts'
import type { BilledRange } from './ledger.ts'
import type { CoverageKey, LedgerTables } from './tables.ts'

const ROWS_A_PAGE = 100

interface Row extends CoverageKey {
  readonly plan: number
  readonly bitmap: Uint8Array
  readonly name: string
}

/** What an agreement is billed in a month, as ranges of offsets, read page by page. A run goes on over the edges of blocks. */
export async function* billedRanges(
  query: Kysely<LedgerTables>,
  agreement: string,
  month: number,
): AsyncGenerator<BilledRange> {
  let last = null as BilledRange | null
  for await (const rows of blocksOf(query, agreement, month)) {
    for (const range of rangesOf(rows)) {
      if (last !== null && goesOn(last, range)) last = { ...last, to: range.to }
      else {
        if (last !== null) yield last
        last = range
      }
    }
  }
  if (last !== null) yield last
}

function goesOn(a: BilledRange, b: BilledRange): boolean {
  return (
    a.stream === b.stream && a.log === b.log && a.epoch === b.epoch && a.partition === b.partition && a.to === b.from
  )
}

/** The rows of one block together: there is one for each plan. */
async function* blocksOf(
  query: Kysely<LedgerTables>,
  agreement: string,
  month: number,
): AsyncGenerator<readonly Row[]> {
  let block: Row[] = []
  let after: Row | null = null
  for (;;) {
    const page: readonly Row[] = await pageAfter(query, agreement, month, after)
    for (const row of page) {
      if (block[0] && !isSameBlock(block[0], row)) {
        yield block
        block = []
      }
      block.push(row)
    }
    after = page.at(-1) ?? null
    if (after === null || page.length < ROWS_A_PAGE) break
  }
  if (block.length > 0) yield block
}

function isSameBlock(a: Row, b: Row): boolean {
  return a.stream === b.stream && a.log === b.log && a.partition === b.partition && a.block === b.block
}

async function pageAfter(
  query: Kysely<LedgerTables>,
  agreement: string,
  month: number,
  after: Row | null,
): Promise<readonly Row[]> {
  const asked = query
    .selectFrom('ledger_coverage as c')
    .innerJoin('ledger_agreements as a', 'a.key', 'c.agreement')
    .innerJoin('ledger_streams as s', 's.key', 'c.stream')
    .select(['c.agreement', 'c.stream', 'c.log', 'c.partition', 'c.block', 'c.plan', 'c.bitmap', 's.name'])
    .where('a.name', '=', agreement)
    .where('c.month', '=', month)
    .orderBy('c.stream')
    .orderBy('c.log')
    .orderBy('c.partition')
    .orderBy('c.block')
    .orderBy('c.plan')
    .limit(ROWS_A_PAGE)
  if (after === null) return asked.execute()
  const { stream, log, partition, block, plan } = after
  const place = sql<boolean>`(c.stream, c.log, c.partition, c.block, c.plan) > (${stream}, ${log}, ${partition}, ${block}, ${plan})`
  return asked.where(place).execute()
}

function rangesOf(rows: readonly Row[]): readonly BilledRange[] {
  const [row] = rows
  if (!row) return []
  const { name, log, partition, block } = row
  const set = new OffsetSet(rows.map((one) => one.bitmap))
  try {
    const base = block * BLOCK_OFFSETS
    const where = { stream: name, log: log < 0 ? null : log, epoch: log < 0 ? -1 - log : null, partition }
    return set.runs().map(([from, to]) => ({ ...where, from: base + from, to: base + to }))
  } finally {
    set.dispose()
  }
}
