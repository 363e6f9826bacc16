/**
 * The words of the wire, a row each: docs/protocol.md prints these tables, specs/weir.asyncapi.yaml says the same to
 * machines, and test/contract sees every row on a running gateway, or finds it in `NOT_SERVED`. Codes of errors are the
 * rows of `ERRORS`.
 */
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { Form } from '../stream/body.ts'
import type { PauseReason, SubscriptionEvent } from '../stream/outlet.ts'
import type { InvalidReason } from '../stream/view.ts'
import { PAGE_LIMIT, PAGE_LIMIT_MAX, type Wish } from './parameters.ts'

/** How a client listens. */
export type Transport = 'websocket' | 'sse' | 'ndjson' | 'page'

export interface Row {
  /** In one line; Markdown. */
  readonly meaning: string
  /** How it is written; Markdown. Absent: as its name. */
  readonly form?: string
  /** Where it may stand. Absent: wherever its table says. */
  readonly at?: readonly Place[]
}
/** `subscribe` is the client's frame. */
export type Place = Transport | 'subscribe'

type Rows<Name extends string> = { readonly [name in Name]: Row }
type EventOf<T extends SubscriptionEvent['type']> = Extract<SubscriptionEvent, { readonly type: T }>

const EVERYWHERE: readonly Place[] = ['websocket', 'sse', 'ndjson', 'page']
const ENDLESS: readonly Place[] = ['websocket', 'sse', 'ndjson']
const SOCKET: readonly Place[] = ['websocket']

const ADDRESSES = {
  '/streams/{product}/{stream}': {
    meaning:
      'one stream; the request decides how: `Upgrade: websocket`, `Accept: text/event-stream`, `Accept: application/x-ndjson` (endless), else one page of JSON',
  },
  '/streams': { meaning: 'with `Upgrade: websocket`: a session without a subscription yet; subscribe by frames' },
  '/products': {
    meaning: 'the catalogue, with an ETag; public products also without a token, streaming always needs one',
  },
  '/products/{product}': { meaning: "one product: its promise, its plans, its streams' addresses" },
  '/errors/{code}': { meaning: 'what an error code means, and what to do: the `type` of a problem leads here' },
  '/.well-known/oauth-protected-resource': { meaning: 'who issues tokens for this gateway (RFC 9728)' },
  '/healthz': { meaning: 'whether the process is alive' },
  '/readyz': { meaning: 'whether it can serve, and what it waits for' },
  '/products/{product}/asyncapi.json': {
    meaning:
      'the product as AsyncAPI 3 for machines, as far as the caller may see it, with an ETag; `.yaml` as well, and no `Accept` changes either',
  },
  '/usage': {
    meaning:
      "the caller's own usage, by hour, and how far its allowances are used; `from` and `to` are times, absent: this month",
  },
  '/usage/lines': {
    meaning: 'which records are billed in a month (`?period=2026-11`), as ranges of offsets, one JSON a line',
  },
  'POST /streams/{product}/{stream}': { meaning: 'publishing' },
  'POST /tickets': { meaning: 'short-lived tickets for browsers' },
} as const satisfies { readonly [address: string]: Row }

const SUBPROTOCOLS = {
  'weir.v1': { meaning: 'control frames and records as on this page; without any subprotocol the same' },
  'cloudevents.json': {
    meaning:
      'control frames as CloudEvents of type `io.weir.<type>`, with the other members in `data`; records too, unless `format` says otherwise',
  },
  'bearer.<JWT>': { meaning: 'the token, for browsers; offered beside one of the others and never echoed' },
} as const satisfies { readonly [name: string]: Row }

