import type { Grant } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { From } from '../stream/opening.ts'
import type { Source } from '../stream/source.ts'
import type { Equality, ViewSpec } from '../stream/view.ts'
import { choose } from './chosen.ts'
import { isRefusal, type Gate } from './gate.ts'
import { startOf, type Wish } from './parameters.ts'
import { select, type Selection } from './selection.ts'

/** What one client is going to see of one stream, and from where on. */
export interface Seen {
  readonly spec: ViewSpec
  readonly source: Source
  readonly from: From
  /** Nothing older is read, ms since 1970; `null`: all that the topic keeps. */
  readonly horizon: number | null
}

/** A wish for one stream, as it was found to be good. */
export interface Understood {
  readonly grant: Grant
  readonly seen: Seen
}

/** Understands a client's wish. `lastEventId` is the header; empty where there is none. */
export function seenBy(gate: Gate, grant: Grant, wish: Wish, lastEventId: string, now: number): Seen | Refusal {
  const { stream: whole, decode, source, revision } = gate.feed(grant)
  const chosen = choose(grant.stream, whole, wish.params ?? new Map())
  if (isRefusal(chosen)) return chosen
  const { stream, query, conditions } = chosen
  const selection = select(grant.stream, wish, conditions)
  if (isRefusal(selection)) return selection
  const form = wish.format ?? 'record'
  if (form === 'raw' && selection.kept !== null) {
    return refuse('bad-parameter', 'The format `raw` is the payload as it is: it cannot be cut to `fields`.', {
      parameter: 'fields',
    })
  }
  const from = startOf(wish, lastEventId, stream.tag, now)
  if (isRefusal(from)) return from
  const { showKey, showHeaders, invalid, message } = grant.stream
  const { condition, kept } = selection
  const event = { source: `${gate.publicUrl()}/streams/${whole.key}${query}`, type: message }
  const key = JSON.stringify([stream.key, revision, form, selection.key])
  const equality = equalityOf([stream.key, revision, form], selection)
  const spec = { key, stream, decode, form, showKey, showHeaders, invalid, event, condition, kept, equality }
  const { replayHorizonMs } = grant.agreement.plan
  return { spec, source, from, horizon: replayHorizonMs === null ? null : now - replayHorizonMs }
}

/** What was understood just before, where it is still that: the documents are the same, and so is the form. */
export function stillSeen(known: Understood | undefined, { stream, agreement }: Grant, wish: Wish): Seen | null {
  if (known === undefined || known.seen.spec.form !== (wish.format ?? 'record')) return null
  return known.grant.stream === stream && known.grant.agreement === agreement ? known.seen : null
}

/** A filter that is one equality and no more: all that differ only in its value are found by the record's own. */
function equalityOf(shown: readonly string[], { condition, keptKey }: Selection): Equality | null {
  if (condition === null || !('operator' in condition) || condition.operator !== '==') return null
  const { field, values } = condition
  const [value] = values
  return value === undefined ? null : { field, value, key: JSON.stringify([...shown, field.name, keptKey]) }
}
