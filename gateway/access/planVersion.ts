import { createHash } from 'node:crypto'
import type { PricePlan } from '../catalog/plan.ts'

/** Names a plan's terms for ever: the first 16 hex digits of SHA-256 over its canonical JSON (members sorted, no blanks). Other terms, other version. */
export function planVersionOf(plan: PricePlan): string {
  return createHash('sha256').update(canonical(plan)).digest('hex').slice(0, 16)
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(',')}}`
}
