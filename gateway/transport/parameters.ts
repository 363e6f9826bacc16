import { durationMs, instantMs } from '../clock.ts'
import { nearest } from '../drivers/nearest.ts'
import { refuse, type Refusal } from '../errors.ts'
import { decodeCursor, isFault, type CursorFault } from '../stream/cursor.ts'
import type { Form } from '../stream/body.ts'
import type { From } from '../stream/opening.ts'
import { isRefusal } from './gate.ts'

/** What a client asks of one stream, still as it wrote it: query parameters, or fields of a `subscribe` frame. */
export interface Wish {
  readonly from?: string
  /** Of the query: for an EventSource that cannot set a header. */
  readonly lastEventId?: string
  readonly where?: string
  readonly fields?: string
  readonly format?: Form
  /** By their names without `param.`; at least one. Which ones a stream has is known later. */
  readonly params?: ReadonlyMap<string, string>
}

const SERVED = ['from', 'lastEventId', 'where', 'fields', 'format'] as const
const OF_PAGES = ['limit', 'wait'] as const
const TOKEN_NAMES = new Set(['token', 'access_token', 'bearer', 'authorization', 'jwt'])
const FORMATS: readonly Form[] = ['record', 'cloudevents', 'raw']
const FROM_FORMS =
  'latest, earliest, an ISO 8601 time with a zone (2026-11-22T15:00:00Z), a duration back from now (-PT10M) or a cursor'

/** What a client asks of a page. */
export interface PageWish extends Wish {
  /** Records at most. */
  readonly limit: number
  /** How long an empty page waits for the first record. */
  readonly waitMs: number
}

export const PAGE_LIMIT_MAX = 1000
export const PAGE_LIMIT = 100
const PAGE_WAIT_MAX = 'PT30S'
const PAGE_WAIT_MS_MAX = 30_000

/** Reads the query of a stream's address. */
export function readQuery(query: string): Wish | Refusal {
  const given = distinct(query, SERVED)
  return isRefusal(given) ? given : wishIn(given)
}

/** Reads the query of a page. */
export function readPageQuery(query: string): PageWish | Refusal {
  const given = distinct(query, [...SERVED, ...OF_PAGES])
  if (isRefusal(given)) return given
  const wish = wishIn(given)
  if (isRefusal(wish)) return wish
  const limit = readLimit(given.get('limit'))
  if (typeof limit !== 'number') return limit
  if (wish.format === 'raw') return noRaw()
  const waitMs = readWait(given.get('wait'))
  return typeof waitMs === 'number' ? { ...wish, limit, waitMs } : waitMs
}

function readLimit(text: string | undefined): number | Refusal {
  if (text === undefined) return PAGE_LIMIT
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= PAGE_LIMIT_MAX) return limit
  return bad('limit', `\`limit\` is a whole number from 1 to ${PAGE_LIMIT_MAX}; «${printable(text)}» is not.`)
}

function readWait(text: string | undefined): number | Refusal {
  if (text === undefined) return 0
  const waitMs = durationMs(text)
  if (waitMs !== null && waitMs <= PAGE_WAIT_MS_MAX) return waitMs
  const meant = /^\d{1,2}s?$/i.test(text) ? ` Did you mean \`PT${Number.parseInt(text, 10)}S\`?` : ''
  return bad('wait', `\`wait\` is an ISO 8601 duration up to ${PAGE_WAIT_MAX}; «${printable(text)}» is not.${meant}`)
}

function distinct(query: string, known: readonly string[]): ReadonlyMap<string, string> | Refusal {
  const given = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const wrong = wrongName(name, known)
    if (wrong) return wrong
    if (given.has(name)) return bad(name, `The parameter \`${name}\` is given twice; give it once.`)
    given.set(name, value)
  }
  return given
}

function wishIn(given: ReadonlyMap<string, string>): Wish | Refusal {
  const wish = wishOf((name) => given.get(name), given)
  // Empty is what a client writes that has received nothing yet.
  const lastEventId = given.get('lastEventId')
  return lastEventId && !('code' in wish) ? { ...wish, lastEventId } : wish
}

