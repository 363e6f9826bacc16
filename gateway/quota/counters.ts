/** What metrics show of quotas; messages, where nothing else is said. */
export interface QuotaCounters {
  calls: number
  failures: number
  granted: number
  returned: number
  /** Void at the edge of all their windows. */
  burnt: number
  /** Handed to pools while the store was away. */
  local: number
}

export function noCounters(): QuotaCounters {
  return { calls: 0, failures: 0, granted: 0, returned: 0, burnt: 0, local: 0 }
}
