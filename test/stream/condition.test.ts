import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { FieldType, FilterField } from '../../gateway/catalog/plan.ts'
import {
  canonical,
  keeps,
  simplify,
  type Comparison,
  type Condition,
  type Scalar,
} from '../../gateway/stream/condition.ts'
import { instantOf } from '../../gateway/stream/instant.ts'

const field = (name: string, type: FieldType): FilterField => ({ name, path: name.split('.'), type })
const compare = (field: FilterField, operator: Comparison['operator'], ...values: Scalar[]): Comparison => ({
  field,
  operator,
  values,
})

const NUMBER = field('n', 'number')
const INTEGER = field('i', 'integer')
const TEXT = field('deep.s', 'string')
const FLAG = field('b', 'boolean')
const TIME = field('t', 'time')

const OPERATORS = ['==', '!=', '=gt=', '=ge=', '=lt=', '=le=', '=in=', '=out='] as const

describe('condition', () => {
  it('a field that is absent, null or of another type is in no comparison true, unequal included', () => {
    const payloads = [null, 5, 'x', [], {}, { n: null }, { n: '5' }, { n: [5] }, { n: { n: 5 } }, [{ n: 5 }]]
    for (const payload of payloads)
      for (const operator of OPERATORS) assert.equal(keeps(compare(NUMBER, operator, 5), payload), false, operator)
    assert.equal(keeps(compare(INTEGER, '!=', 5), { i: 5.5 }), false)
    assert.equal(keeps(compare(TIME, '!=', 'x'), { t: 'yesterday' }), false)
  })

  it('nothing is found that an object only inherits', () => {
    assert.equal(keeps(compare(field('constructor.name', 'string'), '!=', 'x'), {}), false)
    assert.equal(keeps(compare(field('deep.length', 'number'), '!=', 1), { deep: 'text' }), false)
    assert.equal(keeps(compare(NUMBER, '==', 5), Object.create({ n: 5 })), false)
    const own = JSON.parse('{"__proto__":{"a":1}}') as unknown
    assert.equal(keeps(compare(field('__proto__.a', 'number'), '==', 1), own), true)
  })

  it('times are compared as instants, finer than a millisecond', () => {
    const noon = instantOf('2026-11-22T12:00:00.000500Z') as string
    assert.ok(keeps(compare(TIME, '==', noon), { t: '2026-11-22T13:00:00.0005+01:00' }))
    assert.ok(keeps(compare(TIME, '=gt=', noon), { t: '2026-11-22T12:00:00.000501Z' }))
    assert.ok(keeps(compare(TIME, '=lt=', noon), { t: '2026-11-22T12:00:00.0004Z' }))
    assert.ok(!keeps(compare(TIME, '=ge=', noon), { t: '2026-11-22T11:59:59.999999999Z' }))
  })

  it('whole numbers that JSON cannot tell from their neighbours are equal to none that can be asked for', () => {
    const payload = JSON.parse('{"i":9007199254740993}') as unknown
    assert.equal(keeps(compare(INTEGER, '==', Number.MAX_SAFE_INTEGER), payload), false)
    assert.equal(keeps(compare(INTEGER, '=gt=', Number.MAX_SAFE_INTEGER), payload), true)
  })

  it('a star is a star', () => {
    assert.ok(keeps(compare(TEXT, '==', 'a*'), { deep: { s: 'a*' } }))
    assert.ok(!keeps(compare(TEXT, '==', 'a*'), { deep: { s: 'ab' } }))
  })

  it('keeps what a truth table of its comparisons keeps', () => {
    fc.assert(
      fc.property(conditions, payloads, (condition, payload) => {
        assert.equal(keeps(condition, payload), bruteForce(condition, payload))
      }),
      { numRuns: 2_000 },
    )
  })

  it('simplifying changes nothing of what is kept, and what is simple stays as it is', () => {
    fc.assert(
      fc.property(conditions, payloads, (condition, payload) => {
        const simple = simplify(condition)
        assert.equal(keeps(simple, payload), keeps(condition, payload))
        assert.deepEqual(simplify(simple), simple)
      }),
      { numRuns: 2_000 },
    )
  })

  it('order, repetition and needless nesting do not change the text', () => {
    fc.assert(
      fc.property(conditions, fc.infiniteStream(fc.nat(1_000)), (condition, random) => {
        const draw = (): number => random.next().value as number
        assert.equal(canonical(rewritten(condition, draw)), canonical(condition))
      }),
      { numRuns: 1_000 },
    )
  })

  it('different conditions have different texts', () => {
    fc.assert(
      fc.property(conditions, conditions, (one, two) => {
        assert.equal(canonical(one) === canonical(two), sameSet(one, two))
      }),
      { numRuns: 2_000 },
    )
    const texts = [
      compare(TEXT, '==', '1'),
      compare(NUMBER, '==', 1),
      compare(TEXT, '=in=', 'a', 'b'),
      compare(TEXT, '=in=', 'a","b'),
      compare(TEXT, '=in=', 'a,b'),
      compare(TEXT, '=in=', 'a,b', 'c'),
      compare(TEXT, '=in=', 'a', 'b,c'),
      { any: [compare(TEXT, '==', 'a'), compare(TEXT, '==', 'b')] },
      { all: [compare(TEXT, '==', 'a'), compare(TEXT, '==', 'b')] },
      { all: [] },
      { any: [] },
    ].map(canonical)
    assert.equal(new Set(texts).size, texts.length, texts.join('\n'))
  })

  it('a list of one is equality, whatever it was written as', () => {
    assert.equal(canonical(compare(TEXT, '=in=', 'a', 'a')), canonical(compare(TEXT, '==', 'a')))
    assert.equal(canonical(compare(TEXT, '=out=', 'a')), canonical(compare(TEXT, '!=', 'a')))
    assert.deepEqual(simplify({ all: [{ any: [compare(TEXT, '=in=', 'a')] }] }), compare(TEXT, '==', 'a'))
  })
})

