import { dataBody, invalidBody, type Body, type Shown } from './body.ts'
import type { FilterField } from '../catalog/plan.ts'
import { keeps, parsed, type Condition, type Scalar } from './condition.ts'
import type { Account } from './account.ts'
import { encodeCursor } from './cursor.ts'
import type { Entry } from './entry.ts'
import type { Front } from './front.ts'
import type { Headroom } from './headroom.ts'
import { Ridership, type HandedLog } from './meter.ts'
import type { Carrier } from './outlet.ts'
import type { Position } from './position.ts'
import { project, type Kept } from './projection.ts'
import type { Record } from './record.ts'
import type { Vector } from './source.ts'
import type { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'

/** A record's payload, checked: JSON text on one line, or why there is none. Made once per record and stream. */
export type Payload = Readable | { readonly invalid: InvalidReason }
export interface Readable {
  readonly json: Uint8Array
  /** The same JSON as it was produced, where that stood on several lines. */
  readonly produced?: Uint8Array
}
export type InvalidReason = 'not-utf8' | 'not-json' | 'schema' | 'too-big' | 'undecodable' | 'too-big-for-plan'
/** Pure: equal functions are one object, since payloads are shared by it. */
export type Decode = (record: Record) => Payload

/** Which log an offset belongs to. */
export interface LogId {
  readonly epoch: number
  /** Fingerprint; 0 is unknown. */
  readonly log: number
}

/** The stream as the heart sees it. */
export interface StreamRef {
  /** `product/stream`, and `?name=value` behind it where that chose the topic: what cursors are bound to, by `tag`, and ids are unique in. */
  readonly key: string
  readonly tag: number
  readonly topic: string
}

/** A pure function of (record, Plan): what a class of subscribers sees. Equal `key`s are one view. */
export interface ViewSpec extends Shown {
  readonly key: string
  readonly stream: StreamRef
  readonly decode: Decode
  readonly invalid: 'frame' | 'skip'
  /** `null`: every record. */
  readonly condition: Condition | null
  /** `null`: whole payloads. */
  readonly kept: Kept | null
  /** Of a condition that is one equality and no more. */
  readonly equality: Equality | null
}

/** Views that differ only in `value` are broadcast together, by one walk. */
export interface Equality {
  readonly field: FilterField
  readonly value: Scalar
  /** What all of them share: the view's key but for the value. */
  readonly key: string
}

/** Why a view shows nothing of an entry: it does not match, or it broke its contract and is left out. */
export type Hidden = 'filtered' | 'skipped'

/** More partitions than this, and only some records carry a cursor (protocol.md, «A record»). */
export const NARROW_PARTITIONS_MAX = 16
export const WIDE_CURSOR_EVERY = 64

/**
 * One class of subscribers on one tail. Dormant while nobody rides: then it costs nothing per record. Its riders share the position
 * of its front: the tail's, as far as it has been broadcast.
 */
export class View {
  readonly number: number
  readonly spec: ViewSpec
  readonly front: Front
  /** What the front's field equals in this view's records. */
  readonly value: Scalar | null
  /** Who rides, by the kind of connection: one frame serves each kind. */
  readonly riders = new Map<Carrier, Set<Subscription>>()
  /** Records that broke their contract and were left out. */
  skipped = 0
  /** Subscriptions of this view, in any mode. */
  members = 0
  /** Records broadcast that count, ever, and the bytes of their values: what advances and bills are reckoned in. */
  messages = 0
  bytes = 0
  /** Those counts with what is about to go out: its riders' stakes pay it, and nobody has that back. */
  messagesPaid = 0
  bytesPaid = 0
  /** `null`: its riders have to be looked at before the next slice. */
  headroom: Headroom | null = null
  /** What was broadcast since it was last metered; `null` while nothing was. */
  handed: HandedLog | null = null
  readonly ridership = new Map<Account, Ridership>()
  #sinceCursor = 0

  constructor(number: number, spec: ViewSpec, front: Front) {
    this.number = number
    this.spec = spec
    this.front = front
    this.value = spec.equality?.value ?? null
  }

  /** Takes on who stands just where this view does; the first one wakes it there. */
  ride(rider: Subscription, tail: Tail): void {
    const { carrier } = rider.outlet
    if (this.riders.size === 0) this.front.enter(this, tail)
    const riders = this.riders.get(carrier)
    if (riders) riders.add(rider)
    else this.riders.set(carrier, new Set([rider]))
    this.#ridershipOf(rider.account).enter(this.handed)
    rider.stake?.begin(this)
    this.headroom = null
    rider.outlet.join(this.number)
  }

  /** Lets a rider go; without riders the view is dormant. */
  unride(rider: Subscription): void {
    const { carrier } = rider.outlet
    const riders = this.riders.get(carrier)
    if (!riders?.delete(rider)) return
    rider.outlet.leave(this.number)
    this.#leaveRidership(rider)
    if (riders.size === 0) this.riders.delete(carrier)
    if (this.riders.size === 0) this.front.leave(this)
  }

  #ridershipOf(account: Account): Ridership {
    let riders = this.ridership.get(account)
    if (riders === undefined) this.ridership.set(account, (riders = new Ridership(account)))
    return riders
  }

  #leaveRidership({ account, stake }: Subscription): void {
    stake?.settle(this)
    const riders = this.#ridershipOf(account)
    riders.leave(this.handed)
    // Else the meter still asks it what they had.
    if (riders.count === 0 && this.handed === null) this.ridership.delete(account)
  }

  /** What this view shows of an entry. */
  body(entry: Entry, epoch: number): Body | Hidden {
    const { record } = entry
    const { spec } = this
    const payload = entry.payload(spec.decode)
    const whole = spec.condition === null && spec.kept === null
    if ('invalid' in payload) {
      if (spec.invalid === 'skip') return 'skipped'
      // What is no JSON cannot be filtered or cut, so nothing of it is shown where either is asked for.
      return invalidBody(spec, recordId(epoch, record), record, payload.invalid, whole && payload.invalid !== 'too-big')
    }
    if (!this.#keeps(entry, payload)) return 'filtered'
    return this.shown(entry, payload, epoch)
  }

  #keeps(entry: Entry, { json }: Readable): boolean {
    const { condition, equality } = this.spec
    if (equality !== null) return entry.scalar(equality.field, json) === equality.value
    return condition === null || keeps(condition, parsed(json))
  }

  /** The body of an entry that is known to match. */
  shown({ record }: Entry, { json, produced = json }: Readable, epoch: number): Body {
    const { spec } = this
    if (spec.form === 'raw') return dataBody(spec, recordId(epoch, record), record, produced)
    // A tombstone has no members to keep.
    const kept = spec.kept === null || record.value === null ? json : project(json, spec.kept)
    return dataBody(spec, recordId(epoch, record), record, kept)
  }

  /** A record that is larger than all that an agreement may ever have at once: told, not shown. */
  beyondPlan({ record }: Entry, epoch: number): Body {
    return invalidBody(this.spec, recordId(epoch, record), record, 'too-big-for-plan' satisfies InvalidReason, false)
  }

  cursor(position: Position, { epoch, log }: LogId, ends: Vector): string {
    return encodeCursor(this.spec.stream.tag, epoch, position.resetTime(ends), position.next, log)
  }

  /** Whether the next record broadcast carries a cursor. */
  cursorDue(partitions: number): boolean {
    if (partitions <= NARROW_PARTITIONS_MAX) return true
    this.#sinceCursor = (this.#sinceCursor + 1) % WIDE_CURSOR_EVERY
    return this.#sinceCursor === 0
  }
}

function recordId(epoch: number, record: Record): string {
  const place = `${record.partition}-${record.offset}`
  return epoch > 0 ? `${epoch}.${place}` : place
}
