import { valueOf, type Column, type Sample } from './figure.ts'
import type { Finding } from './ratio.ts'

/** A budget that several have in common. */
const CALLS = 'redis-calls-per-million'

/** Over all rounds, since there are few in each: one more or less is no difference. */
export function callsIn(measured: string, samples: readonly Sample[]): Finding {
  const sum = (column: Column): number => samples.reduce((all, one) => all + valueOf(one, column), 0)
  const calls = sum('redisCalls')
  const value = (calls / sum('deliveries')) * 1e6
  return { name: `${measured}-${CALLS}`, value, band: 1 / Math.max(1, calls), of: [measured], budgetOf: CALLS }
}