const PARAMETERS: Rows<Exclude<keyof Wish, 'params'> | 'Last-Event-ID' | 'limit' | 'wait' | 'param.<name>'> = {
  from: {
    form: '`latest` · `earliest` · ISO 8601 time with zone · `-PT10M` (duration back from now, up to weeks) · a cursor',
    at: [...EVERYWHERE, 'subscribe'],
    meaning:
      'where to start; `latest`, the default, is all that Kafka acknowledges after `subscribed` arrives. A start by time leaves out records with an older timestamp',
  },
  'Last-Event-ID': { form: 'a cursor, as a header', at: EVERYWHERE, meaning: 'where to start; wins over both others' },
  lastEventId: {
    form: 'a cursor',
    at: EVERYWHERE,
    meaning: 'the same for an `EventSource` that cannot set a header; wins over `from`; empty counts as absent',
  },
  where: {
    form: 'RSQL: `magnitude=ge=4.5;region==JP`; `==` `!=` `=gt=` `=ge=` `=lt=` `=le=` `=in=` `=out=`, `;` and, `,` or',
    at: [...EVERYWHERE, 'subscribe'],
    meaning:
      "only records that match, by fields that the product declares filterable; values are typed by the field's schema, there are no wildcards, a tombstone matches no field",
  },
  fields: {
    form: 'comma list of paths: `id,geometry.coordinates`',
    at: [...EVERYWHERE, 'subscribe'],
    meaning: 'only these members of each payload; not with `raw`',
  },
  format: {
    form: 'see Formats',
    at: [...EVERYWHERE, 'subscribe'],
    meaning: 'how records are shown; `record` is the default',
  },
  limit: { form: `1 to ${PAGE_LIMIT_MAX} (${PAGE_LIMIT})`, at: ['page'], meaning: 'records of a page at most' },
  wait: {
    form: 'duration up to `PT30S` (0)',
    at: ['page'],
    meaning: 'how long an empty page waits for the first record',
  },
  'param.<name>': {
    form: 'text: `param.station=KSEA`',
    at: [...EVERYWHERE, 'subscribe'],
    meaning:
      "value of a parameter that the product's document declares for the stream: one that chooses the topic is needed where it has no default, any other keeps the records whose field equals it",
  },
}

const CLIENT_FRAMES = {
  auth: {
    form: '`{"type":"auth","token":"…"}`',
    meaning:
      'the first frame where the handshake had no token; later a newer token of the same consumer, which interrupts nothing. Answer: `welcome` at first, then `authenticated`',
  },
  subscribe: {
    form: '`{"type":"subscribe","id":"a","product":"…","stream":"…","from":"…","where":"…","fields":"…","format":"…","param.<name>":"…"}`',
    meaning:
      'opens a subscription under an id of your choice (1 to 64 characters). Answer: `subscribed`, or `error` with that id',
  },
  unsubscribe: { form: '`{"type":"unsubscribe","id":"a"}`', meaning: 'ends it. Answer: `unsubscribed`' },
  ping: { form: '`{"type":"ping"}`', meaning: 'Answer: `pong`' },
  publish: { meaning: 'a record of the client' },
  ack: { meaning: 'how far a client has dealt with a stream' },
  durable: { meaning: 'a subscription that the gateway remembers' },
} as const satisfies { readonly [type: string]: Row }

