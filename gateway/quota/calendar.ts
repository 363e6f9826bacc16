import type { Window } from '../catalog/plan.ts'
import { isoDuration } from '../clock.ts'

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

/** As a plan writes it: `P1M`, `P1D`, `PT15M`, `PT1S`. */
export function nameOf(per: Window['perMs']): string {
  return per === 'month' ? 'P1M' : isoDuration(per)
}
