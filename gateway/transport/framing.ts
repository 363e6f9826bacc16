import { rowOf, type Refusal } from '../errors.ts'
import type { SubscriptionEvent } from '../stream/outlet.ts'
import type { Body } from '../stream/view.ts'

/** A control frame before it is written: members in the order in which they go out; `undefined` ones are left out. */
export type Control = { readonly type: string; readonly [member: string]: unknown }

/** One record as a WebSocket text message: the shared body behind the members of its own. */
export function recordMessage(view: number, body: Body, cursor: string | null): Uint8Array {
  const at = cursor === null ? '' : `"cursor":"${cursor}",`
  return joined(`{"type":"${body.type}","view":${view},"id":"${body.id}",${at}`, body.rest, '')
}

/** One record as an SSE event without a name, so that `onmessage` fires. The body holds no line break. */
export function recordEvent(body: Body, cursor: string | null): Uint8Array {
  const id = cursor === null ? '' : `id: ${cursor}\n`
  const at = cursor === null ? '' : `"cursor":"${cursor}",`
  return joined(`${id}data: {"type":"${body.type}","id":"${body.id}",${at}`, body.rest, '\n\n')
}

/** A control frame as a named SSE event; with a cursor it moves the client's last event id. */
export function controlEvent(control: Control, cursor: string | null): Uint8Array {
  const id = cursor === null ? '' : `id: ${cursor}\n`
  return Buffer.from(`event: ${control.type}\n${id}data: ${JSON.stringify(control)}\n\n`)
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
  }
}

/** The last frame before a close. `cursors` by subscription id. */
export function closingOf(refusal: Refusal, cursors: { readonly [id: string]: string }): Control {
  const { close, retry } = rowOf(refusal.code)
  const { code, detail, retryAfter } = refusal
  return { type: 'closing', code: close, error: code, retry, retryAfter, detail, cursors }
}

/** An absent time is left out of the frame. */
export function isoTime(ms: number | null): string | undefined {
  return ms === null ? undefined : new Date(ms).toISOString()
}

/** Both texts are ASCII but for ids, which hold no other characters either: one byte a character. */
function joined(head: string, rest: Uint8Array, end: string): Uint8Array {
  const frame = Buffer.allocUnsafe(head.length + rest.byteLength + end.length)
  frame.write(head, 0, 'latin1')
  frame.set(rest, head.length)
  if (end.length > 0) frame.write(end, head.length + rest.byteLength, 'latin1')
  return frame
}
