import type { Body } from './body.ts'
import { CURSOR_CHARS_MAX } from './cursor.ts'
import type { Entry } from './entry.ts'
import { Frames } from './frames.ts'
import type { Front, FrontPlace } from './front.ts'
import { Headroom, type Traffic } from './headroom.ts'
import type { Carrier } from './outlet.ts'
import type { Meter } from './meter.ts'
import type { Tail } from './tail.ts'
import type { Record } from './record.ts'
import { NARROW_PARTITIONS_MAX, type Hidden, type LogId, type View } from './view.ts'

/**
 * What one turn of the event loop may still broadcast. Transports cannot see what was published in the same turn, so
 * `bytes` counts it over all views: no socket can be given more than this, however many views it rides.
 */
export interface Turn {
  bytes: number
  readonly bytesMax: number
  /** Monotonic ms: when it began, and when it gives way. */
  readonly begun: number
  readonly deadline: number
}

/** What a frame adds to its body at most: type, view, id, the cursor twice (SSE has it as `id:` too). */
export function frameOverhead(partitions: number): number {
  return partitions <= NARROW_PARTITIONS_MAX ? 640 : 2 * CURSOR_CHARS_MAX + 192
}

/** Entries that one slice looks at, shown or not: others get their turn. */
const SLICE_ENTRIES_MAX = 2_000
/** Bytes of the payloads that one slice looks at: what a filter hides costs no room in any socket, but time. */
const SLICE_LOOKED_BYTES_MAX = 1024 * 1024

/**
 * Broadcasts the next slice of a front to the riders of its views: each record framed once per view and kind of connection.
 * Whoever lacks room for the whole slice is taken off first, so that what was broadcast is exactly what was accepted. Answers
 * whether more is waiting. Should it throw, the front stands where it stood.
 */
export function fanOut(front: Front, tail: Tail, turn: Turn, traffic: Traffic, meter: Meter): boolean {
  const { place } = front
  if (place === null) return false
  // Fetching is throttled long before this; if it happens all the same, the riders read on from the log.
  if (place.seq < tail.ring.start) return takeOffAll(front)
  const slice = collect(front, place, tail, turn)
  for (const [view, share] of slice.shares)
    if (share.shown > 0) takeOffWhoLacks(view, share, slice.bytes, turn, traffic)
  // The last rider may have been taken off: the slice is then read, not ridden.
  if (front.place !== place) return false
  broadcast(place, slice, tail, meter)
  turn.bytes += slice.bytes
  traffic.bytes += slice.bytes
  if (place.seq === tail.ring.end) place.position.raise(tail.position)
  return place.seq < tail.ring.end
}

/** What one view is broadcast of a slice. */
interface Share {
  shown: number
  skipped: number
  /** Smallest timestamp among what is shown. */
  oldest: number
  /** Of what is shown, what counts towards allowances, and the bytes of its values. */
  messages: number
  bytes: number
}

interface Slice {
  /** Of each entry, the views that show it. */
  readonly rows: readonly (readonly Showing[])[]
  readonly shares: ReadonlyMap<View, Share>
  /** Upper bound of what one socket is sent, should it ride all views. */
  readonly bytes: number
}

function collect(front: Front, { seq: from }: FrontPlace, tail: Tail, turn: Turn): Slice {
  const { ring, epoch } = tail
  const overhead = frameOverhead(tail.position.next.length)
  const shares = new Map<View, Share>()
  const rows: (readonly Showing[])[] = []
  let bytes = 0
  let looked = 0
  for (let seq = from; seq < ring.end && rows.length < SLICE_ENTRIES_MAX && looked < SLICE_LOOKED_BYTES_MAX; seq++) {
    const entry = ring.at(seq)
    looked += entry.record.value?.byteLength ?? 0
    const row = showings(front, entry, epoch)
    let size = 0
    for (const { body } of row) if (typeof body !== 'string') size += body.bytes + overhead
    // A single record may be larger than a turn; it then goes out alone, to whoever has room for it.
    if (size > 0 && turn.bytes + bytes + size > turn.bytesMax && turn.bytes + bytes > 0) break
    bytes += size
    rows.push(row)
    for (const { view, body } of row) note(shares, view, body, entry.record)
  }
  return { rows, shares, bytes }
}

interface Showing {
  readonly view: View
  readonly body: Body | Hidden
}