const INSTANTS = ['2026-01-01T00:00:00', '2026-01-01T00:00:00.5', '2026-01-02T00:00:00']
const scalars: { readonly [name: string]: fc.Arbitrary<Scalar> } = {
  n: fc.constantFrom(-1.5, 0, 2, 1e300),
  i: fc.constantFrom(-1, 0, 10, 9),
  'deep.s': fc.constantFrom('', 'a', 'b', 'a,b', '10', '9', '"', 'é'),
  t: fc.constantFrom(...INSTANTS),
}

const comparisons: fc.Arbitrary<Condition> = fc.oneof(
  ...[NUMBER, INTEGER, TEXT, TIME].map((field) => {
    const value = scalars[field.name] as fc.Arbitrary<Scalar>
    return fc.oneof(
      fc
        .tuple(fc.constantFrom(...OPERATORS.slice(0, 6)), value)
        .map(([operator, value]) => compare(field, operator, value)),
      fc
        .tuple(fc.constantFrom('=in=' as const, '=out=' as const), fc.array(value, { minLength: 1, maxLength: 3 }))
        .map(([operator, values]) => compare(field, operator, ...values)),
    )
  }),
  fc.tuple(fc.constantFrom('==' as const, '!=' as const), fc.boolean()).map(([o, v]) => compare(FLAG, o, v)),
)

const { conditions } = fc.letrec<{ conditions: Condition }>((tie) => {
  const members = fc.array(tie('conditions'), { minLength: 1, maxLength: 3 })
  return {
    conditions: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      comparisons,
      members.map((some) => group('all', some)),
      members.map((some) => group('any', some)),
    ),
  }
})

const odd = fc.constantFrom(null, 'x', 7, true, [], {})
const payloads = fc.oneof(
  fc.record(
    {
      n: fc.oneof(scalars['n'] as fc.Arbitrary<Scalar>, odd),
      i: fc.oneof(scalars['i'] as fc.Arbitrary<Scalar>, odd),
      b: fc.oneof(fc.boolean(), odd),
      t: fc.oneof(
        fc.constantFrom(...INSTANTS).map((text) => `${text}Z`),
        odd,
      ),
      deep: fc.oneof(fc.record({ s: fc.oneof(scalars['deep.s'] as fc.Arbitrary<Scalar>, odd) }), odd),
    },
    { requiredKeys: [] },
  ),
  odd,
)

