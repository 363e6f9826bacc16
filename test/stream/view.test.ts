import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FilterField } from '../../gateway/catalog/plan.ts'
import type { Body } from '../../gateway/stream/body.ts'
import { Entry } from '../../gateway/stream/entry.ts'
import { Position } from '../../gateway/stream/position.ts'
import type { Header, Record } from '../../gateway/stream/record.ts'
import { Front } from '../../gateway/stream/front.ts'
import { keptOf } from '../../gateway/stream/projection.ts'
import { View, type InvalidReason, type ViewSpec } from '../../gateway/stream/view.ts'
import { cursorOf } from './model/bench.ts'
import { CountedDecode, recordOf, specOf } from './model/records.ts'

const TIME = Date.UTC(2026, 10, 22, 15, 0, 0, 123)

function recordWith(more: Partial<Record>): Record {
  return { ...recordOf(3, 1045, TIME), value: Buffer.from('{"m":4.5}'), ...more }
}

function shown(more: Partial<Record>, spec: Partial<ViewSpec> = {}, epoch = 0): unknown {
  const view = new View(1, { ...specOf('v', new CountedDecode()), ...spec }, new Front('v', null))
  const body = view.body(new Entry(recordWith(more)), epoch)
  return typeof body === 'string' ? body : JSON.parse(`{"type":"${body.type}","id":"${body.id}",${restOf(body)}`)
}

/** All that goes out of a body behind what its kind of connection writes itself. */
function restOf({ head, json, tail }: Body): string {
  return `${head}${Buffer.from(json).toString()}${tail}`
}

function broken(reason: InvalidReason, more: Partial<Record> = {}): unknown {
  return shown(more, { invalid: 'frame', decode: () => ({ invalid: reason }) })
}

