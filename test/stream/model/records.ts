import type { FilterField } from '../../../gateway/catalog/plan.ts'
import type { Condition } from '../../../gateway/stream/condition.ts'
import { NO_HEADERS, type Record } from '../../../gateway/stream/record.ts'
import type { Decode, ViewSpec } from '../../../gateway/stream/view.ts'
import { streamTag } from '../../../gateway/stream/cursor.ts'

/** A record whose payload is `bytes` long; its place is its only content. */
export function recordOf(partition: number, offset: number, time = 1_000 + offset, bytes = 10): Record {
  return { partition, offset, time, key: null, value: Buffer.alloc(bytes, 0x30), headers: NO_HEADERS }
}

/** A stream's way to decode: what it finds broken, and how often it was asked. */
export class CountedDecode {
  calls = 0
  readonly decode: Decode

  constructor(breaks: (record: Record) => boolean = () => false) {
    this.decode = (record) => {
      this.calls++
      return breaks(record) ? { invalid: 'schema' } : { json: record.value ?? Buffer.from('null') }
    }
  }
}

/** A view of the one stream of these tests. */
export function specOf(key: string, { decode }: CountedDecode, invalid: ViewSpec['invalid'] = 'skip'): ViewSpec {
  const stream = { key: 'p/s', tag: streamTag('p/s'), topic: 't' }
  const event = { source: 'https://weir.test/streams/p/s', type: 'tick' }
  const all = { condition: null, kept: null, equality: null }
  return { key, stream, decode, form: 'record', showKey: false, showHeaders: [], invalid, event, ...all }
}

export const UID: FilterField = { name: 'uid', path: ['uid'], type: 'integer' }
export const PARITY: FilterField = { name: 'parity', path: ['parity'], type: 'integer' }

/** The same view of what keeps a condition alone. */
export function where(spec: ViewSpec, key: string, condition: Condition): ViewSpec {
  return { ...spec, key, condition }
}

/** The same view of the records whose field has this value: all that differ in the value alone share a front. */
export function equal(spec: ViewSpec, field: FilterField, value: number): ViewSpec {
  const shared = `${spec.key} ${field.name}==`
  const condition = { field, operator: '==' as const, values: [value] }
  return { ...where(spec, shared + String(value), condition), equality: { field, value, key: shared } }
}
