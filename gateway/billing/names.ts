import type { Transaction } from '../drivers/sql/database.ts'
import { chunks } from './coverage.ts'
import type { LedgerTables } from './tables.ts'

/** A version of a plan, as shares name it. */
export interface PlanName {
  readonly name: string
  readonly version: string
}

type Keys = ReadonlyMap<string, number>

const NAMES_MAX = 200

/** The small keys that stand for agreements or streams; whoever is new gets one. */
export async function keysOf(
  transaction: Transaction<LedgerTables>,
  table: 'ledger_agreements' | 'ledger_streams',
  names: ReadonlySet<string>,
): Promise<Keys> {
  const keys = new Map<string, number>()
  for (const some of chunks([...names], NAMES_MAX)) {
    const read = () => transaction.selectFrom(table).select(['key', 'name']).where('name', 'in', some).execute()
    const known = new Set((await read()).map((row) => row.name))
    const fresh = some.filter((name) => !known.has(name)).map((name) => ({ name }))
    if (fresh.length > 0) await transaction.insertInto(table).values(fresh).execute()
    for (const { name, key } of await read()) keys.set(name, key)
  }
  return keys
}

export interface PlanRow extends PlanName {
  readonly key: number
  readonly terms: string | null
}

/** By `planId`. */
export async function plansOf(
  transaction: Transaction<LedgerTables>,
  plans: readonly PlanName[],
): Promise<ReadonlyMap<string, PlanRow>> {
  const rows = new Map<string, PlanRow>()
  const wanted = new Map(plans.map((plan) => [planId(plan), plan]))
  const versions = [...new Set(plans.map((plan) => plan.version))]
  const read = async (some: readonly string[]): Promise<void> => {
    const found = await transaction.selectFrom('ledger_plans').selectAll().where('version', 'in', some).execute()
    for (const row of found) rows.set(planId(row), row)
  }
  for (const some of chunks(versions, NAMES_MAX)) {
    await read(some)
    const fresh = [...wanted.values()].filter((plan) => some.includes(plan.version) && !rows.has(planId(plan)))
    if (fresh.length === 0) continue
    await transaction
      .insertInto('ledger_plans')
      .values(fresh.map(({ name, version }) => ({ name, version, terms: null })))
      .execute()
    await read(some)
  }
  return rows
}

/** Versions hold no slash. */
export function planId({ name, version }: PlanName): string {
  return `${version}/${name}`
}
