import type { Refusal } from '../errors.ts'
import type { Dialect } from './eventStreams.ts'
import { closingOf, controlEvent, recordEvent } from './framing.ts'
import type { Reply } from './reply.ts'

/** Answers that an EventSource can wait out are told inside a 200: it gives up on any other status. */
const WAITED_OUT = new Set(['source-unavailable', 'too-many-connections', 'draining', 'internal'])
const CONTENT_TYPE = 'text/event-stream; charset=utf-8'

/** Server-sent events (HTML Living Standard §9.2). */
export const SSE: Dialect = {
  name: 'sse',
  contentType: CONTENT_TYPE,
  raw: true,
  record: recordEvent,
  control: controlEvent,
  /** Moves the client's last event id and fires nothing. */
  position: (cursor) => Buffer.from(`id: ${cursor}\n\n`),
  opening: (cursor, retryMs) => Buffer.from(`retry: ${retryMs}\nid: ${cursor}\n\n`),
  /** A comment. */
  push: Buffer.from(':\n'),
  turnDown(reply, refusal, headers) {
    if (WAITED_OUT.has(refusal.code)) refuseIn200(reply, refusal)
    else reply.problem(refusal, headers)
  },
}

function refuseIn200(reply: Reply, refusal: Refusal): void {
  const retry = `retry: ${(refusal.retryAfter ?? 5) * 1000}\n\n`
  reply.send(200, CONTENT_TYPE, Buffer.concat([Buffer.from(retry), controlEvent(closingOf(refusal, {}), null)]))
}
