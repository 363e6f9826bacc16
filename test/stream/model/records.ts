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
