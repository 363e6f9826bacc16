import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Stream } from '../../gateway/catalog/plan.ts'
import { streamTag } from '../../gateway/stream/cursor.ts'
import { choose, type Chosen } from '../../gateway/transport/chosen.ts'
import { isRefusal } from '../../gateway/transport/gate.ts'
import { readFields, readQuery, type Wish } from '../../gateway/transport/parameters.ts'
import { select, type Selection } from '../../gateway/transport/selection.ts'
import { parameter, stream } from '../integration/support/product.ts'

const STATION = parameter('station', { values: ['KSEA', 'KPDX'], default: 'KPDX' })
const KIND = parameter('kind', { field: { name: 'kind', path: ['kind'], type: 'string' } })
const LEVEL = parameter('level', { field: { name: 'level', path: ['level'], type: 'integer' } })
const AT = parameter('at', { field: { name: 'at', path: ['at'], type: 'time' } })
const REF = { key: 'p/s', tag: streamTag('p/s'), topic: 'unused' }

const chosen = (of: Stream, given: { readonly [name: string]: string }): Chosen => {
  const answer = choose(of, REF, new Map(Object.entries(given)))
  assert.ok(!isRefusal(answer), JSON.stringify(answer))
  return answer
}
const refused = (of: Stream, given: { readonly [name: string]: string }): [string | undefined, string] => {
  const answer = choose(of, REF, new Map(Object.entries(given)))
  assert.ok(isRefusal(answer), `${JSON.stringify(given)} was taken`)
  assert.equal(answer.code, 'bad-parameter')
  return [answer.parameter, answer.detail]
}

