import { ENDLESS, type Account, type Pool } from '../../../gateway/stream/account.ts'

/** An agreement of some name; without a pool nothing limits it. */
export function accountOf(agreement: string, pool: Pool = ENDLESS): Account {
  return { agreement, plan: 'free', planVersion: '0'.repeat(16), pool }
}
