import type { Identity } from '../access/grant.ts'
import type { Refusal } from '../errors.ts'
import { decodeCursor, isFault } from '../stream/cursor.ts'
import type { Subscription } from '../stream/subscription.ts'
import { isRefusal, type Gate } from './gate.ts'
import type { Wish } from './parameters.ts'
import { seenBy, type Seen, type Understood } from './seen.ts'

/** What a client subscribed to, and what it asked for. */
export interface Subscribed {
  readonly identity: Identity
  readonly product: string
  readonly stream: string
  readonly wish: Wish
  readonly subscription: Subscription
}

const FROM_NOW = { from: 'latest', lastEventId: '' } as const

/**
 * What documents that were published anew make of a subscription: nothing (`null`), another view, or its end. A view is the
 * same where all that it is made of is: then whoever rides rides on.
 */
export function renewal(
  gate: Gate,
  { identity, product, stream, wish, subscription }: Subscribed,
  now: number,
): Understood | Refusal | null {
  const grant = gate.authorize(identity, product, stream)
  if (isRefusal(grant)) return grant
  // Once it has begun, where it was to begin is of no use any more; to another topic it would be foreign.
  const open = subscription.cursor === null ? wish : { ...wish, ...FROM_NOW }
  const seen = seenBy(gate, grant, open, '', now)
  if (isRefusal(seen)) return seen
  const { view, tail } = subscription
  return seen.spec.key === view.spec.key && seen.source === tail.source ? null : { grant, seen }
}

/** The same, from where its forerunner ended: that is, unless it had not begun (`cursor` is `null`). */
export function goingOn(seen: Seen, forerunner: Subscription, cursor: string | null): Seen {
  const { tag } = forerunner.view.spec.stream
  const decoded = cursor === null ? null : decodeCursor(cursor, tag)
  if (decoded === null || isFault(decoded)) return seen
  if (tag === seen.spec.stream.tag) return { ...seen, from: { kind: 'cursor', cursor: decoded } }
  // Another topic of the stream's: its offsets are others, and time is all that both have.
  return decoded.time > 0 ? { ...seen, from: { kind: 'time', time: decoded.time } } : seen
}

/** A wish that needs no header beside it: it may be understood again later. */
export function keptWish(wish: Wish, lastEventId: string): Wish {
  return lastEventId === '' ? wish : { ...wish, lastEventId }
}
