import type { Window } from '../catalog/plan.ts'

/** Windows of plans on the UTC calendar; all times are ms since 1970. */

export function startOf(per: Window['perMs'], now: number): number {
  if (per !== 'month') return now - (now % per)
  const day = new Date(now)
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1)
}

export function endOf(per: Window['perMs'], start: number): number {
  if (per !== 'month') return start + per
  const day = new Date(start)
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1)
}

const NAMES: readonly (readonly [unit: number, prefix: string, suffix: string])[] = [
  [86_400_000, 'P', 'D'],
  [3_600_000, 'PT', 'H'],
  [60_000, 'PT', 'M'],
]

/** As a plan writes it: `P1M`, `P1D`, `PT15M`, `PT1S`. */
export function nameOf(per: Window['perMs']): string {
  if (per === 'month') return 'P1M'
  for (const [unit, prefix, suffix] of NAMES) if (per % unit === 0) return `${prefix}${per / unit}${suffix}`
  return `PT${per / 1000}S`
}
