import type { FilterField } from '../catalog/plan.ts'
import { instantOf } from './instant.ts'

/** What a subscriber filters by: understood, typed, and as one canonical text for equal filters. Pure. */
export type Condition = { readonly all: readonly Condition[] } | { readonly any: readonly Condition[] } | Comparison

export interface Comparison {
  readonly field: FilterField
  readonly operator: '==' | '!=' | '=gt=' | '=ge=' | '=lt=' | '=le=' | '=in=' | '=out='
  /** Of the field's type, at least one; exactly one but for `=in=` and `=out=`. */
  readonly values: readonly Scalar[]
}

/** A value of a field's type; a time is an `Instant`. */
export type Scalar = string | number | boolean

/**
 * Whether a payload (JSON as it was parsed) keeps a condition. A field that is absent, `null` or of another type than its schema
 * says is in no comparison true, `!=` and `=out=` included: nothing is known of it. Strings are ordered by their UTF-16 code units.
 */
export function keeps(condition: Condition, payload: unknown): boolean {
  if ('all' in condition) return condition.all.every((one) => keeps(one, payload))
  if ('any' in condition) return condition.any.some((one) => keeps(one, payload))
  const value = scalarAt(condition.field, payload)
  return value !== null && compares(condition, value)
}

/** A payload that is known to be JSON. */
export function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'))
}

/** The scalar that a field has in a payload; `null` where it has none of its type. */
export function scalarAt({ path, type }: FilterField, payload: unknown): Scalar | null {
  let value = payload
  for (const member of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, member))
      return null
    value = (value as { readonly [member: string]: unknown })[member]
  }
  switch (type) {
    case 'time':
      return typeof value === 'string' ? instantOf(value) : null
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value) ? value : null
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type ? (value as Scalar) : null
  }
}

function compares({ operator, values }: Comparison, value: Scalar): boolean {
  const [first] = values as readonly [Scalar]
  switch (operator) {
    case '==':
      return value === first
    case '!=':
      return value !== first
    case '=gt=':
      return value > first
    case '=ge=':
      return value >= first
    case '=lt=':
      return value < first
    case '=le=':
      return value <= first
    case '=in=':
      return values.includes(value)
    case '=out=':
      return !values.includes(value)
  }
}

/** The same condition without what is said twice, in an order that does not depend on how it was written. */
export function simplify(condition: Condition): Condition {
  if ('field' in condition) return simplifyComparison(condition)
  const kind = 'all' in condition ? 'all' : 'any'
  const members = new Map<string, Condition>()
  for (const one of membersOf(condition, kind) ?? []) {
    const simple = simplify(one)
    for (const member of membersOf(simple, kind) ?? [simple]) members.set(textOf(member), member)
  }
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member)
  const [only] = sorted
  if (only !== undefined && sorted.length === 1) return only
  return kind === 'all' ? { all: sorted } : { any: sorted }
}

/**
 * One text for all spellings of a condition, order and repetition aside, and another for any other: views are shared by it.
 * Names of fields hold no quotes, parentheses, commas or operators (they could not be written in a filter), so texts cannot run
 * into each other; a name stands for one path and type within a stream.
 */
export function canonical(condition: Condition): string {
  return textOf(simplify(condition))
}

function textOf(condition: Condition): string {
  if ('all' in condition) return `all(${condition.all.map(textOf).join()})`
  if ('any' in condition) return `any(${condition.any.map(textOf).join()})`
  return `${condition.field.name}${condition.operator}${JSON.stringify(condition.values)}`
}

function membersOf(condition: Condition, kind: 'all' | 'any'): readonly Condition[] | null {
  if (kind === 'all') return 'all' in condition ? condition.all : null
  return 'any' in condition ? condition.any : null
}

/** Membership in a list of one is equality. */
function simplifyComparison({ field, operator, values }: Comparison): Comparison {
  const sorted = [...new Set(values)].sort((a, b) => (a < b ? -1 : 1))
  if (sorted.length > 1) return { field, operator, values: sorted }
  const plain = { '=in=': '==', '=out=': '!=' } as const
  return { field, operator: operator === '=in=' || operator === '=out=' ? plain[operator] : operator, values: sorted }
}
