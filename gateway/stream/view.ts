import { encodeCursor } from './cursor.ts'
import type { Entry } from './entry.ts'
import type { Carrier } from './outlet.ts'
import { TIME_MAX_MS, type Position } from './position.ts'
import type { Record } from './record.ts'
import type { Vector } from './source.ts'
import type { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'

/** A record's payload, checked: JSON text on one line, or why there is none. Made once per record and stream. */
export type Payload = { readonly json: Uint8Array } | { readonly invalid: InvalidReason }
export type InvalidReason = 'not-utf8' | 'not-json' | 'schema' | 'too-big' | 'undecodable'
/** Pure: equal functions are one object, since payloads are shared by it. */
export type Decode = (record: Record) => Payload

/** What a subscriber gets of one record, but for the cursor and the view's number: shared by all who ride and read. */
export interface Body {
  readonly type: 'record' | 'invalid'
  readonly id: string
  /** The members after `cursor`, with the closing brace: `"time":"…","data":…}`. */
  readonly rest: Uint8Array
}

/** The stream as the heart sees it. */
export interface StreamRef {
  /** `product/stream`: what cursors are bound to, by `tag`. */
  readonly key: string
  readonly tag: number
  readonly topic: string
}

/** A pure function of (record, Plan): what a class of subscribers sees. Equal `key`s are one view. */
export interface ViewSpec {
  readonly key: string
  readonly stream: StreamRef
  readonly decode: Decode
  readonly showKey: boolean
  readonly showHeaders: readonly string[]
  readonly invalid: 'frame' | 'skip'
}

/** More partitions than this, and only some records carry a cursor (protocol.md, «A record»). */
export const NARROW_PARTITIONS_MAX = 16
export const WIDE_CURSOR_EVERY = 64

/**
 * One class of subscribers on one tail. Dormant while nobody rides: then it costs nothing per record. Active, it has
 * a position of its own, the same for all its riders: the tail's, as far as it has been broadcast.
 */
export class View {
  readonly number: number
  readonly spec: ViewSpec
  /** Who rides, by the kind of connection: one frame serves each kind. */
  readonly riders = new Map<Carrier, Set<Subscription>>()
  /** Who stands at the end of what was broadcast and waits for more. */
  readonly waiting = new Set<Subscription>()
  /** Next ring entry to broadcast, and the position there; `null` while nobody rides. */
  front: { seq: number; position: Position } | null = null
  /** Records that broke their contract and were left out. */
  skipped = 0
  /** Subscriptions of this view, in any mode. */
  members = 0
  #sinceCursor = 0

  constructor(number: number, spec: ViewSpec) {
    this.number = number
    this.spec = spec
  }

  get ridden(): boolean {
    return this.front !== null
  }

  /** Takes on who stands just where this view does; the first one wakes it there. */
  ride(rider: Subscription, tail: Tail): void {
    this.front ??= { seq: tail.ring.end, position: tail.position.copy() }
    const riders = this.riders.get(rider.outlet.carrier)
    if (riders) riders.add(rider)
    else this.riders.set(rider.outlet.carrier, new Set([rider]))
    rider.outlet.join(this.number)
  }

  /** Lets a rider go; without riders the view is dormant. */
  unride(rider: Subscription): void {
    const { carrier } = rider.outlet
    const riders = this.riders.get(carrier)
    if (!riders?.delete(rider)) return
    rider.outlet.leave(this.number)
    if (riders.size === 0) this.riders.delete(carrier)
    if (this.riders.size > 0) return
    this.front = null
    for (const waiting of this.waiting) waiting.news()
  }

  /** The body for an entry; `null` where this view shows nothing of it. */
  body(entry: Entry, epoch: number): Body | null {
    const payload = entry.payload(this.spec.decode)
    if ('json' in payload)
      return {
        type: 'record',
        id: recordId(epoch, entry.record),
        rest: recordRest(this.spec, entry.record, payload.json),
      }
    if (this.spec.invalid === 'skip') return null
    return { type: 'invalid', id: recordId(epoch, entry.record), rest: invalidRest(entry.record, payload.invalid) }
  }

  cursor(position: Position, epoch: number, ends: Vector): string {
    return encodeCursor(this.spec.stream.tag, epoch, position.resetTime(ends), position.next)
  }

  /** Whether the next record broadcast carries a cursor. */
  cursorDue(partitions: number): boolean {
    if (partitions <= NARROW_PARTITIONS_MAX) return true
    this.#sinceCursor = (this.#sinceCursor + 1) % WIDE_CURSOR_EVERY
    return this.#sinceCursor === 0
  }
}

function recordId(epoch: number, record: Record): string {
  const place = `${record.partition}-${record.offset}`
  return epoch > 0 ? `${epoch}.${place}` : place
}

const DATA = '"data":'
const CLOSING_BRACE = 0x7d

function recordRest(spec: ViewSpec, record: Record, json: Uint8Array): Uint8Array {
  let head = `"time":"${dated(record.time)}",`
  if (spec.showKey) head += `"key":${record.key === null ? 'null' : jsonText(record.key)},`
  if (spec.showHeaders.length > 0) head += `"headers":${headersText(spec.showHeaders, record)},`
  head += DATA
  const headBytes = Buffer.byteLength(head)
  const rest = Buffer.allocUnsafe(headBytes + json.byteLength + 1)
  rest.write(head, 0)
  rest.set(json, headBytes)
  rest[rest.length - 1] = CLOSING_BRACE
  return rest
}

function invalidRest(record: Record, reason: InvalidReason): Uint8Array {
  const time = dated(record.time)
  // A record that is too big to be sent is too big to be sent as base64.
  const bytes = reason === 'too-big' || record.value === null ? {} : { bytes: textOf(record.value, 'base64') }
  return Buffer.from(JSON.stringify({ time, reason, ...bytes }).slice(1))
}

/** Of a header that comes several times the last counts, as in Kafka's own `lastHeader`. */
function headersText(shown: readonly string[], record: Record): string {
  const headers: { [name: string]: string } = Object.create(null) as { [name: string]: string }
  for (const [name, value] of record.headers) if (shown.includes(name)) headers[name] = textOf(value, 'utf8')
  return JSON.stringify(headers)
}

/** A producer's nonsense (nanoseconds, say) becomes the nearest instant that can be written: it must not stop the stream. */
function dated(time: number): string {
  return new Date(Math.max(-TIME_MAX_MS, Math.min(TIME_MAX_MS, time))).toISOString()
}

/** Bytes that are not UTF-8 become U+FFFD: a key is a label here, and its text must not break the frame. */
function jsonText(bytes: Uint8Array): string {
  return JSON.stringify(textOf(bytes, 'utf8'))
}

function textOf(bytes: Uint8Array, encoding: 'utf8' | 'base64'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding)
}
