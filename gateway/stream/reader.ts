import type { Account } from './account.ts'
import { Batch } from './batch.ts'
import type { Entry } from './entry.ts'
import { frameOverhead } from './fanout.ts'
import type { Meter } from './meter.ts'
import type { Gap } from './opening.ts'
import type { Outlet } from './outlet.ts'
import type { Position } from './position.ts'
import type { Block } from './replay.ts'
import { isUnresolved, type Slice, type Vector } from './source.ts'
import type { Tail } from './tail.ts'
import type { Body } from './body.ts'
import { NARROW_PARTITIONS_MAX, WIDE_CURSOR_EVERY, type Hidden, type View } from './view.ts'

/**
 * Where a pull ended: its `share` of the turn is spent · the connection has no `room` · the agreement has no `quota` now · a `block` of
 * the log is needed · it stands at the `end` of what the view has broadcast · the connection `lost` what it was sent.
 */
export type Pulled = 'share' | 'room' | 'quota' | 'block' | 'end' | 'lost'

/** Who reads: what a reader needs of its subscription. */
export interface ReaderOwner {
  readonly view: View
  readonly tail: Tail
  readonly outlet: Outlet
  readonly account: Account
  readonly meter: Meter
  readonly notBefore: number
}

type Place =
  | { readonly at: 'nowhere' }
  | { readonly at: 'log'; readonly block: Block; index: number }
  | { readonly at: 'ring'; seq: number }

/** A subscription that is not riding: a position of its own, from which it pulls, first from the ring, else from blocks of the log. */
export class Reader {
  position: Position
  /** Records that broke their contract and were left out. */
  skipped = 0
  #place: Place
  readonly #owner: ReaderOwner
  /** Where the partitions ended, as the last block said, or the ring when it was left. */
  #ends: number[]
  /** The log itself said, just now, that it reaches up to here. */
  #confirmed = false
  #sinceCursor = 0

  constructor(owner: ReaderOwner, position: Position, seq: number | null = null) {
    this.#owner = owner
    this.position = position
    this.#ends = [...owner.tail.ends]
    this.#place = seq === null ? { at: 'nowhere' } : { at: 'ring', seq }
  }

  get cursor(): string {
    const ends = this.#place.at === 'ring' ? this.#owner.tail.ends : this.#ends
    return this.#owner.view.cursor(this.position, this.#owner.tail, ends)
  }

