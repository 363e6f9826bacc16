import { Batch } from './batch.ts'
import type { Entry } from './entry.ts'
import { frameOverhead } from './fanout.ts'
import type { Gap } from './opening.ts'
import type { Outlet } from './outlet.ts'
import type { Position } from './position.ts'
import type { Block } from './replay.ts'
import { isUnresolved } from './source.ts'
import type { Tail } from './tail.ts'
import type { Body } from './body.ts'
import { NARROW_PARTITIONS_MAX, WIDE_CURSOR_EVERY, type Hidden, type View } from './view.ts'

/**
 * Where a pull ended: its `share` of the turn is spent · the connection has no `room` · a `block` of the log is needed ·
 * it stands at the `end` of what the view has broadcast · the connection `lost` what it was sent.
 */
export type Pulled = 'share' | 'room' | 'block' | 'end' | 'lost'

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
  readonly #view: View
  readonly #tail: Tail
  readonly #outlet: Outlet
  readonly #notBefore: number
  /** Where the partitions ended, as the last block said, or the ring when it was left. */
  #ends: number[]
  /** The log itself said, just now, that it reaches up to here. */
  #confirmed = false
  #sinceCursor = 0

  constructor(
    view: View,
    tail: Tail,
    outlet: Outlet,
    position: Position,
    notBefore: number,
    seq: number | null = null,
  ) {
    this.#view = view
    this.#tail = tail
    this.#outlet = outlet
    this.position = position
    this.#notBefore = notBefore
    this.#ends = [...tail.ends]
    this.#place = seq === null ? { at: 'nowhere' } : { at: 'ring', seq }
  }

  get cursor(): string {
    const ends = this.#place.at === 'ring' ? this.#tail.ends : this.#ends
    return this.#view.cursor(this.position, this.#tail, ends)
  }

  /** From when on records may be missing, ms since 1970. */
  get resetTime(): number {
    return this.position.resetTime(this.#place.at === 'ring' ? this.#tail.ends : this.#ends)
  }

  /** Whether it waits amid a block, which is memory that others could use. */
  get holdsBlock(): boolean {
    return this.#place.at === 'log'
  }

  /** Hands over what fits into `room` bytes. */
  pull(room: number): Pulled {
    if (!this.#settle()) return 'block'
    const batch = new Batch(this.#outlet, room)
    const before = this.position.copy()
    let sent = false
    let done: boolean
    try {
      done = this.#place.at === 'ring' ? this.#readRing(this.#place, batch) : this.#readBlock(batch)
      sent = batch.flush()
    } finally {
      // Whatever ends it here: the cursor stands before what was not sent.
      if (!sent) this.position = before
    }
    if (!sent) return 'lost'
    if (!done) return batch.full ? 'room' : 'share'
    if (this.#place.at === 'ring') return 'end'
    return 'share'
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

  /** Gives the block back, where it holds one; read to its end, it moves the position behind its markers. Answers whether it brought anything. */
  leave(): { readonly block: Block; readonly moved: boolean } | null {
    const place = this.#place
    if (place.at !== 'log') return null
    this.#place = { at: 'nowhere' }
    const { block } = place
    let moved = block.entries.length > 0
    if (place.index < block.entries.length) return { block, moved }
    for (const { partition, next } of block.slices) {
      if (isUnresolved(next) || next <= this.position.at(partition)) continue
      this.position.move(partition, next)
      moved = true
    }
    return { block, moved }
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
    const { ring, state, position, ends } = this.#tail
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
    const { ring } = this.#tail
    const limit = this.#view.front.place?.seq ?? ring.end
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
    const body = time < this.#notBefore ? 'filtered' : this.#body(entry, inRing)
    const width = this.position.next.length
    const hidden = typeof body === 'string'
    if (!batch.takes(hidden ? 0 : body.rest.byteLength + frameOverhead(width))) return false
    this.position.pass(partition, offset, time)
    if (body === 'skipped') this.skipped++
    if (hidden) return true
    const due =
      width <= NARROW_PARTITIONS_MAX || (this.#sinceCursor = (this.#sinceCursor + 1) % WIDE_CURSOR_EVERY) === 0
    batch.add(this.#outlet.carrier.frame(this.#view.number, body, due ? this.cursor : null))
    return true
  }

  #body(entry: Entry, inRing: boolean): Body | Hidden {
    const kept = entry.kept(this.#view)
    if (kept !== null) return kept
    const body = this.#view.body(entry, this.#tail.epoch)
    const grown = entry.keep(this.#view, body)
    if (inRing) this.#tail.ring.charge(grown)
    return body
  }
}