/** Compares by numbers alone: where each value stands in the sorted list of all that occur. */
function bruteForce(condition: Condition, payload: unknown): boolean {
  if ('all' in condition) return !condition.all.map((one) => bruteForce(one, payload)).includes(false)
  if ('any' in condition) return condition.any.map((one) => bruteForce(one, payload)).includes(true)
  const { field, operator, values } = condition
  let found = payload as { [key: string]: unknown } | null | undefined
  for (const step of field.path) found = found?.[step] as typeof found
  const value: unknown =
    field.type === 'time' && typeof found === 'string' ? (found as string).replace(/Z$/, '') : found
  const known = field.type === 'time' ? INSTANTS.includes(value as string) : typeof value === typeof values[0]
  if (!known) return false
  const order = values.map((one) => Math.sign(value === one ? 0 : (value as Scalar) < one ? -1 : 1))
  const wanted: { [operator: string]: readonly number[] } = {
    '==': [0],
    '!=': [-1, 1],
    '=gt=': [1],
    '=ge=': [0, 1],
    '=lt=': [-1],
    '=le=': [-1, 0],
  }
  if (operator === '=in=') return order.includes(0)
  if (operator === '=out=') return !order.includes(0)
  return (wanted[operator] as readonly number[]).includes(order[0] as number)
}

/** The same condition, written by somebody else. */
function rewritten(condition: Condition, draw: () => number): Condition {
  if ('field' in condition) {
    const values = [...condition.values]
    if (condition.operator === '=in=' || condition.operator === '=out=') {
      values.push(values[draw() % values.length] as Scalar)
      values.sort(() => (draw() % 2) - 0.5)
    }
    const same: Condition = { ...condition, values }
    return [same, { all: [same] }, { any: [same, same] }][draw() % 3] as Condition
  }
  const kind = 'all' in condition ? 'all' : 'any'
  const members = ('all' in condition ? condition.all : condition.any).map((one) => rewritten(one, draw))
  members.push(members[draw() % members.length] as Condition)
  const shuffled = members.map((one) => ({ one, at: draw() })).sort((a, b) => a.at - b.at)
  const cut = draw() % shuffled.length
  const parts = [shuffled.slice(0, cut), shuffled.slice(cut)].map((part) => part.map(({ one }) => one))
  const nested = parts.filter((part) => part.length > 0).map((part) => group(kind, part))
  return group(kind, nested)
}

function group(kind: 'all' | 'any', members: readonly Condition[]): Condition {
  return kind === 'all' ? { all: members } : { any: members }
}

/** Equal up to order, repetition and needless nesting: told by pairing members off, without any text. */
function sameSet(one: Condition, two: Condition): boolean {
  const [a, b] = [bare(one), bare(two)]
  if ('field' in a || 'field' in b) {
    if (!('field' in a && 'field' in b) || a.field !== b.field) return false
    const [x, y] = [a, b].map(asList) as [Comparison, Comparison]
    return (
      x.operator === y.operator &&
      x.values.every((v) => y.values.includes(v)) &&
      y.values.every((v) => x.values.includes(v))
    )
  }
  if ('all' in a !== 'all' in b) return false
  const [x, y] = [a, b].map((group) => ('all' in group ? group.all : group.any)) as [Condition[], Condition[]]
  return x.every((m) => y.some((n) => sameSet(m, n))) && y.every((m) => x.some((n) => sameSet(m, n)))
}

function asList({ field, operator, values }: Comparison): Comparison {
  const lists = { '==': '=in=', '!=': '=out=' } as const
  return { field, operator: operator === '==' || operator === '!=' ? lists[operator] : operator, values }
}

/** Without groups of one and without groups directly within groups of their kind. */
function bare(condition: Condition): Condition {
  if ('field' in condition) return condition
  const kind = 'all' in condition ? 'all' : 'any'
  const members = ('all' in condition ? condition.all : condition.any).map(bare).flatMap((one) => {
    if ('field' in one) return [one]
    return kind in one ? ('all' in one ? one.all : one.any) : [one]
  })
  const [first] = members
  return first !== undefined && members.every((one) => sameSet(one, first)) ? first : group(kind, members)
}
