/**
 * What a consumer of `follow` gets, told apart by `type`. Times are ISO 8601 in UTC; what is not known is left out. `cursor`
 * is the position *after* the frame: store it beside what you made of the frame, and give it as `from` to go on there.
 */
export type Frame =
  | RecordFrame
  | CloudEventFrame
  | InvalidFrame
  | GapFrame
  | PausedFrame
  | ResumedFrame
  | PositionFrame
  | NoticeFrame

/** A record of the stream. */
export interface RecordFrame {
  readonly type: 'record'
  /** Names the record within its stream for ever: partition-offset. */
  readonly id: string
  /** On topics of more than 16 partitions on every 64th record only. */
  readonly cursor?: string
  /** Kafka's timestamp. */
  readonly time?: string
  readonly key?: string
  readonly headers?: { readonly [name: string]: string }
  /** The payload; null is a tombstone. Numbers above 2^53 are rounded here, and whole in `textOf(frame)`. */
  readonly data: unknown
}

/** A record as a CloudEvent 1.0, where `format` is `cloudevents`. */
export interface CloudEventFrame {
  readonly type: 'cloudevent'
  /** The record's. */
  readonly id: string
  readonly cursor?: string
  /** The event itself, with its own `type`. */
  readonly event: { readonly [attribute: string]: unknown }
}

/** A record that breaks its contract; the stream goes on. */
export interface InvalidFrame {
  readonly type: 'invalid'
  readonly id: string
  readonly cursor?: string
  readonly time?: string
  readonly reason: string
  /** Its payload in base64, where it is shown. */
  readonly bytes?: string
}

/** Records that will never come: get them elsewhere, or note that they are missing. */
export interface GapFrame {
  readonly type: 'gap'
  readonly cursor?: string
  /** `retention`, `reset` or `horizon`. */
  readonly reason: string
  readonly from?: string
  readonly to?: string
  /** At most so many records. */
  readonly offsets?: number
}

/** Nothing comes for a while, and nothing is lost until `keptUntil`. */
export interface PausedFrame {
  readonly type: 'paused'
  readonly cursor?: string
  /** `source`, `quota` or `metering`. */
  readonly reason: string
  readonly resumesAt?: string
  readonly keptUntil?: string
}

export interface ResumedFrame {
  readonly type: 'resumed'
  readonly cursor?: never
}

/** The cursor moved without a record. */
export interface PositionFrame {
  readonly type: 'position'
  readonly cursor: string
}

/** Advice, by `kind`; docs/protocol.md lists them, and newer gateways may have more. */
export interface NoticeFrame {
  readonly type: 'notice'
  readonly cursor?: never
  readonly kind: string
  /** `token-expiring`: when. */
  readonly expiresAt?: string
  /** `lagging`: offsets behind; `invalid`: records that were left out. */
  readonly count?: number
  /** `quota-80`: of so many `unit` in a `window`, which ends at `resetsAt`, four fifths are used. */
  readonly limit?: number
  readonly unit?: string
  readonly window?: string
  readonly resetsAt?: string
}

/** Any frame of the gateway as it comes in: newer gateways may say more, so nothing but the type is sure. */
export interface Incoming {
  readonly type: string
  readonly [field: string]: unknown
}

const texts = new WeakMap<object, string>()

/** The frame letter by letter as it came: `JSON.parse` rounds integers above 2^53 and forgets how a number was written. */
export function textOf(frame: Frame): string {
  return texts.get(frame) ?? JSON.stringify(frame)
}

/** Null where the text is no frame. */
export function parseFrame(text: string): Incoming | null {
  const value = objectOf(text)
  if (value === null) return null
  const frame = 'specversion' in value ? cloudEvent(value) : isIncoming(value) ? value : null
  if (frame !== null) texts.set(frame, text)
  return frame
}

/** A member that is text; null for any other. */
export function textIn(object: { readonly [name: string]: unknown }, name: string): string | null {
  const value = object[name]
  return typeof value === 'string' ? value : null
}

/** Null where the text is no JSON object. */
export function objectOf(text: string): { readonly [name: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

const FOR_CONSUMERS: readonly Frame['type'][] = [
  'record',
  'cloudevent',
  'invalid',
  'gap',
  'paused',
  'resumed',
  'position',
  'notice',
]

/** Whether it is the consumer's; the others are between the client and the gateway, or of a newer one. */
export function isFrame(incoming: Incoming | Frame): incoming is Frame {
  return (FOR_CONSUMERS as readonly string[]).includes(incoming.type)
}

/** An event's own `type` is the message's name, and would be taken for a frame's. */
function cloudEvent(event: { readonly [attribute: string]: unknown }): Incoming {
  const cursor = textIn(event, 'cursor')
  return { type: 'cloudevent', id: event['id'], ...(cursor !== null && { cursor }), event }
}

function isIncoming(value: { readonly [name: string]: unknown }): value is Incoming {
  return typeof value['type'] === 'string'
}
