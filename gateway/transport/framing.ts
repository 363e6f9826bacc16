import { rowOf, type Refusal } from '../errors.ts'
import type { SubscriptionEvent } from '../stream/outlet.ts'
import type { Body } from '../stream/body.ts'
import type { Frames } from '../stream/frames.ts'

/** A control frame before it is written: members in the order in which they go out; `undefined` ones are left out. */
export type Control = { readonly type: string; readonly [member: string]: unknown }

/** One record as a WebSocket message: the shared body behind the members of its own. */
export function recordMessage(frames: Frames, view: number, body: Body, cursor: string | null): void {
  frames.add(openingOf(body, `"view":${view},`, cursor), body, '')
}

/** One record as an SSE event without a name, so that `onmessage` fires. A body of our own holds no line break. */
export function recordEvent(frames: Frames, body: Body, cursor: string | null): void {
  const id = cursor === null ? '' : `id: ${cursor}\n`
  if (body.type === 'raw') return frames.add(`${id}data: `, onOneLine(body), '\n\n')
  // Among raw payloads nothing else would tell that this is none.
  const name = body.form === 'raw' ? `event: ${body.type}\n` : ''
  frames.add(`${name}${id}data: ${openingOf(body, '', cursor)}`, body, '\n\n')
}

/** One record as a line of JSON, without the number of a view, for NDJSON and pages. The body holds no line break. */
export function recordLine(frames: Frames, body: Body, cursor: string | null): void {
  frames.add(openingOf(body, '', cursor), body, '\n')
}

/** A control frame as a named SSE event; with a cursor it moves the client's last event id. */
export function controlEvent(control: Control, cursor: string | null): Uint8Array {
  const id = cursor === null ? '' : `id: ${cursor}\n`
  return Buffer.from(`event: ${control.type}\n${id}data: ${JSON.stringify(control)}\n\n`)
}

/** A control frame as a CloudEvent, for the subprotocol `cloudevents.json`. `id` is unique within `source`. */
export function controlCloudEvent(control: Control, source: string, id: string, time: number): Control {
  const { type, ...data } = control
  const at = new Date(time).toISOString()
  return {
    specversion: '1.0',
    id,
    source,
    type: `io.weir.${type}`,
    time: at,
    datacontenttype: 'application/json',
    data,
  }
}

/** What a subscription tells, as a control frame; `subscribed` and `ended` need more than the event and are made by the session. */
export function controlOf(event: Exclude<SubscriptionEvent, { type: 'subscribed' | 'ended' }>, view?: number): Control {
  const at = view === undefined ? {} : { view }
  switch (event.type) {
    case 'position':
      return { type: 'position', ...at, cursor: event.cursor }
    case 'gap': {
      const { cursor, reason, from, to, offsets } = event
      return { type: 'gap', ...at, cursor, reason, from: isoTime(from), to: isoTime(to), offsets }
    }
    case 'paused': {
      const { cursor, reason, resumesAt, keptUntil } = event
      return { type: 'paused', ...at, cursor, reason, resumesAt: isoTime(resumesAt), keptUntil: isoTime(keptUntil) }
    }
    case 'resumed':
      return { type: 'resumed', ...at }
    case 'notice':
      return { type: 'notice', kind: event.kind, ...at, count: event.count }
    case 'warned': {
      const { window, unit, limit, used, resetsAt } = event
      return { type: 'notice', kind: 'quota-80', ...at, window, unit, limit, used, resetsAt: isoTime(resetsAt) }
    }
  }
}

/** The last frame before a close. `cursors` by subscription id. */
export function closingOf(refusal: Refusal, cursors: { readonly [id: string]: string }): Control {
  const { close, retry } = rowOf(refusal.code)
  const { code, detail, retryAfter } = refusal
  return { type: 'closing', code: close, error: code, retry, retryAfter, detail, cursors }
}

/** One subscription is over, and its session goes on. */
export function endedOf(
  id: string,
  view: number,
  cursor: string | null,
  { code, retryAfter, detail }: Refusal,
): Control {
  return { type: 'ended', id, view, cursor, code, retry: rowOf(code).retry, retryAfter, detail }
}

/** A request that failed; `id` names the subscription that it was about. */
export function errorOf(id: string | null, { code, detail, parameter, scope, retryAfter }: Refusal): Control {
  const { status, title, retry } = rowOf(code)
  return { type: 'error', id: id ?? undefined, code, status, title, detail, parameter, scope, retry, retryAfter }
}

/** An absent time is left out of the frame. */
export function isoTime(ms: number | null): string | undefined {
  return ms === null ? undefined : new Date(ms).toISOString()
}

/** What stands before a body's own members. A raw payload has nothing before it. */
function openingOf({ type, id }: Body, view: string, cursor: string | null): string {
  if (type === 'raw') return ''
  const at = cursor === null ? '' : `"cursor":"${cursor}",`
  if (type === 'cloudevent') return `{"specversion":"1.0","id":"${id}",${view}${at}`
  return `{"type":"${type}",${view}"id":"${id}",${at}`
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20

/** A raw payload is as it was produced; as many bytes come out, since room for these was looked for. */
function onOneLine(body: Body): Body {
  const { json } = body
  if (!json.includes(LINE_FEED) && !json.includes(CARRIAGE_RETURN)) return body
  return { ...body, json: json.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)) }
}
