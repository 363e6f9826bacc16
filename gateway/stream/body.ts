import type { Record } from './record.ts'

/** How a record is shown: our own envelope, a CloudEvent in structured JSON (CloudEvents 1.0.2 §3), or the payload alone. */
export type Form = 'record' | 'cloudevents' | 'raw'

/** What a subscriber gets of one record, but for the cursor and the view's number: shared by all who ride and read. */
export interface Body {
  readonly type: 'record' | 'invalid' | 'cloudevent' | 'raw'
  /** As it was asked for: a record that breaks its contract has no raw form, and stands among raw ones as `invalid`. */
  readonly form: Form
  readonly id: string
  /** Whether it counts towards allowance and bill: a record that breaks its contract does not. */
  readonly counts: boolean
  /** The members behind `cursor`, up to the payload: `"time":"…","data":`; of `raw` nothing. */
  readonly head: string
  /** The payload: the record's own bytes, wherever they go out as they came. */
  readonly json: Uint8Array
  /** The closing brace, where `head` and `json` do not hold it. */
  readonly tail: '}' | ''
  /** Of all three, as UTF-8. */
  readonly bytes: number
}

/** What of a record a body shows, beside its data. */
export interface Shown {
  readonly form: Form
  readonly showKey: boolean
  readonly showHeaders: readonly string[]
  /** Of a CloudEvent: the stream's public address, and the message's name. */
  readonly event: { readonly source: string; readonly type: string }
}

export function dataBody(shown: Shown, id: string, record: Record, json: Uint8Array): Body {
  switch (shown.form) {
    case 'raw':
      return bodyOf('raw', 'raw', id, true, '', json, '')
    case 'record':
      return bodyOf('record', 'record', id, true, recordHead(shown, record), json, '}')
    case 'cloudevents':
      return bodyOf('cloudevent', 'cloudevents', id, true, eventHead(shown, record), json, '}')
  }
}

/** A record that breaks its contract. `bytes`: whether its payload may be shown as it is. */
export function invalidBody(shown: Shown, id: string, record: Record, reason: string, bytes: boolean): Body {
  const payload = bytes && record.value !== null ? { bytes: textOf(record.value, 'base64') } : {}
  const time = dated(record.time)
  const { form } = shown
  if (form !== 'cloudevents')
    return bodyOf('invalid', form, id, false, membersOf({ time, reason, ...payload }), NO_BYTES, '')
  const { source } = shown.event
  const event = {
    source,
    type: 'io.weir.invalid',
    time,
    datacontenttype: 'application/json',
    sequence: sequenceOf(record),
    data: { reason, ...payload },
  }
  return bodyOf('cloudevent', form, id, false, membersOf(event), NO_BYTES, '')
}

const SEQUENCE_DIGITS = 20
const NO_BYTES = new Uint8Array(0)

/** The one place that makes them: one shape, however many forms. */
function bodyOf(
  type: Body['type'],
  form: Form,
  id: string,
  counts: boolean,
  head: string,
  json: Uint8Array,
  tail: Body['tail'],
): Body {
  return { type, form, id, counts, head, json, tail, bytes: Buffer.byteLength(head) + json.byteLength + tail.length }
}

function recordHead({ showKey, showHeaders }: Shown, record: Record): string {
  let head = `"time":"${dated(record.time)}",`
  if (showKey) head += `"key":${record.key === null ? 'null' : jsonText(record.key)},`
  if (showHeaders.length > 0) head += `"headers":${headersText(showHeaders, record)},`
  return `${head}"data":`
}

/** Attribute names of extensions are lower-case letters and digits (CloudEvents 1.0.2 §3.1). */
function eventHead({ showKey, event }: Shown, record: Record): string {
  let head = `"source":${JSON.stringify(event.source)},"type":${JSON.stringify(event.type)},"time":"${dated(record.time)}",`
  head += `"datacontenttype":"application/json","sequence":"${sequenceOf(record)}",`
  // An attribute is never empty (CloudEvents 1.0.2, extension «Partitioning»).
  if (showKey && record.key !== null && record.key.byteLength > 0)
    head += `"partitionkey":${attributeText(record.key)},`
  const trace = lastHeader(record, 'traceparent')
  const parent = trace === null ? '' : textOf(trace, 'utf8')
  return TRACEPARENT.test(parent) ? `${head}"traceparent":"${parent}","data":` : `${head}"data":`
}

/** W3C Trace Context §3.2: what is none is to be ignored, and strict readers refuse the whole event for it. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Of one width, so that it sorts as text. */
function sequenceOf({ offset }: Record): string {
  return String(offset).padStart(SEQUENCE_DIGITS, '0')
}

function membersOf(members: object): string {
  return JSON.stringify(members).slice(1)
}

function headersText(shown: readonly string[], record: Record): string {
  const headers: { [name: string]: string } = Object.create(null) as { [name: string]: string }
  for (const [name, value] of record.headers) if (shown.includes(name)) headers[name] = textOf(value, 'utf8')
  return JSON.stringify(headers)
}

/** Of a header that comes several times the last counts, as in Kafka's own `lastHeader`. */
function lastHeader(record: Record, wanted: string): Uint8Array | null {
  return record.headers.findLast(([name]) => name === wanted)?.[1] ?? null
}

/** The years 0 to 9999, which is all that RFC 3339 §5.6 can write, ms since 1970. */
const DATED_MS_MIN = -62_167_219_200_000
const DATED_MS_MAX = 253_402_300_799_999

/** Records come in the order of their times, mostly: of one second all but the milliseconds is the same text. */
let datedSecond = Number.NaN
let datedPrefix = ''

/** A producer's nonsense (nanoseconds, say) becomes the nearest instant that can be written: it must not stop the stream. */
function dated(time: number): string {
  const ms = Math.trunc(Math.max(DATED_MS_MIN, Math.min(DATED_MS_MAX, time)))
  const second = Math.floor(ms / 1000)
  if (second !== datedSecond) {
    datedSecond = second
    datedPrefix = new Date(second * 1000).toISOString().slice(0, -4)
  }
  const rest = ms - second * 1000
  return `${datedPrefix}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`
}

/** Bytes that are not UTF-8 become U+FFFD: a key is a label here, and its text must not break the frame. */
function jsonText(bytes: Uint8Array): string {
  return JSON.stringify(textOf(bytes, 'utf8'))
}

/** Control characters and noncharacters may not stand in an attribute (CloudEvents 1.0.2 §2.1). */
const NO_ATTRIBUTE = /[\p{Cc}\p{Noncharacter_Code_Point}]/gu

function attributeText(bytes: Uint8Array): string {
  return JSON.stringify(textOf(bytes, 'utf8').replace(NO_ATTRIBUTE, '\ufffd'))
}

function textOf(bytes: Uint8Array, encoding: 'utf8' | 'base64'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding)
}
