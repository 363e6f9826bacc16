import { type CloudEventFrame, type Frame, type RecordFrame, type State, textOf } from '../../../client/follow.ts'
import { ERRORS, type ErrorCode } from '../../errors.ts'
import { rawMember } from '../../rawMember.ts'
import { printable } from '../edge.ts'

/** A record as people read it: time, id, key, data. The data is shown as sent, since numbers may not survive a parse. */
export function recordLine(frame: RecordFrame | CloudEventFrame): string {
  const { time, key } =
    frame.type === 'record' ? frame : { time: frame.event['time'], key: frame.event['partitionkey'] }
  const parts = [shown(time ?? '-'), frame.id, ...(key === undefined ? [] : [shown(key)])]
  return printable(`${parts.join('  ')}  ${rawMember(textOf(frame), 'data') ?? ''}`)
}

/** The record as one line of JSON, as it was sent. */
export function jsonLine(frame: Frame): string {
  return textOf(frame).replace(/[\r\n]+/g, ' ')
}

/** What another frame says, for stderr; null where it says nothing that a person waits for. */
export function controlLine(frame: Frame): string | null {
  const words = wordsOf(frame)
  return words === null ? null : printable(words)
}

function wordsOf(frame: Frame): string | null {
  switch (frame.type) {
    case 'gap': {
      const { reason, offsets, from, to } = frame
      return `gap (${reason}): up to ${known(offsets)} records from ${known(from)} to ${known(to)} will never come`
    }
    case 'paused': {
      const { reason, resumesAt, keptUntil } = frame
      return `paused (${reason}) until ${known(resumesAt)}; nothing is lost until ${known(keptUntil)}`
    }
    case 'resumed':
      return 'resumed'
    case 'invalid':
      return `invalid record ${frame.id}: ${frame.reason}`
    case 'notice':
      return `notice: ${rest(frame)}`
    case 'record':
    case 'cloudevent':
    case 'position':
      return null
  }
}

/** What becomes of the connection, for stderr. */
export function stateLines(state: State): readonly string[] {
  if (state.state === 'waiting') {
    const seconds = (state.ms / 1000).toFixed(1)
    return [printable(`${reasonOf(state)} (${state.code}); connecting again in ${seconds} s`)]
  }
  if (state.state !== 'open') return []
  const { consumer, expiresAt, plan } = state
  const connected = consumer === null ? [] : [printable(`connected as ${consumer}, until ${known(expiresAt)}`)]
  return plan === null ? connected : [...connected, printable(`subscribed on plan ${plan}`)]
}

/** In the words of the table where the gateway gave a code and no words. */
export function reasonOf({ reason, error }: { readonly reason: string; readonly error: ErrorCode | null }): string {
  return error !== null && reason === error ? ERRORS[error].title : reason
}

function known(value: unknown): string {
  return shown(value ?? 'unknown')
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