/** Reads the fields that a `subscribe` frame shares with the query. `own` are the frame's other fields. */
export function readFields(frame: { readonly [field: string]: unknown }, own: readonly string[]): Wish | Refusal {
  for (const [name, value] of Object.entries(frame)) {
    if (own.includes(name)) continue
    const wrong = wrongName(name, [...own, 'from', 'where', 'fields', 'format'])
    if (wrong) return wrong
    if (typeof value !== 'string') return bad(name, `The field \`${name}\` must be a string.`)
  }
  const given = Object.entries(frame) as [string, string][]
  return wishOf((name) => frame[name] as string | undefined, given)
}

/** Where to start. `header` is the `Last-Event-ID` of an EventSource that reconnects, and wins; empty where there is none. */
export function startOf(wish: Wish, header: string, tag: number, now: number): From | Refusal {
  if (header) return fromCursor(header, tag, 'Last-Event-ID')
  if (wish.lastEventId) return fromCursor(wish.lastEventId, tag, 'lastEventId')
  const text = wish.from ?? 'latest'
  if (text === 'latest' || text === 'earliest') return { kind: text }
  return /^w\d+\./.test(text) ? fromCursor(text, tag, 'from') : fromTime(text, now)
}

function wrongName(name: string, known: readonly string[]): Refusal | null {
  if (known.includes(name)) return null
  if (TOKEN_NAMES.has(name.toLowerCase())) {
    const detail = `A token does not belong into an address, where logs and caches keep it: send it as \`Authorization: Bearer …\`, as subprotocol \`bearer.…\`, or in an \`auth\` frame.`
    return bad(name, detail)
  }
  if (name === 'limit' || name === 'wait') {
    return bad(name, `\`${name}\` belongs to pages (\`Accept: application/json\`): this answer has no end.`)
  }
  if (name.startsWith(PARAM) && name.length > PARAM.length) return null
  // Ignoring it would send other records than were asked for.
  const meant = nearest(name, known)
  return bad(name, `There is no parameter \`${printable(name)}\`${meant ? `; did you mean \`${meant}\`?` : '.'}`)
}

const PARAM = 'param.'

function wishOf(
  given: (name: string) => string | undefined,
  all: Iterable<readonly [name: string, value: string]>,
): Wish | Refusal {
  const [from, where, fields, format] = ['from', 'where', 'fields', 'format'].map(given)
  const form = FORMATS.find((known) => known === format)
  if (format !== undefined && form === undefined) {
    const meant = nearest(format, FORMATS)
    const known = `\`format\` is one of ${FORMATS.join(', ')}`
    return bad(
      'format',
      `${known}; «${printable(format)}» is none of them.${meant ? ` Did you mean \`${meant}\`?` : ''}`,
    )
  }
  const params = new Map<string, string>()
  for (const [name, value] of all) if (name.startsWith(PARAM)) params.set(name.slice(PARAM.length), value)
  return {
    ...(params.size > 0 && { params }),
    ...(from !== undefined && { from }),
    ...(where !== undefined && { where }),
    ...(fields !== undefined && { fields }),
    ...(form !== undefined && { format: form }),
  }
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

function fromCursor(text: string, tag: number, parameter: string): From | Refusal {
  const cursor = decodeCursor(text, tag)
  return isFault(cursor) ? refuse('cursor-invalid', CURSOR_FAULTS[cursor], { parameter }) : { kind: 'cursor', cursor }
}

const CURSOR_FAULTS: { readonly [fault in CursorFault]: string } = {
  damaged: 'The cursor is damaged: it must be sent back letter by letter as it was received.',
  foreign:
    'The cursor belongs to another stream, or to another topic of this one; a cursor is good where it came from, with the same parameters.',
  newer:
    'The cursor was made by a newer version of the gateway than this one, which cannot read it; try again, or start from a time.',
}

/** Where nothing would tell a payload from a control frame. */
export function noRaw(): Refusal {
  return bad('format', 'The format `raw` is served over WebSocket and as server-sent events.')
}

/** Lines of text carry no bytes as they are. */
export function noRawText(): Refusal {
  return bad('format', 'The payloads of this stream are binary: the format `raw` is served over WebSocket alone.')
}

function bad(parameter: string, detail: string): Refusal {
  return refuse('bad-parameter', detail, { parameter: printable(parameter) })
}

/** What a client wrote, short and without control characters: it is shown in errors and logs. */
export function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '\u{fffd}')
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean
}
