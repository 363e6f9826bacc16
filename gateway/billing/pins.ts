import { sql, type Transaction } from '../drivers/sql/database.ts'
import type { PinnedPlan } from './ledger.ts'
import { keysOf, planId, plansOf, type PlanRow } from './names.ts'
import { replayAfterS } from './posting.ts'
import type { LedgerTables } from './tables.ts'

/** Keeps whose agreements these are, on which versions, and at what terms; what waited for the terms is settled. */
export async function rememberPlans(
  transaction: Transaction<LedgerTables>,
  plans: readonly PinnedPlan[],
): Promise<void> {
  const agreements = await keysOf(transaction, 'ledger_agreements', new Set(plans.map((one) => one.agreement)))
  const rows = await plansOf(
    transaction,
    plans.map(({ plan, planVersion }) => ({ name: plan.name, version: planVersion })),
  )
  const settled = new Set<number>()
  for (const pinned of plans) {
    const row = rows.get(planId({ name: pinned.plan.name, version: pinned.planVersion })) as PlanRow
    await pin(transaction, agreements.get(pinned.agreement) as number, row.key, pinned)
    if (row.terms !== null || settled.has(row.key)) continue
    settled.add(row.key)
    await settle(transaction, row.key, pinned)
  }
}

async function pin(
  transaction: Transaction<LedgerTables>,
  agreement: number,
  plan: number,
  { consumer, product, at }: PinnedPlan,
): Promise<void> {
  await transaction.updateTable('ledger_agreements').set({ consumer, product }).where('key', '=', agreement).execute()
  await transaction
    .insertInto('ledger_pins')
    .values({ agreement, plan, first_at: at, last_at: at })
    .onConflict((conflict) =>
      conflict.columns(['agreement', 'plan']).doUpdateSet({
        first_at: sql`case when ledger_pins.first_at < excluded.first_at then ledger_pins.first_at else excluded.first_at end`,
        last_at: sql`case when ledger_pins.last_at > excluded.last_at then ledger_pins.last_at else excluded.last_at end`,
      }),
    )
    .execute()
}

/** Terms never change under their version: its name is their hash. */
async function settle(
  transaction: Transaction<LedgerTables>,
  plan: number,
  { plan: terms }: PinnedPlan,
): Promise<void> {
  await transaction
    .updateTable('ledger_plans')
    .set({ terms: JSON.stringify(terms) })
    .where('key', '=', plan)
    .execute()
  const olderThanS = replayAfterS(terms)
  if (olderThanS !== null) await countReplays(transaction, plan, olderThanS)
  await transaction.deleteFrom('ledger_ages').where('plan', '=', plan).execute()
}

async function countReplays(transaction: Transaction<LedgerTables>, plan: number, olderThanS: number): Promise<void> {
  await sql`update ledger_hours set replay = replay + coalesce((
      select cast(sum(a.billed) as bigint) from ledger_ages a
      where a.plan = ledger_hours.plan and a.agreement = ledger_hours.agreement and a.stream = ledger_hours.stream
        and a.hour = ledger_hours.hour and a.age_s > ${olderThanS}), 0)
    where plan = ${plan}`.execute(transaction)
}