/** Which views show an entry, and how: by its own value where the front has an index, else its one view is asked. */
function showings(front: Front, entry: Entry, epoch: number): readonly Showing[] {
  const { field } = front
  if (field === null) return [...front.ridden].map((view) => ({ view, body: bodyOf(view, entry, epoch) }))
  const [first] = front.ridden
  const payload = first === undefined ? null : entry.payload(first.spec.decode)
  // What breaks its contract has no value to go by: all are told.
  if (payload === null || 'invalid' in payload)
    return [...front.ridden].map((view) => ({ view, body: bodyOf(view, entry, epoch) }))
  const value = entry.scalar(field, payload.json)
  const view = value === null ? undefined : front.of(value)
  return view ? [{ view, body: view.shown(entry, payload, epoch) }] : []
}

function bodyOf(view: View, entry: Entry, epoch: number): Body | Hidden {
  return entry.kept(view) ?? view.body(entry, epoch)
}

function note(shares: Map<View, Share>, view: View, body: Body | Hidden, { time, value }: Record): void {
  if (body === 'filtered') return
  let share = shares.get(view)
  if (share === undefined) shares.set(view, (share = { shown: 0, skipped: 0, oldest: Infinity, messages: 0, bytes: 0 }))
  if (body === 'skipped') {
    share.skipped++
    return
  }
  share.shown++
  share.oldest = Math.min(share.oldest, time)
  if (!body.counts) return
  share.messages++
  share.bytes += value === null ? 0 : value.byteLength
}

/**
 * Whoever has no room, or no allowance, for the whole slice of at most `bytes`. Allowance comes last: what is paid goes out. Nobody is looked at
 * where the last look, slices ago, has found enough for this one, too.
 */
function takeOffWhoLacks(view: View, share: Share, bytes: number, turn: Turn, traffic: Traffic): void {
  view.messagesPaid = view.messages + share.messages
  view.bytesPaid = view.bytes + share.bytes
  if (view.headroom?.holds(view, share.oldest, bytes, traffic, turn.begun)) return
  // Voided, it is made all the same, and nobody sees it.
  const headroom = (view.headroom = new Headroom(traffic, turn.bytes, turn.begun))
  const all = turn.bytes + bytes
  for (const riders of view.riders.values()) {
    for (const rider of riders) {
      const room = rider.outlet.room()
      if (room < all) rider.takeOff('socket')
      else if (rider.notBefore > share.oldest) rider.takeOff('replay')
      else if (rider.stake !== null && !rider.stake.covers(view)) rider.takeOff('quota')
      else headroom.add(room, rider.notBefore, rider.stake)
    }
  }
}

function takeOffAll(front: Front): false {
  for (const view of Array.from(front.ridden)) {
    for (const riders of view.riders.values()) for (const rider of riders) rider.takeOff('replay')
  }
  return false
}

/** Frames first, then sends: a fault while framing has sent nothing. */
function broadcast(place: FrontPlace, { rows, shares }: Slice, tail: Tail, meter: Meter): void {
  const { ring, ends } = tail
  const position = place.position.copy()
  const sendings = new Map<View, Sending>()
  let { seq } = place
  for (const row of rows) {
    const { record } = ring.at(seq++)
    position.pass(record.partition, record.offset, record.time)
    for (const { view, body } of row) {
      if (typeof body === 'string') continue
      let sending = sendings.get(view)
      if (sending === undefined) sendings.set(view, (sending = new Sending(view)))
      sending.add(record, body, view.cursorDue(position.next.length) ? view.cursor(position, tail, ends) : null)
    }
  }
  for (const sending of sendings.values()) sending.send(meter, tail)
  for (const [view, { skipped }] of shares) view.skipped += skipped
  place.seq = seq
  place.position = position
}

/** One view's part of a slice, framed for each kind of connection that rides it. */
class Sending {
  readonly #view: View
  readonly #kinds: readonly { readonly carrier: Carrier; readonly frames: Frames }[]
  readonly #counted: Record[] = []

  constructor(view: View) {
    this.#view = view
    this.#kinds = Array.from(view.riders.keys(), (carrier) => ({ carrier, frames: Frames.take() }))
  }

  add(record: Record, body: Body, cursor: string | null): void {
    if (body.counts) this.#counted.push(record)
    for (const { carrier, frames } of this.#kinds) carrier.frame(frames, this.#view.number, body, cursor)
  }

  send(meter: Meter, log: LogId): void {
    this.#count(meter, log)
    for (const { carrier, frames } of this.#kinds) {
      carrier.broadcast(this.#view.number, frames)
      frames.giveBack()
    }
  }

  /** Before it goes out: a fault in sending leaves it counted, and nothing is handed over that is not. */
  #count(meter: Meter, log: LogId): void {
    if (this.#counted.length === 0) return
    const view = this.#view
    const handed = meter.broadcastOf(view, log)
    const { bytes } = handed
    for (const record of this.#counted) handed.add(record)
    view.messages += this.#counted.length
    view.bytes += handed.bytes - bytes
    meter.records += this.#counted.length
  }
}
