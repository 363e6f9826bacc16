import { durationMs, instantMs } from '../clock.ts'
import { nearest } from '../drivers/nearest.ts'
import { refuse, type Refusal } from '../errors.ts'
import { decodeCursor, isFault, type CursorFault } from '../stream/cursor.ts'
import type { From } from '../stream/opening.ts'

/** What a client asks of one stream, still as it wrote it: query parameters, or fields of a `subscribe` frame. */
export interface Wish {
  readonly from?: string
  readonly format?: string
}

const SERVED = ['from', 'lastEventId', 'format'] as const
/** Named by the protocol, not served yet: refused by name, since ignoring one would send other records than were asked for. */
const NOT_SERVED = new Set(['where', 'fields', 'limit', 'wait'])
const TOKEN_NAMES = new Set(['token', 'access_token', 'bearer', 'authorization', 'jwt'])
const FORMATS = ['record', 'cloudevents', 'raw']
const FROM_FORMS =
  'latest, earliest, an ISO 8601 time with a zone (2026-11-22T15:00:00Z), a duration back from now (-PT10M) or a cursor'

/** Reads the query of a stream's address. */
export function readQuery(query: string): Wish | Refusal {
  const given = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const wrong = wrongName(name, SERVED)
    if (wrong) return wrong
    if (given.has(name)) return bad(name, `The parameter \`${name}\` is given twice; give it once.`)
    given.set(name, value)
  }
  return wishOf(given.get('lastEventId') || given.get('from'), given.get('format'))
}

/** Reads the fields that a `subscribe` frame shares with the query. `own` are the frame's other fields. */
export function readFields(frame: { readonly [field: string]: unknown }, own: readonly string[]): Wish | Refusal {
  for (const [name, value] of Object.entries(frame)) {
    if (own.includes(name)) continue
    const wrong = wrongName(name, [...own, 'from', 'format'])
    if (wrong) return wrong
    if (typeof value !== 'string') return bad(name, `The field \`${name}\` must be a string.`)
  }
  return wishOf(frame['from'] as string | undefined, frame['format'] as string | undefined)
}

/** Where to start: `lastEventId` is the header of an EventSource that reconnects, and wins. */
export function startOf(wish: Wish, lastEventId: string, tag: number, now: number): From | Refusal {
  const text = lastEventId || wish.from || 'latest'
  if (text === 'latest' || text === 'earliest') return { kind: text }
  if (/^w\d+\./.test(text)) return fromCursor(text, tag)
  if (lastEventId) return cursorRefusal('damaged')
  return fromTime(text, now)
}

function wrongName(name: string, known: readonly string[]): Refusal | null {
  if (known.includes(name)) return null
  if (TOKEN_NAMES.has(name.toLowerCase())) {
    const detail = `A token does not belong into an address, where logs and caches keep it: send it as \`Authorization: Bearer …\`, as subprotocol \`bearer.…\`, or in an \`auth\` frame.`
    return bad(name, detail)
  }
  if (NOT_SERVED.has(name) || name.startsWith('param.')) {
    return bad(name, `The parameter \`${name}\` is not served by this version of the gateway.`)
  }
  const meant = nearest(name, known)
  return bad(name, `There is no parameter \`${printable(name)}\`${meant ? `; did you mean \`${meant}\`?` : '.'}`)
}

function wishOf(from: string | undefined, format: string | undefined): Wish | Refusal {
  if (format !== undefined && format !== 'record') {
    if (FORMATS.includes(format))
      return bad('format', `The format \`${format}\` is not served by this version of the gateway; \`record\` is.`)
    const meant = nearest(format, FORMATS)
    return bad(
      'format',
      `There is no format \`${printable(format)}\`${meant ? `; did you mean \`${meant}\`?` : ''} Served is \`record\`.`,
    )
  }
  return { ...(from !== undefined && { from }), ...(format !== undefined && { format }) }
}

function fromTime(text: string, now: number): From | Refusal {
  const back = text.startsWith('-P') ? durationMs(text.slice(1)) : null
  if (back !== null) return { kind: 'time', time: Math.max(0, now - back) }
  const time = instantMs(text)
  if (time === null) return unparsable(text)
  if (time > now)
    return bad(
      'from',
      `\`from\` lies in the future (${new Date(time).toISOString()}; now is ${new Date(now).toISOString()}).`,
    )
  return { kind: 'time', time: Math.max(0, time) }
}

function unparsable(text: string): Refusal {
  const meant = nearest(text, ['latest', 'earliest'])
  // In a query, `+` stands for a space: the zone of a time is the one place where that bites.
  const plus = / \d{2}:\d{2}$/.test(text) ? ' In an address, write the + of a zone as %2B.' : ''
  const suggestion = meant ? ` Did you mean \`${meant}\`?` : ''
  return bad('from', `\`from\` is ${FROM_FORMS}; «${printable(text)}» is none of them.${suggestion}${plus}`)
}

function fromCursor(text: string, tag: number): From | Refusal {
  const cursor = decodeCursor(text, tag)
  return isFault(cursor) ? cursorRefusal(cursor) : { kind: 'cursor', cursor }
}

const CURSOR_FAULTS: { readonly [fault in CursorFault]: string } = {
  damaged: 'The cursor is damaged: it must be sent back letter by letter as it was received.',
  foreign: 'The cursor belongs to another stream; a cursor is good for the stream that it came from.',
  newer:
    'The cursor was made by a newer version of the gateway than this one, which cannot read it; try again, or start from a time.',
}

function cursorRefusal(fault: CursorFault): Refusal {
  return refuse('cursor-invalid', CURSOR_FAULTS[fault], { parameter: 'from' })
}

function bad(parameter: string, detail: string): Refusal {
  return refuse('bad-parameter', detail, { parameter: printable(parameter) })
}

/** What a client wrote, short and without control characters: it is shown in errors and logs. */
export function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '\u{fffd}')
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean
}
