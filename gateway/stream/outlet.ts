import type { Refusal } from '../errors.ts'
import type { QuotaWarning } from './account.ts'
import type { Body } from './body.ts'
import type { Frames } from './frames.ts'

/** How frames of one kind of connection look and how many get them at once: implemented by each transport. */
export interface Carrier {
  readonly name: string
  /** Adds one record as it goes out. `cursor` is `null` where this record carries none (wide topics). */
  frame(frames: Frames, view: number, body: Body, cursor: string | null): void
  /**
   * To every outlet that joined `view`, in order. The hub has made sure that each has room for them; nothing may be
   * dropped. What was sent before to any of them goes out first. The frames' memory is the caller's.
   */
  broadcast(view: number, frames: Frames): void
}

/** One subscription's way to its client: implemented by each transport, called by nobody but the subscription. */
export interface Outlet {
  readonly carrier: Carrier
  /** Bytes of its buffer. One frame may be larger: it is then sent alone, when the buffer is empty. */
  readonly capacity: number
  /** Bytes that it can take now, beside what was broadcast in this turn: `capacity` when it is empty. */
  room(): number
  /** Asks for one `Subscription.drained()`, in a later turn, once the connection has taken more than it has now. */
  whenRoom(): void
  /**
   * Frames for this one connection, in order, in one write. False: it is closed, or a frame was lost; nothing more may be sent. Their memory is
   * the caller's: what is kept is copied.
   */
  send(frames: Frames): boolean
  /** From now on, broadcasts of the view reach this outlet: not what was broadcast before. */
  join(view: number): void
  /** From now on none does; what was broadcast before still goes out, first. */
  leave(view: number): void
  /** News that are not records, in order with them. */
  tell(event: SubscriptionEvent): void
}

export type PauseReason = 'quota' | 'source' | 'metering'

/** Times are ms since 1970. */
export type SubscriptionEvent =
  | { readonly type: 'subscribed'; readonly cursor: string; readonly view: number }
  | { readonly type: 'position'; readonly cursor: string }
  | {
      readonly type: 'gap'
      readonly cursor: string
      readonly reason: 'retention' | 'reset' | 'horizon'
      readonly from: number | null
      readonly to: number | null
      /** Upper bound of how many records will never come. */
      readonly offsets: number
    }
  | {
      readonly type: 'paused'
      readonly cursor: string
      readonly reason: PauseReason
      readonly resumesAt: number | null
      readonly keptUntil: number | null
    }
  | { readonly type: 'resumed' }
  | { readonly type: 'notice'; readonly kind: 'invalid' | 'lagging'; readonly count: number }
  /** Most of a window of the allowance is spent. */
  | ({ readonly type: 'warned' } & QuotaWarning)
  /** The last one: the subscription is over. `cursor` is null where it never began. */
  | { readonly type: 'ended'; readonly cursor: string | null; readonly refusal: Refusal }
