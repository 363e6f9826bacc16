import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { FilterField, JsonSchema, Stream } from '../../gateway/catalog/plan.ts'
import { keeps } from '../../gateway/stream/condition.ts'
import { project } from '../../gateway/stream/projection.ts'
import { select, SELECTION_LIMITS, type Selection } from '../../gateway/transport/selection.ts'
import { stream } from '../integration/support/product.ts'

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    magnitude: { type: 'number' },
    geometry: { $ref: '#/definitions/geometry' },
    reports: { type: 'array', items: { properties: { by: { type: 'string' } } } },
    labels: { type: 'object', properties: { a: {} }, additionalProperties: { type: 'string' } },
    extra: { type: 'object' },
  },
  definitions: { geometry: { properties: { depth: { type: 'number' }, coordinates: { type: 'array' } } } },
}
const FIELDS: readonly FilterField[] = [
  { name: 'magnitude', path: ['magnitude'], type: 'number' },
  { name: 'region', path: ['region'], type: 'string' },
  { name: 'felt', path: ['felt'], type: 'integer' },
  { name: 'tsunami', path: ['tsunami'], type: 'boolean' },
  { name: 'time', path: ['time'], type: 'time' },
  { name: 'geometry.depth', path: ['geometry', 'depth'], type: 'number' },
]
const QUAKES = stream({ schema: SCHEMA, filterable: FIELDS })

