import type { Agreement } from '../access/grant.ts'
import { nameOf } from '../quota/calendar.ts'
import type { Quota } from '../quota/quota.ts'
import type { QuotaWindow } from '../transport/gate.ts'

/** The limits of an agreement's plan, each with how far it is used where this node knows. */
export function windowsOf({ id, plan }: Agreement, quota: Pick<Quota, 'windows'>): readonly QuotaWindow[] {
  const states = quota.windows(id) ?? []
  return plan.windows.flatMap((window) => {
    const name = nameOf(window.perMs)
    const lengthMs = window.perMs === 'month' ? null : window.perMs
    return (['messages', 'bytes'] as const).flatMap((unit) => {
      const limit = window[unit]
      const state = states.find((one) => one.name === name && one.unit === unit) ?? null
      return limit === null ? [] : [{ name, unit, limit, lengthMs, state }]
    })
  })
}
