import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeCursor, streamTag } from '../../gateway/stream/cursor.ts'
import { isRefusal } from '../../gateway/transport/gate.ts'
import { printable, readFields, readQuery, startOf, type Wish } from '../../gateway/transport/parameters.ts'

const NOW = Date.UTC(2026, 10, 22, 15)
const TAG = streamTag('quakes/events')
const CURSOR = encodeCursor(TAG, 2, NOW - 5_000, [7, 9])
const OTHER = encodeCursor(TAG, 2, NOW - 5_000, [8, 9])

describe('parameters of a stream', () => {
  const start = (query: string, header = ''): ReturnType<typeof startOf> => {
    const wish = readQuery(query)
    return isRefusal(wish) ? wish : startOf(wish, header, TAG, NOW)
  }
  const refusal = (query: string, header = ''): [string, string | undefined, string] => {
    const answer = start(query, header)
    assert.ok(isRefusal(answer), `${query} was taken as ${JSON.stringify(answer)}`)
    return [answer.code, answer.parameter, answer.detail]
  }

  const FORMS: readonly (readonly [string, unknown])[] = [
    ['', { kind: 'latest' }],
    ['from=latest', { kind: 'latest' }],
    ['from=earliest', { kind: 'earliest' }],
    ['from=2026-11-22T14:00:00Z', { kind: 'time', time: NOW - 3_600_000 }],
    ['from=2026-11-22T14:00:00.250Z', { kind: 'time', time: NOW - 3_600_000 + 250 }],
    ['from=2026-11-22T14:00Z', { kind: 'time', time: NOW - 3_600_000 }],
    ['from=2026-11-22T15:00:00%2B01:00', { kind: 'time', time: NOW - 3_600_000 }],
    ['from=2026-11-22T10:00:00-05:00', { kind: 'time', time: NOW }],
    ['from=1960-01-01T00:00:00Z', { kind: 'time', time: 0 }],
    ['from=-PT10M', { kind: 'time', time: NOW - 600_000 }],
    ['from=-P1DT2H', { kind: 'time', time: NOW - 26 * 3_600_000 }],
    ['from=-P2W', { kind: 'time', time: NOW - 14 * 24 * 3_600_000 }],
    ['from=-PT0S', { kind: 'time', time: NOW }],
    ['from=-P9999999W', { kind: 'time', time: 0 }],
    [`from=${CURSOR}`, { kind: 'cursor', cursor: { epoch: 2, time: NOW - 5_000, vector: [7, 9] } }],
  ]
  for (const [query, from] of FORMS) {
    it(`«${query.slice(0, 40)}» is understood`, () => {
      const found = start(query)
      if (!('kind' in found) || found.kind !== 'cursor') return assert.deepEqual(found, from)
      const { epoch, time, vector } = found.cursor
      assert.deepEqual({ kind: found.kind, cursor: { epoch, time, vector } }, from)
    })
  }

  const UNREADABLE = [
    '',
    'now',
    '2026-11-22',
    '2026-11-22T14:00:00',
    '22.11.2026',
    '-P1M',
    '-P1Y',
    '-P',
    '-PT',
    'PT10M',
    '1763820000',
    'w1',
  ]
  for (const from of UNREADABLE) {
    it(`from=${from} is refused by name, never ignored`, () => {
      const [code, parameter] = refusal(`from=${from}`)
      assert.deepEqual([code, parameter], ['bad-parameter', 'from'])
    })
  }

  it('a time in the future is refused, with both times', () => {
    const [code, parameter, detail] = refusal('from=2026-11-22T15:00:01Z')
    assert.deepEqual([code, parameter], ['bad-parameter', 'from'])
    assert.match(detail, /2026-11-22T15:00:01\.000Z.*2026-11-22T15:00:00\.000Z/)
  })

  it('a + of a zone that became a space is explained', () => {
    assert.match(refusal('from=2026-11-22T15:00:00+01:00')[2], /write the \+ of a zone as %2B/)
  })

  it('a word that is nearly right is answered with the right one', () => {
    assert.match(refusal('from=lastest')[2], /Did you mean `latest`/)
    assert.match(refusal('form=latest')[2], /[Dd]id you mean `from`/)
    assert.match(refusal('lasteventid=x')[2], /[Dd]id you mean `lastEventId`/)
    assert.match(refusal('format=cloudevent')[2], /[Dd]id you mean `cloudevents`/)
    assert.doesNotMatch(refusal('zzzzzzzz=1')[2], /[Dd]id you mean/)
  })

  it('a cursor that is damaged, foreign or of a newer version is refused as such, and the place that held it named', () => {
    const foreign = encodeCursor(streamTag('quakes/others'), 2, NOW, [7, 9])
    for (const [query, header, place, words] of [
      [`from=${CURSOR.slice(0, -1)}`, '', 'from', /damaged/],
      [`from=${foreign}`, '', 'from', /another stream/],
      ['from=w2.AAAA', '', 'from', /newer/],
      ['lastEventId=latest', '', 'lastEventId', /damaged/],
      ['', '17', 'Last-Event-ID', /damaged/],
      ['', foreign, 'Last-Event-ID', /another stream/],
    ] as const) {
      const [code, parameter, detail] = refusal(query, header)
      assert.deepEqual([code, parameter], ['cursor-invalid', place])
      assert.match(detail, words)
    }
  })

  it('the header wins over lastEventId, which wins over from; an empty one is none', () => {
    const next = (query: string, header = ''): unknown => {
      const from = start(query, header)
      return 'kind' in from && from.kind === 'cursor' ? from.cursor.vector[0] : from
    }
    assert.equal(next(`from=latest&lastEventId=${OTHER}`, CURSOR), 7)
    assert.equal(next(`from=latest&lastEventId=${OTHER}`), 8)
    assert.equal(next(`from=${CURSOR}&lastEventId=`), 7)
  })

  it('a parameter given twice is refused, also with the same value', () => {
    for (const query of ['from=latest&from=latest', `lastEventId=${CURSOR}&lastEventId=${OTHER}`])
      assert.match(refusal(query)[2], /given twice/)
  })

  it('a token in the query is refused by name, and not repeated', () => {
    for (const name of ['token', 'access_token', 'Authorization', 'JWT']) {
      const [code, parameter, detail] = refusal(`${name}=eyJsecret`)
      assert.deepEqual([code, parameter], ['bad-parameter', name])
      assert.doesNotMatch(detail, /eyJsecret/)
    }
  })

  it('what a client wrote is shown without control characters and cut', () => {
    assert.equal(printable('a\r\nb\0\u{1b}[31m'), 'a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}[31m')
    assert.equal(printable('x'.repeat(500)).length, 81)
    const [, parameter, detail] = refusal(`${'%0d%0a'.repeat(20)}=1`)
    assert.doesNotMatch(`${parameter} ${detail}`, /[\r\n]/)
  })

  it('fields of a frame are the same parameters, as strings; the query-only ones are unknown there', () => {
    const read = (fields: object): Wish | ReturnType<typeof readFields> =>
      readFields({ type: 'subscribe', ...fields }, ['type'])
    assert.equal((read({ from: 'earliest' }) as Wish).from, 'earliest')
    for (const fields of [
      { from: 5 },
      { from: null },
      { from: {} },
      { lastEventId: CURSOR },
      { token: 'x' },
      { form: 'x' },
    ])
      assert.ok(isRefusal(read(fields)), JSON.stringify(fields))
  })
})