describe('parameters of a stream, chosen', () => {
  it('a stream without a parameter in its topic stays what it is, so that cursors stay valid', () => {
    const filtering = stream({ topic: 't', parameters: [KIND] })
    assert.deepEqual(chosen(filtering, {}), { stream: REF, query: '', conditions: [] })
    assert.equal(chosen(filtering, { kind: 'x' }).stream, REF)
  })

  it('each value has a topic, a key and a tag of its own, whatever order it was written in', () => {
    const two = stream({ topic: 'w.{b}.{a}', parameters: [parameter('b'), parameter('a')] })
    const one = chosen(two, { a: '1', b: '2' })
    const key = 'p/s?a=1&b=2'
    assert.deepEqual(one.stream, { key, tag: streamTag(key), topic: 'w.2.1' })
    assert.equal(one.query, '?param.a=1&param.b=2')
    assert.deepEqual(chosen(two, { b: '2', a: '1' }), one)
    const other = chosen(two, { a: '2', b: '1' }).stream
    assert.notEqual(other.tag, one.stream.tag)
    assert.notEqual(other.key, one.stream.key)
  })

  it('a default that is left out and one that is given are one', () => {
    const of = stream({ topic: 'w.{station}', parameters: [STATION] })
    assert.deepEqual(chosen(of, {}), chosen(of, { station: 'KPDX' }))
    const level = { ...LEVEL, default: '3' }
    const [condition] = chosen(stream({ parameters: [level] }), {}).conditions
    assert.deepEqual(condition, { field: LEVEL.field, operator: '==', values: [3] })
  })

  it('one without a default that chooses the topic is needed, and its values are said', () => {
    const free = stream({ topic: 'w.{x}', parameters: [parameter('x')] })
    const [name, detail] = refused(free, {})
    assert.equal(name, 'param.x')
    assert.match(detail, /is needed/)
    const listed = stream({ topic: 'w.{x}', parameters: [parameter('x', { values: ['KSEA', 'KPDX'] })] })
    assert.match(refused(listed, {})[1], /One of: KSEA, KPDX\./)
  })

  const STREAM = stream({
    topic: 'w.{station}.{free}',
    parameters: [STATION, parameter('free'), LEVEL, AT, parameter('code', { field: KIND.field, pattern: '^K[0-9]+$' })],
  })
  const WRONG: readonly (readonly [given: { readonly [name: string]: string }, name: string, detail: RegExp])[] = [
    [{ station: 'KSEE', free: 'x' }, 'station', /is one of KSEA, KPDX; .*Did you mean `KSEA`\?/],
    [{ free: '' }, 'free', /1 to 100 letters/],
    [{ free: 'a/b' }, 'free', /1 to 100 letters/],
    [{ free: 'ä' }, 'free', /1 to 100 letters/],
    [{ free: 'x\n' }, 'free', /1 to 100 letters/],
    [{ free: '{station}' }, 'free', /1 to 100 letters/],
    [{ free: 'x'.repeat(101) }, 'free', /1 to 100 letters/],
    [{ free: 'x', level: '1.5' }, 'level', /a whole number/],
    [{ free: 'x', level: '' }, 'level', /a whole number/],
    [{ free: 'x', at: '2026-11-22T15:00:00 01:00' }, 'at', /write the \+ of a zone as %2B/],
    [{ free: 'x', code: 'K' }, 'code', /matches the pattern/],
    [{ free: 'x', code: 'K'.repeat(2_049) }, 'code', /2049 characters; at most 2048/],
    [
      { free: 'x', statoin: 'KSEA' },
      'statoin',
      /did you mean `param\.station`\? There are: param\.station, param\.free/,
    ],
    [{ free: 'x', zzzzzz: '1' }, 'zzzzzz', /is unknown to this stream\. There are/],
    [{ free: 'x', __proto__x: '1' }, '__proto__x', /is unknown/],
  ]
  for (const [given, name, detail] of WRONG)
    it(`${JSON.stringify(given).slice(0, 60)} is refused by name`, () => {
      const [parameter, said] = refused(STREAM, given)
      assert.equal(parameter, `param.${name}`)
      assert.match(said, detail)
    })

  it('a stream without parameters says so', () => {
    assert.match(refused(stream(), { x: '1' })[1], /has no parameters of its own/)
  })

  it('a topic is legal as a whole: not over 249 characters, not . or ..', () => {
    const long = stream({ topic: '{a}{b}{c}', parameters: ['a', 'b', 'c'].map((name) => parameter(name)) })
    const hundred = 'x'.repeat(100)
    assert.equal(chosen(long, { a: hundred, b: hundred, c: 'x'.repeat(49) }).stream.topic.length, 249)
    assert.match(refused(long, { a: hundred, b: hundred, c: 'x'.repeat(50) })[1], /no name of a topic/)
    assert.match(refused(stream({ topic: '{a}', parameters: [parameter('a')] }), { a: '..' })[1], /no name of a topic/)
  })

  it('a filter alone is the equality that `where` would be, with `where` both hold', () => {
    const of = stream({ parameters: [LEVEL], filterable: [LEVEL.field!, KIND.field!] })
    const { conditions } = chosen(of, { level: '3' })
    const selected = (where: string | undefined, more = conditions): Selection => {
      const answer = select(of, where === undefined ? {} : { where }, more)
      assert.ok(!isRefusal(answer))
      return answer
    }
    assert.deepEqual(selected(undefined), selected('level==3', []))
    assert.deepEqual(selected('kind==a'), selected('kind==a;level==3', []))
    assert.deepEqual(selected('kind==a,level==4'), selected('(kind==a,level==4);level==3', []))
    assert.equal(selected('level==3').key, selected(undefined).key)
  })

  it('query and frame give the same; twice, without a name or as no string it is refused', () => {
    const params = (wish: ReturnType<typeof readQuery>): unknown => (wish as Wish).params
    const read = (frame: object): ReturnType<typeof readQuery> => readFields({ type: 'subscribe', ...frame }, ['type'])
    const expected = new Map([['station', 'K+A B']])
    assert.deepEqual(params(readQuery('param.station=K%2BA+B')), expected)
    assert.deepEqual(params(read({ 'param.station': 'K+A B' })), expected)
    assert.equal(params(readQuery('from=latest')), undefined)
    for (const wrong of [
      readQuery('param.a=1&param.a=1'),
      readQuery('param.=1'),
      read({ 'param.a': 1 }),
      read({ 'param.': 'x' }),
    ])
      assert.ok(isRefusal(wrong) && wrong.code === 'bad-parameter')
  })
})