const SERVER_FRAMES = {
  welcome: {
    form: '`{"type":"welcome","session":"…","consumer":"…","expiresAt":"…"}`',
    at: SOCKET,
    meaning: 'the token is good; the first frame',
  },
  authenticated: { form: '`{"type":"authenticated","expiresAt":"…"}`', at: SOCKET, meaning: 'answer to `auth`' },
  subscribed: {
    form: '`{"type":"subscribed","id":"a","view":17,"cursor":"…","reason":"…","agreement":"…","plan":"…"}`',
    at: SOCKET,
    meaning:
      'the subscription stands at `cursor`; its frames carry this `view`. Unasked, with `reason`, where the view changes at that point',
  },
  unsubscribed: {
    form: '`{"type":"unsubscribed","id":"a","cursor":"…"}`',
    at: SOCKET,
    meaning: 'over; `cursor`, where it had begun, is where to go on',
  },
  record: {
    form: '`{"type":"record","view":17,"id":"3-1045","cursor":"…","time":"…","key":"…","headers":{…},"data":…}`',
    at: EVERYWHERE,
    meaning: 'a record; `cursor` is the position *after* it',
  },
  invalid: {
    form: '`{"type":"invalid","view":17,"id":"3-1046","cursor":"…","time":"…","reason":"…","bytes":"<base64>"}`',
    at: EVERYWHERE,
    meaning: "a record that breaks its contract, where the product's policy is to show it; the stream goes on",
  },
  position: {
    form: '`{"type":"position","view":17,"cursor":"…"}`',
    at: ['websocket', 'ndjson'],
    meaning:
      'the cursor moved without a record; the sign of life. NDJSON begins with one; over SSE it is a block of `id:` alone',
  },
  gap: {
    form: '`{"type":"gap","view":17,"cursor":"…","reason":"…","from":"<time>","to":"<time>","offsets":123}`',
    at: EVERYWHERE,
    meaning: 'records that will never come, at most `offsets` of them; `from` and `to` where they are known',
  },
  paused: {
    form: '`{"type":"paused","view":17,"cursor":"…","reason":"…","resumesAt":"…","keptUntil":"…"}`',
    at: ENDLESS,
    meaning: 'nothing comes for a while, and nothing is lost until `keptUntil`, where that is known',
  },
  resumed: { form: '`{"type":"resumed","view":17}`', at: ENDLESS, meaning: 'it goes on' },
  ended: {
    form: '`{"type":"ended","id":"a","view":17,"cursor":"…","code":"…","retry":"…","retryAfter":5,"detail":"…"}`',
    at: SOCKET,
    meaning: 'this subscription is over, the session goes on',
  },
  notice: { form: '`{"type":"notice","kind":"…",…}`', at: EVERYWHERE, meaning: 'advice' },
  error: {
    form: '`{"type":"error","id":"a","code":"…","status":403,"title":"…","detail":"…","parameter":"…","scope":"…","retry":"…","retryAfter":5}`',
    at: SOCKET,
    meaning: 'a request failed, the session goes on',
  },
  closing: {
    form: '`{"type":"closing","code":4201,"error":"token-expired","retry":"new-token","retryAfter":5,"detail":"…","cursors":{"a":"…"}}`',
    at: ENDLESS,
    meaning: 'the last frame; `cursors` by subscription (64 KiB of them at most), `"0"` for the stream of the address',
  },
  pong: { form: '`{"type":"pong"}`', at: SOCKET, meaning: 'answer to `ping`' },
} as const satisfies Rows<Exclude<SubscriptionEvent['type'], 'subscribed' | 'warned'>> & {
  readonly [type: string]: Row
}

const FORMATS: Rows<Form> = {
  record: { at: [...EVERYWHERE, 'subscribe'], meaning: 'the frame `record`' },
  cloudevents: { at: [...EVERYWHERE, 'subscribe'], meaning: 'a CloudEvent 1.0 in structured JSON' },
  raw: {
    at: ['websocket', 'sse', 'subscribe'],
    meaning:
      'the payload alone: over WebSocket a binary message, the only subscription of its session; over SSE the `data:` of an event without a name, where an `invalid` one is named',
  },
}

const GAP_REASONS: Rows<EventOf<'gap'>['reason']> = {
  retention: { meaning: 'the topic does not keep them any more' },
  reset: {
    meaning:
      'the topic is another one now, and is read from the time that was reached: records may come again under new ids',
  },
  horizon: { meaning: 'the plan does not reach back that far' },
}

const PAUSE_REASONS: Rows<PauseReason> = {
  source: { meaning: 'the data cannot be reached' },
  quota: { meaning: 'the allowance is spent until `resumesAt`' },
  metering: { meaning: 'usage cannot be recorded' },
}

