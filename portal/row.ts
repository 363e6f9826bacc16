import { textOf, type Frame, type GapFrame, type NoticeFrame, type PausedFrame } from '../client/follow.ts'
import { rawMember } from '../gateway/rawMember.ts'
import { element, type Node } from './page.ts'

/** Characters of a payload that are shown; records may be as large as a megabyte. */
const PAYLOAD_CHARS_MAX = 2_000

/** What a frame says, for people; `null` where there is nothing to tell. Whatever comes with it is text, never markup. */
export function rowOf(frame: Frame): Node | null {
  switch (frame.type) {
    case 'record':
      return record(frame, rawMember(textOf(frame), 'data') ?? 'null')
    case 'invalid':
      return told('invalid', `Invalid: record ${frame.id} breaks its contract (${frame.reason}).`)
    case 'gap':
      return told('gap', gap(frame))
    case 'paused':
      return told('notice', paused(frame))
    case 'resumed':
      return told('notice', 'Goes on.')
    case 'notice':
      return told('notice', notice(frame))
    case 'position':
    case 'cloudevent':
      return null
  }
}

function record(
  { id, time, key }: { readonly id: string; readonly time?: string; readonly key?: string },
  payload: string,
): Node {
  const row = element('li', 'record')
  const meta = element('p', 'meta')
  meta.append(element('time', '', time ?? ''), element('code', '', id))
  if (key !== undefined) meta.append(element('code', 'key', cut(key)))
  row.append(meta, element('pre', '', cut(payload)))
  return row
}

function told(kind: string, words: string): Node {
  return element('li', kind, words)
}

function gap({ reason, from, to, offsets }: GapFrame): string {
  const many = offsets === undefined ? 'records' : `up to ${offsets.toLocaleString('en')} records`
  const when = from === undefined && to === undefined ? '' : `, of ${from ?? 'the beginning'} to ${to ?? 'now'}`
  return `Gap: ${many} will never come (${reason}${when}).`
}

function paused({ reason, resumesAt, keptUntil }: PausedFrame): string {
  const until = resumesAt === undefined ? '' : ` until ${resumesAt}`
  const kept = keptUntil === undefined ? 'Nothing is lost.' : `Nothing is lost until ${keptUntil}.`
  return `Paused${until}: ${reason}. ${kept}`
}

function notice({ kind, expiresAt, count, limit, unit, window, resetsAt }: NoticeFrame): string {
  if (kind === 'token-expiring') return `Notice: the token runs out at ${expiresAt ?? 'once'}.`
  if (kind === 'lagging') return `Notice: ${(count ?? 0).toLocaleString('en')} records behind.`
  if (kind === 'invalid')
    return `Notice: ${(count ?? 0).toLocaleString('en')} records that break their contract were left out.`
  if (kind === 'quota-80')
    return `Notice: 80 % of ${limit?.toLocaleString('en') ?? 'the'} ${unit ?? 'allowance'} of the window ${window ?? ''} are used; it begins anew at ${resetsAt ?? 'its end'}.`
  return `Notice: ${kind}.`
}

function cut(text: string): string {
  if (text.length <= PAYLOAD_CHARS_MAX) return text
  return `${text.slice(0, PAYLOAD_CHARS_MAX)} … ${(text.length - PAYLOAD_CHARS_MAX).toLocaleString('en')} more characters`
}
