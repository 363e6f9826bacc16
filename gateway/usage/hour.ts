/** A UTC hour, the grain of the ledger's sums: what is delivered in one never stands in a message with another's. */
export const HOUR_MS = 3_600_000

/** Start of the hour after the one that `ms` lies in. */
export function nextHourAfter(ms: number): number {
  return (Math.floor(ms / HOUR_MS) + 1) * HOUR_MS
}