describe('selection', () => {
  it('without a wish it is everything', () => {
    assert.deepEqual(select(QUAKES, {}), { condition: null, kept: null, keptKey: '', key: '' })
  })

  it('`where` keeps the records that it is true of', () => {
    const kept = (where: string, payload: object): boolean => {
      const { condition } = selected({ where })
      assert.ok(condition)
      return keeps(condition, payload)
    }
    assert.ok(kept('magnitude=ge=4.5;region==JP', { magnitude: 4.5, region: 'JP' }))
    assert.ok(!kept('magnitude=ge=4.5;region==JP', { magnitude: 4.5, region: 'CL' }))
    assert.ok(kept('geometry.depth<10,tsunami==true', { geometry: { depth: 9 } }))
    assert.ok(kept('geometry.depth<10,tsunami==true', { tsunami: true }))
    assert.ok(kept('time=gt=2026-11-22T15:00:00+01:00', { time: '2026-11-22T14:00:00.1Z' }))
    assert.ok(kept('felt=in=(1,2,3)', { felt: 2 }))
    assert.ok(!kept('felt=out=(1,2,3)', {}))
    assert.ok(kept('region==J*', { region: 'J*' }))
    assert.ok(!kept('region==J*', { region: 'JP' }))
  })

  it('`fields` keeps the members that it names, blanks around them aside', () => {
    const { kept } = selected({ fields: ' id , geometry.coordinates,reports.by,labels.anything,extra.anything' })
    assert.ok(kept)
    const payload =
      '{"id":"a","magnitude":1,"geometry":{"depth":1,"coordinates":[1]},"reports":[{"by":"x","at":1}],"extra":{"anything":1,"b":2}}'
    assert.equal(
      Buffer.from(project(Buffer.from(payload), kept)).toString(),
      '{"id":"a","geometry":{"coordinates":[1]},"reports":[{"by":"x"}],"extra":{"anything":1}}',
    )
  })

  it('equal selections have one key, and others another', () => {
    const key = (where?: string, fields?: string): string =>
      selected({ ...(where !== undefined && { where }), ...(fields !== undefined && { fields }) }).key
    const same = [
      ['magnitude=ge=4.5;region==JP', 'id,geometry'],
      ['region==JP and magnitude>=4.50', 'geometry , id'],
      ['(region=in=(JP,"JP"));(magnitude=ge=45e-1;magnitude=ge=4.5)', 'geometry,id,geometry.depth'],
    ].map(([where, fields]) => key(where, fields))
    assert.equal(new Set(same).size, 1, same.join('\n'))
    const times = ['time==2026-11-22T15:00:00Z', 'time==2026-11-22T16:00:00.000+01:00'].map((where) => key(where))
    assert.equal(new Set(times).size, 1)
    const others = [
      key(),
      key('region==JP'),
      key('region!=JP'),
      key('region==jp'),
      key(undefined, 'id'),
      key(undefined, 'geometry'),
      key(undefined, 'geometry.depth'),
      key('region==JP', 'id'),
    ]
    assert.equal(new Set(others).size, others.length, others.join('\n'))
  })

  it('keys of `fields` are equal iff the same is kept', () => {
    const open = stream({ schema: null })
    const names = fc.uniqueArray(
      fc.array(fc.constantFrom('a', 'b', '"', '{', ':'), { minLength: 1, maxLength: 3 }).map((path) => path.join('.')),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(names, names, (one, two) => {
        const [x, y] = [one, two].map((fields) => select(open, { fields: fields.join() })) as [Selection, Selection]
        assert.equal(x.key === y.key, JSON.stringify(covered(one)) === JSON.stringify(covered(two)))
      }),
      { numRuns: 1_000 },
    )
  })

  it('a `where` that cannot be meant is refused with what was probably meant', () => {
    const cases: readonly (readonly [where: string, detail: RegExp])[] = [
      ['', /^`where` cannot be read: it is empty\. It is written like `magnitude=ge=4\.5;region==abc`\.$/],
      ['magnitude=4', /equal is written ==/],
      [
        'magnitud==4',
        /names `magnitud`, by which .*; did you mean `magnitude`\? Filterable are: magnitude, region, felt, tsunami, time, geometry\.depth\.$/,
      ],
      ['depth==4', /did you mean `geometry\.depth`\?/],
      ['place==x', /names `place`, by which this stream cannot be filtered\. Filterable are:/],
      ['magnitude==strong', /compares `magnitude` with «strong», but its values are a number, written like 4\.5/],
      ['magnitude==1e999', /«1e999»/],
      ['magnitude==0x10', /a number/],
      ['magnitude==""', /«», but its values are a number/],
      ['felt==4.5', /compares `felt` with «4\.5», but its values are a whole number between -9007199254740991 and/],
      ['felt==9007199254740993', /a whole number between/],
      ['tsunami==yes', /true or false/],
      ['tsunami==True', /true or false/],
      ['tsunami=gt=false', /compares `tsunami` by =gt=, but it is true or false: use == or !=/],
      ['time=ge=2026-11-22', /a time with its zone, written like 2026-11-22T15:00:00Z/],
      ['time=ge=2026-11-22T15:00:00', /a time with its zone/],
      ['time=ge="2026-11-22T15:00:00 01:00"', /write the \+ of a zone as %2B/],
      ['time=ge=2026-11-22T15:00:00 01:00', /\+ is written %2B/],
      ['felt=in=(1,x)', /«x»/],
      ['magnitude=gt=(1,2)', /not with a list/],
      [`felt==${'\u0007'.repeat(3)}`, /«\u{fffd}{3}»/u],
    ]
    for (const [where, detail] of cases) {
      const refusal = select(QUAKES, { where })
      assert.ok('code' in refusal, where)
      assert.deepEqual([refusal.code, refusal.parameter], ['bad-parameter', 'where'])
      assert.match(refusal.detail, detail, where)
      assert.doesNotMatch(refusal.detail, /\p{Cc}/u)
    }
    const none = select(stream({ schema: SCHEMA }), { where: 'a==1' })
    assert.ok('code' in none && /no filterable fields/.test(none.detail))
  })

  it('`fields` that cannot be meant are refused with what was probably meant', () => {
    const cases: readonly (readonly [fields: string, detail: RegExp])[] = [
      ['', /^`fields` is empty; it is a comma list of paths, like `id,geometry\.coordinates`\.$/],
      ['id,,magnitude', /has nothing at place 2/],
      ['id,', /has nothing at place 2/],
      ['geometry..depth', /a name beside a dot is missing/],
      ['.id', /a name beside a dot is missing/],
      ['id, id', /names `id` twice/],
      [
        'magnitud',
        /names `magnitud`, but the payload has no `magnitud`; did you mean `magnitude`\? There are: id, magnitude, geometry/,
      ],
      ['geometry.dept', /`geometry` has no `dept`; did you mean `geometry\.depth`\? There are: depth, coordinates\.$/],
      ['reports.to', /`reports` has no `to`\. There are: by\.$/],
      ['magnitude.value', /names `magnitude\.value`, but `magnitude` has no members\.$/],
      ['constructor', /has no `constructor`/],
    ]
    for (const [fields, detail] of cases) {
      const refusal = select(QUAKES, { fields })
      assert.ok('code' in refusal, fields)
      assert.deepEqual([refusal.code, refusal.parameter], ['bad-parameter', 'fields'])
      assert.match(refusal.detail, detail, fields)
    }
  })

  it('a payload whose schema says nothing of its members may have any', () => {
    for (const schema of [
      null,
      true,
      { type: 'object' },
      { properties: { a: {} }, additionalProperties: true },
    ] as const)
      assert.ok('key' in select(stream({ schema }), { fields: 'x.y' }))
  })

  it('each limit is told, and what is just at it is read', () => {
    const { whereCharsMax, comparisonsMax, valuesMax, fieldsMax, fieldsCharsMax, stepsMax } = SELECTION_LIMITS
    const open = stream({ schema: null, filterable: FIELDS })
    const repeated = (n: number, make: (i: number) => string, by: string): string =>
      Array.from({ length: n }, (_, i) => make(i)).join(by)
    const limits: readonly (readonly [wish: (n: number) => object, max: number, detail: RegExp])[] = [
      [(n) => ({ where: `region==${'x'.repeat(n - 8)}` }), whereCharsMax, /has 2049 characters; at most 2048/],
      [(n) => ({ where: repeated(n, (i) => `felt==${i}`, ',') }), comparisonsMax, /more than 32 comparisons/],
      [(n) => ({ where: `felt=in=(${repeated(n, String, ',')})` }), valuesMax, /201 values; at most 200/],
      [(n) => ({ fields: repeated(n, (i) => `f${i}`, ',') }), fieldsMax, /101 items; at most 100/],
      [(n) => ({ fields: 'x'.repeat(n) }), fieldsCharsMax, /2049 characters; at most 2048/],
      [(n) => ({ fields: repeated(n, () => 'x', '.') }), stepsMax, /more than 32 members/],
    ]
    for (const [wish, max, detail] of limits) {
      assert.ok('key' in select(open, wish(max)), String(detail))
      const refusal = select(open, wish(max + 1))
      assert.ok('code' in refusal)
      assert.match(refusal.detail, detail)
    }
  })

  it('hostile wishes are refused in short words and little time', () => {
    const wide: JsonSchema = {
      properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name-${i}-${'x'.repeat(40)}`, {}])),
    }
    const hostile = stream({ schema: wide, filterable: FIELDS })
    const texts = [
      '('.repeat(10_000),
      '('.repeat(2_048),
      `${'(('.repeat(500)}a`,
      'x'.repeat(2_048),
      ','.repeat(2_048),
      '.'.repeat(2_048),
      '\u0000'.repeat(2_000),
    ]
    for (const text of texts) {
      for (const wish of [{ where: text }, { fields: text }, { where: `region==1;${text}` }]) {
        const refusal = select(hostile, wish)
        assert.ok('code' in refusal)
        assert.ok(refusal.detail.length < 1_000, refusal.detail)
        const ms = quickestMs(() => void select(hostile, wish))
        assert.ok(ms < 50, `${text.slice(0, 5)}…: ${ms} ms`)
      }
    }
  })

  it('any text is answered', () => {
    const pieces = fc.constantFrom(
      'magnitude',
      'region',
      'felt',
      'time',
      '==',
      '=gt=',
      '=in=',
      '(',
      ')',
      ',',
      ';',
      '1',
      '.5',
      '"',
      ' ',
      'true',
      '*',
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        for (const wish of [{ where: text }, { fields: text }]) {
          const answer = select(QUAKES, wish)
          assert.ok('code' in answer ? answer.code === 'bad-parameter' : answer.key !== '')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

function selected(wish: Parameters<typeof select>[1], of: Stream = QUAKES): Selection {
  const answer = select(of, wish)
  assert.ok(!('code' in answer), JSON.stringify(answer))
  return answer
}

/** The paths that no other path contains, sorted. */
function covered(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}.`))).sort()
}

/** CPU of the quickest of five runs, ms: what else the machine does only ever adds. */
function quickestMs(run: () => void): number {
  const runs = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1_000
  })
  return Math.min(...runs)
}