describe('view', () => {
  it('a record is shown as its payload, with its place and its time', () => {
    const record = { type: 'record', id: '3-1045', time: '2026-11-22T15:00:00.123Z', data: { m: 4.5 } }
    assert.deepEqual(shown({}), record)
    assert.deepEqual(shown({}, {}, 1), { ...record, id: '1.3-1045' })
    assert.deepEqual(shown({ value: null }), { ...record, data: null })
  })

  it('keys and headers are shown where the product exposes them, whatever bytes they are, and nowhere else', () => {
    const text = (value: string): Uint8Array => Buffer.from(value)
    const headers: Header[] = [
      ['source', text('a')],
      ['secret', text('s')],
      ['source', text('"b"\n')],
      ['__proto__', text('p')],
    ]
    const record = { key: Uint8Array.of(0x22, 0xff, 0x0a), headers }
    const { key, headers: all } = shown(record, { showKey: true, showHeaders: ['source', '__proto__'] }) as {
      key: string
      headers: object
    }
    assert.equal(key, '"\uFFFD\n')
    assert.deepEqual(
      Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      [
        ['__proto__', 'p'],
        ['source', '"b"\n'],
      ],
    )
    assert.deepEqual(Object.keys(shown(record) as object), ['type', 'id', 'time', 'data'])
    assert.equal((shown({ key: null }, { showKey: true }) as { key: unknown }).key, null)
  })

  it('what breaks its contract is sent as it came, with the reason; what is too big, or nothing, without bytes', () => {
    const invalid = { type: 'invalid', id: '3-1045', time: '2026-11-22T15:00:00.123Z' }
    assert.deepEqual(broken('schema'), { ...invalid, reason: 'schema', bytes: 'eyJtIjo0LjV9' })
    assert.deepEqual(broken('too-big'), { ...invalid, reason: 'too-big' })
    assert.deepEqual(broken('undecodable', { value: null }), { ...invalid, reason: 'undecodable' })
  })

  it('or is left out, where the stream says so', () => {
    assert.equal(shown({}, { invalid: 'skip', decode: () => ({ invalid: 'schema' }) }), 'skipped')
  })

  it('a filter shows what matches, hides the rest and tombstones, and shows nothing of what it cannot judge', () => {
    const field = { name: 'm', path: ['m'], type: 'number' } as const
    const condition = { field, operator: '=ge=', values: [4] } as const
    const data = { m: 4.5 }
    assert.deepEqual((shown({}, { condition }) as { data: unknown }).data, data)
    assert.equal(shown({ value: Buffer.from('{"m":3}') }, { condition }), 'filtered')
    assert.equal(shown({ value: null }, { condition }), 'filtered')
    const invalid = shown({}, { condition, invalid: 'frame', decode: () => ({ invalid: 'schema' }) })
    assert.deepEqual(Object.keys(invalid as object), ['type', 'id', 'time', 'reason'])
  })

  it('fields keep what is named, letter by letter', () => {
    const kept = keptOf([['a'], ['b', 'c']])
    const value = Buffer.from('{"a":12345678901234567890,"b":{"c":1.0,"d":2},"e":3}')
    const view = new View(1, { ...specOf('v', new CountedDecode()), kept }, new Front('v', null))
    const body = view.body(new Entry(recordWith({ value })), 0) as Body
    assert.match(restOf(body), /"data":\{"a":12345678901234567890,"b":\{"c":1\.0\}\}\}$/)
  })

  it('a time that no date can hold becomes the nearest that can be written', () => {
    const timeOf = (time: number): unknown => (shown({ time }) as { time: string }).time
    assert.equal(timeOf(-1), '1969-12-31T23:59:59.999Z')
    assert.equal(timeOf(1.79e18), '9999-12-31T23:59:59.999Z')
    assert.equal(timeOf(Number.MIN_SAFE_INTEGER), '0000-01-01T00:00:00.000Z')
  })

  it('a narrow topic has a cursor on every record, a wide one on each 64th', () => {
    const due = (partitions: number): number => {
      const view = new View(1, specOf('v', new CountedDecode()), new Front('v', null))
      return Array.from({ length: 640 }, () => view.cursorDue(partitions)).filter(Boolean).length
    }
    assert.deepEqual([due(1), due(16), due(17), due(1000)], [640, 640, 10, 10])
  })

  it('its cursor is the position, with the time to read again from', () => {
    const view = new View(1, specOf('v', new CountedDecode()), new Front('v', null))
    const position = new Position([0, 7], 500)
    position.pass(0, 4, 900)
    assert.deepEqual(cursorOf(view.cursor(position, { epoch: 2, log: 77 }, [6, 7])), {
      epoch: 2,
      log: 77,
      time: 900,
      vector: [5, 7],
    })
  })

  it('a value to filter by is looked up once, however many views ask for another, and each field by itself', (t) => {
    const decode = new CountedDecode()
    const [m, k]: readonly [FilterField, FilterField] = [
      { name: 'm', path: ['m'], type: 'number' },
      { name: 'k', path: ['k'], type: 'string' },
    ]
    const viewOf = (field: FilterField, value: number | string): View => {
      const condition = { field, operator: '==', values: [value] } as const
      const equality = { field, value, key: field.name }
      return new View(1, { ...specOf(`${field.name} ${value}`, decode), condition, equality }, new Front('v', field))
    }
    const views = [viewOf(m, 4.5), viewOf(m, 5), viewOf(m, 6), viewOf(k, 'a'), viewOf(k, 'b'), viewOf(m, 4.5)]
    const entry = new Entry(recordWith({ value: Buffer.from('{"m":4.5,"k":"a"}') }))
    const parse = t.mock.method(JSON, 'parse')
    const kept = views.map((view) => view.body(entry, 0) !== 'filtered')
    assert.deepEqual(kept, [true, false, false, true, false, true])
    // For the first field, for the second, and for the first again, which no reader of one stream asks for in this order.
    assert.equal(parse.mock.callCount(), 3)
  })

  it('the payload of a record is decoded once, and a body kept for one view is not taken for another', () => {
    const decode = new CountedDecode()
    const [a, b] = [
      new View(1, specOf('a', decode), new Front('a', null)),
      new View(2, specOf('b', decode), new Front('b', null)),
    ]
    const entry = new Entry(recordWith({}))
    const { bytes } = entry
    const body = a.body(entry, 0)
    b.body(entry, 0)
    assert.equal(decode.calls, 1)
    const grown = entry.keep(a, body)
    assert.equal(entry.bytes, bytes + grown)
    assert.equal(entry.kept(a), body)
    assert.equal(entry.kept(b), null)
    entry.keep(b, 'skipped')
    assert.equal(entry.kept(b), 'skipped')
    assert.equal(entry.bytes, bytes)
  })
})