const INVALID_REASONS: Rows<InvalidReason> = {
  'not-utf8': { meaning: 'not UTF-8' },
  'not-json': { meaning: 'not JSON' },
  schema: { meaning: "breaks the product's schema" },
  'too-big': { meaning: 'larger than `limits.recordBytesMax`; without `bytes`' },
  undecodable: { meaning: 'is no Avro, or not by the schema of its product' },
  'too-big-for-plan': { meaning: 'larger than a whole window of the plan allows; without `bytes`' },
}

const NOTICE_KINDS: Rows<
  EventOf<'notice'>['kind'] | 'token-expiring' | 'quota-80' | 'deprecated' | 'sunset' | 'draining'
> = {
  'token-expiring': { at: ENDLESS, meaning: 'the token ends at `expiresAt`, within a minute' },
  lagging: { at: ENDLESS, meaning: 'the connection is `count` offsets behind' },
  invalid: {
    at: EVERYWHERE,
    meaning: '`count` records broke their contract and were left out, as the product wants it',
  },
  'quota-80': {
    at: ENDLESS,
    meaning: 'of `limit` messages or bytes (`unit`) of a `window`, four fifths are used; it ends at `resetsAt`',
  },
  deprecated: { meaning: 'the product has a successor' },
  sunset: { meaning: 'the product ends soon' },
  draining: { meaning: 'the node goes away soon' },
}

const SUBSCRIBED_REASONS = {
  authority: { meaning: 'the token or its scopes changed what is seen' },
  document: { meaning: 'the product was published anew' },
  plan: { meaning: 'the agreement has another plan' },
} as const satisfies { readonly [reason: string]: Row }

/** Every table, by what its rows are. */
export const CONTRACT = {
  address: ADDRESSES,
  subprotocol: SUBPROTOCOLS,
  parameter: PARAMETERS,
  'client frame': CLIENT_FRAMES,
  'server frame': SERVER_FRAMES,
  format: FORMATS,
  'gap reason': GAP_REASONS,
  'pause reason': PAUSE_REASONS,
  'invalid reason': INVALID_REASONS,
  'notice kind': NOTICE_KINDS,
  'subscribed reason': SUBSCRIBED_REASONS,
  'error code': ERRORS,
} as const satisfies { readonly [kind: string]: { readonly [name: string]: Row } }

export type Kind = keyof typeof CONTRACT

/** Rows that the protocol holds a place for and this version cannot produce, and why. The one list of them. */
export const NOT_SERVED: { readonly [kind in Kind]?: { readonly [name: string]: string } } = {
  address: {
    'POST /streams/{product}/{stream}': 'partners cannot publish yet: 501',
    'POST /tickets': 'there are no tickets yet: 501',
  },
  'client frame': {
    publish: 'partners cannot publish yet: `error` with `bad-frame`',
    ack: 'nothing is acknowledged yet: `error` with `bad-frame`',
    durable: 'subscriptions live as long as their session: `error` with `bad-frame`',
  },
  'notice kind': {
    deprecated: 'deprecation stands in the catalogue only',
    sunset: 'deprecation stands in the catalogue only',
    draining: 'a node that goes away says `closing` at once',
  },
  'subscribed reason': {
    authority: 'a newer token ends what it does not allow any more and changes nothing else',
    plan: 'agreements are read at the start only',
  },
  'error code': {
    'token-revoked': 'tokens are not revoked before they expire',
  } satisfies { readonly [code in ErrorCode]?: string },
}

/** The names of a table that this version serves; with `place`, those that may stand there. */
export function served(kind: Kind, place?: Place): readonly string[] {
  return Object.entries<Row>(CONTRACT[kind])
    .filter(
      ([name, { at }]) =>
        whyNot(kind, name) === null && (place === undefined || at === undefined || at.includes(place)),
    )
    .map(([name]) => name)
}

/** Why a row is not served by this version; `null` where it is. */
export function whyNot(kind: Kind, name: string): string | null {
  return NOT_SERVED[kind]?.[name] ?? null
}
