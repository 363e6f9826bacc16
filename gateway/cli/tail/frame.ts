import { rawMember } from '../../rawMember.ts'
import { printable } from '../edge.ts'

/** A frame of the server as the client reads it: everything optional, since newer servers may say more or less. */
export interface Frame {
  readonly type: string
  readonly [field: string]: unknown
}

/** Null where the text is no frame. */
export function parseFrame(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text)
    return isFrame(value) ? value : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function isFrame(value: unknown): value is Frame {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

export function textOf(frame: Frame, field: string): string | null {
  const value = frame[field]
  return typeof value === 'string' ? value : null
}

/** A record as people read it: time, id, key, data. The data is shown as sent, since numbers may not survive a parse. */
export function recordLine(frame: Frame, text: string): string {
  const key = textOf(frame, 'key')
  const parts = [textOf(frame, 'time') ?? '-', textOf(frame, 'id') ?? '-', ...(key === null ? [] : [key])]
  return printable(`${parts.join('  ')}  ${rawMember(text, 'data') ?? ''}`)
}

/** What a control frame says, for stderr; null where it says nothing that a person waits for. */
export function controlLine(frame: Frame): string | null {
  const words = wordsOf(frame)
  return words === null ? null : printable(words)
}

function wordsOf(frame: Frame): string | null {
  const say = (field: string): string => shown(frame[field] ?? 'unknown')
  switch (frame.type) {
    case 'welcome':
      return `connected as ${say('consumer')}, until ${say('expiresAt')}`
    case 'subscribed':
      return frame['reason'] === undefined ? `subscribed on plan ${say('plan')}` : `view changed: ${say('reason')}`
    case 'gap':
      return `gap (${say('reason')}): up to ${say('offsets')} records from ${say('from')} to ${say('to')} will never come`
    case 'paused':
      return `paused (${say('reason')}) until ${say('resumesAt')}; nothing is lost until ${say('keptUntil')}`
    case 'resumed':
      return 'resumed'
    case 'invalid':
      return `invalid record ${say('id')}: ${say('reason')}`
    case 'notice':
      return `notice: ${rest(frame)}`
    default:
      return null
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function rest(frame: Frame): string {
  return Object.entries(frame)
    .filter(([name]) => name !== 'type')
    .map(([name, value]) => (name === 'kind' ? shown(value) : `${name} ${shown(value)}`))
    .join(', ')
}
