import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Transport } from '../../gateway/transport/contract.ts'
import { assertBlock, assertFrame, assertPage, assertProblem } from './wire.ts'

const CURSOR = 'w1.AAAA'
const TIME = '2026-11-22T15:00:00.123Z'
const RECORD = { type: 'record', view: 1, id: '3-1045', cursor: CURSOR, time: TIME, key: null, headers: {}, data: {} }
const GAP = { type: 'gap', cursor: CURSOR, reason: 'reset', from: TIME, offsets: 0 }
const CLOSING = { type: 'closing', code: 4003, error: 'idle', retry: 'now', detail: 'It was idle.', cursors: {} }
const PAGE = { records: [], gaps: [GAP], notices: [], cursor: CURSOR, caughtUp: true }
const PROBLEM = {
  type: '/errors/forbidden',
  title: 'Not allowed',
  status: 403,
  detail: 'No agreement.',
  code: 'forbidden',
  retry: 'never',
}

describe('checker of the wire', () => {
  const BREACHES: readonly (readonly [what: string, at: Transport, frame: unknown, subprotocol?: string])[] = [
    ['a member that the contract does not have', 'websocket', { ...RECORD, partition: 3 }],
    ['a member that is missing', 'websocket', without(RECORD, 'data')],
    ['a view where there is none', 'sse', RECORD],
    ['no view where there is one', 'websocket', without(RECORD, 'view')],
    ['a time without its milliseconds', 'websocket', { ...RECORD, time: '2026-11-22T15:00:00Z' }],
    ['an id of another form', 'websocket', { ...RECORD, id: '3:1045' }],
    ['an epoch of 0 in an id', 'websocket', { ...RECORD, id: '0.3-1045' }],
    ['a cursor of another version', 'websocket', { ...RECORD, cursor: 'w2.AAAA' }],
    ['a reason that is not served', 'ndjson', { ...GAP, reason: 'quota' }],
    ['a frame of another transport', 'ndjson', { type: 'pong' }],
    ['a type that does not exist', 'websocket', { type: 'hello' }],
    ['no type', 'websocket', { id: '1' }],
    ['no object', 'websocket', 'pong'],
    ['a close code of another row', 'websocket', { ...CLOSING, code: 4002 }],
    ['advice of another row', 'ndjson', { ...CLOSING, retry: 'later' }],
    ['a bare control frame among CloudEvents', 'websocket', { type: 'pong' }, 'cloudevents.json'],
    ['a control frame as a CloudEvent that nobody asked for', 'websocket', event('pong', {})],
    ['a CloudEvent whose data is another frame', 'websocket', event('welcome', { cursor: CURSOR }), 'cloudevents.json'],
    ['a CloudEvent whose data says its type again', 'websocket', event('pong', { type: 'pong' }), 'cloudevents.json'],
  ]
  for (const [what, at, frame, subprotocol] of BREACHES)
    it(`${what} is caught`, () => assert.throws(() => assertFrame(at, frame, subprotocol), assert.AssertionError))

  it('what the contract says passes', () => {
    assertFrame('websocket', RECORD)
    assertFrame('sse', without(RECORD, 'view'))
    assertFrame('ndjson', GAP)
    assertFrame('websocket', CLOSING)
    assertFrame('websocket', event('pong', {}), 'cloudevents.json')
    assertFrame('websocket', RECORD, 'cloudevents.json')
    assertBlock({ retry: '1500', id: CURSOR }, false)
    assertBlock({ event: 'gap', id: CURSOR, data: JSON.stringify(GAP) }, false)
    assertBlock({ id: CURSOR, data: '[1]' }, true)
    assertPage({ ...PAGE, records: [without(RECORD, 'view')] })
    assertProblem(PROBLEM, 403)
  })

  it('blocks, pages and problems that say something else are caught', () => {
    const record = JSON.stringify(without(RECORD, 'view'))
    const wrong: readonly (() => void)[] = [
      () => assertBlock({ id: 'w1.BBBB', data: record }, false),
      () => assertBlock({ id: CURSOR, event: 'record', data: record }, false),
      () => assertBlock({ id: CURSOR, data: JSON.stringify(GAP) }, false),
      () => assertBlock({ id: '7' }, false),
      () => assertBlock({}, false),
      () => assertPage({ ...PAGE, records: [RECORD] }),
      () => assertPage({ ...PAGE, more: true }),
      () => assertProblem(PROBLEM, 404),
      () => assertProblem({ ...PROBLEM, title: 'No' }, 403),
      () => assertProblem({ ...PROBLEM, stack: '' }, 403),
    ]
    for (const run of wrong) assert.throws(run, assert.AssertionError)
  })
})

function event(type: string, data: object): object {
  const attributes = { specversion: '1.0', id: 'control-1', source: 'http://127.0.0.1:1/streams' }
  return { ...attributes, type: `io.weir.${type}`, time: TIME, datacontenttype: 'application/json', data }
}

function without(frame: object, member: string): object {
  return Object.fromEntries(Object.entries(frame).filter(([name]) => name !== member))
}