  /** From when on records may be missing, ms since 1970. */
  get resetTime(): number {
    return this.position.resetTime(this.#place.at === 'ring' ? this.#owner.tail.ends : this.#ends)
  }

  /** Whether it waits amid a block, which is memory that others could use. */
  get holdsBlock(): boolean {
    return this.#place.at === 'log'
  }

  /** Hands over what fits into `room` bytes. */
  pull(room: number): Pulled {
    if (!this.#settle()) return 'block'
    const { outlet, account } = this.#owner
    const batch = new Batch(outlet, room, account.pool)
    const before = this.position.copy()
    let sent = false
    let done: boolean
    try {
      done = this.#place.at === 'ring' ? this.#readRing(this.#place, batch) : this.#readBlock(batch)
      sent = batch.flush()
    } finally {
      batch.end()
      // Whatever ends it here: the cursor stands before what was not sent, and nothing of it is paid.
      if (!sent) {
        this.position = before
        batch.refund()
      }
    }
    if (!sent) return 'lost'
    this.#meter(batch)
    if (!done) return batch.full ? 'room' : batch.unpaid ? 'quota' : 'share'
    if (this.#place.at === 'ring') return 'end'
    return 'share'
  }

  #meter({ counted }: Batch): void {
    const { meter, view, account, tail } = this.#owner
    if (counted.length > 0) meter.read(view, account, tail, counted)
  }

  /** Goes on in a block that was read from here; answers what of the log is lost, for ever. */
  begin(block: Block): Gap | null {
    const from = this.resetTime
    let offsets = 0
    let to = Infinity
    const width = this.position.next.length
    for (const { partition, from: begun, records, end, lost: told } of block.slices) {
      this.#ends[partition] = end
      // A partition that was made since this cursor may have lost its start already: to a source it is new, not lost.
      const lost = partition >= width && begun > 0 ? { from: 0, to: begun } : told
      if (!lost) continue
      offsets += lost.to - lost.from
      to = Math.min(to, records[0]?.time ?? Infinity)
      this.position.move(partition, lost.to)
    }
    this.#confirmed = true
    this.#place = { at: 'log', block, index: 0 }
    if (offsets === 0) return null
    return { reason: 'retention', from: from > 0 ? from : null, to: to === Infinity ? null : to, offsets }
  }

  /** Whether the block held is read to its end, so that the caller takes it back by `leave`. */
  get blockDone(): boolean {
    return this.#place.at === 'log' && this.#place.index === this.#place.block.entries.length
  }

  /** Where the next block begins, as far as this one can tell; `null` where there is none to come: the log ends, or the ring goes on. */
  get following(): Vector | null {
    if (this.#place.at !== 'log') return null
    const { slices } = this.#place.block
    if (slices.every(({ next, end }) => next >= end)) return null
    const position = this.position.copy()
    behind(slices, position)
    return this.#owner.tail.ring.holds(position) ? null : position.next
  }

  /** Gives the block back, where it holds one; read to its end, it moves the position behind its markers. Answers whether it brought anything. */
  leave(): { readonly block: Block; readonly moved: boolean } | null {
    const place = this.#place
    if (place.at !== 'log') return null
    this.#place = { at: 'nowhere' }
    const { block } = place
    const begun = block.entries.length > 0
    if (place.index < block.entries.length) return { block, moved: begun }
    return { block, moved: behind(block.slices, this.position) || begun }
  }

  /** Whether it stands just where the view does, so that it may ride; moves it up to there where nothing lies between. */
  reaches(front: { readonly seq: number; readonly position: Position }): boolean {
    if (this.#place.at !== 'ring') return false
    if (this.#place.seq >= front.seq) this.position.raise(front.position)
    return this.position.equals(front.position)
  }

  /**
   * Finds the place to read from: the ring where that holds everything from here; false where a block is needed. A
   * cursor from another node may be ahead of this tail, and then waits for it, but only the log can say that there is
   * such a place: it may have been truncated since.
   */
  #settle(): boolean {
    const { ring, state, position, ends } = this.#owner.tail
    if (this.#place.at === 'log') return true
    if (this.#place.at === 'ring' && this.#place.seq >= ring.start) return true
    if (this.#place.at === 'ring') this.#ends = [...ends]
    const placed = this.#confirmed || !this.position.exceeds(position)
    const held = state !== 'starting' && placed && ring.holds(this.position)
    this.#confirmed = false
    this.#place = held ? { at: 'ring', seq: ring.seqOf(this.position) } : { at: 'nowhere' }
    return held
  }

  /** True: it stands where the view stands. */
  #readRing(place: Extract<Place, { at: 'ring' }>, batch: Batch): boolean {
    const { ring } = this.#owner.tail
    const limit = this.#owner.view.front.place?.seq ?? ring.end
    for (; place.seq < limit; place.seq++) {
      const entry = ring.at(place.seq)
      if (!this.#offer(entry, batch, true)) return false
    }
    return true
  }

  #readBlock(batch: Batch): boolean {
    const place = this.#place as Extract<Place, { at: 'log' }>
    const { entries } = place.block
    for (; place.index < entries.length; place.index++) {
      if (!this.#offer(entries[place.index] as Entry, batch, false)) return false
    }
    return true
  }

  /** Passes one entry; false where the batch has no place for it now. */
  #offer(entry: Entry, batch: Batch, inRing: boolean): boolean {
    const { partition, offset, time } = entry.record
    if (offset < this.position.at(partition)) return batch.takes(0)
    const body = time < this.#owner.notBefore ? 'filtered' : this.#affordable(entry, this.#body(entry, inRing))
    const width = this.position.next.length
    const hidden = typeof body === 'string'
    if (!batch.takes(hidden ? 0 : body.bytes + frameOverhead(width))) return false
    if (!hidden && body.counts && !batch.pays(entry.record)) return false
    this.position.pass(partition, offset, time)
    if (body === 'skipped') this.skipped++
    if (hidden) return true
    const due =
      width <= NARROW_PARTITIONS_MAX || (this.#sinceCursor = (this.#sinceCursor + 1) % WIDE_CURSOR_EVERY) === 0
    batch.add(this.#owner.view.number, body, due ? this.cursor : null)
    return true
  }

  /** A record that no whole window of the plan could pay would wait for ever. */
  #affordable(entry: Entry, body: Body | Hidden): Body | Hidden {
    const { account, view, tail } = this.#owner
    if (typeof body === 'string' || !body.counts || account.pool.endless) return body
    return account.pool.affords(entry.record.value?.byteLength ?? 0) ? body : view.beyondPlan(entry, tail.epoch)
  }

  #body(entry: Entry, inRing: boolean): Body | Hidden {
    const kept = entry.kept(this.#owner.view)
    if (kept !== null) return kept
    const body = this.#owner.view.body(entry, this.#owner.tail.epoch)
    const grown = entry.keep(this.#owner.view, body)
    if (inRing) this.#owner.tail.ring.charge(grown)
    return body
  }
}

/** Moves a position behind whatever slices hold, records or not; answers whether it lay before that. */
function behind(slices: readonly Slice[], position: Position): boolean {
  let moved = false
  for (const { partition, next } of slices) {
    if (isUnresolved(next) || next <= position.at(partition)) continue
    position.move(partition, next)
    moved = true
  }
  return moved
}
