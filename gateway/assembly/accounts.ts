import type { Agreement } from '../access/grant.ts'
import { planVersionOf } from '../access/planVersion.ts'
import type { PricePlan } from '../catalog/plan.ts'
import type { Account, Pool } from '../stream/account.ts'

/** One account per agreement and terms, for the life of the process: the heart tells accounts apart as objects. */
export function createAccounts(
  poolOf: (agreement: Agreement, planVersion: string) => Pool,
): (agreement: Agreement) => Account {
  const accounts = new Map<string, Account>()
  const versions = new Map<PricePlan, string>()
  return (agreement) => {
    const { id, plan } = agreement
    let planVersion = versions.get(plan)
    if (planVersion === undefined) versions.set(plan, (planVersion = planVersionOf(plan)))
    const key = `${id} ${planVersion}`
    let account = accounts.get(key)
    if (account === undefined) {
      account = { agreement: id, plan: plan.name, planVersion, pool: poolOf(agreement, planVersion) }
      accounts.set(key, account)
    }
    return account
  }
}
