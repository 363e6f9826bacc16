import { CURSOR_CHARS_MAX } from './cursor.ts'
import { NARROW_PARTITIONS_MAX, type Body, type View } from './view.ts'
import type { Tail } from './tail.ts'

/**
 * What one turn of the event loop may still broadcast. Transports cannot see what was published in the same turn, so
 * `bytes` counts it over all views: no socket can be given more than this, however many views it rides.
 */
export interface Turn {
  bytes: number
  readonly bytesMax: number
  /** Monotonic ms. */
  readonly deadline: number
}

/** What a frame adds to its body at most: type, view, id, the cursor twice (SSE has it as `id:` too). */
export function frameOverhead(partitions: number): number {
  return partitions <= NARROW_PARTITIONS_MAX ? 640 : 2 * CURSOR_CHARS_MAX + 192
}

/** Entries that one slice looks at, shown or not: others get their turn. */
const SLICE_ENTRIES_MAX = 2_000

/**
 * Broadcasts the next slice of a view to its riders: each record framed once per kind of connection. Whoever lacks room
 * for the whole slice is taken off first, so that what was broadcast is exactly what was accepted. Answers whether more
 * is waiting. Should it throw, the view stands where it stood.
 */
export function fanOut(view: View, tail: Tail, turn: Turn): boolean {
  const { front } = view
  if (front === null) return false
  // Fetching is throttled long before this; if it happens all the same, the riders read on from the log.
  if (front.seq < tail.ring.start) return takeOffAll(view)
  const slice = collect(view, tail, front.seq, turn)
  if (slice.bytes > 0) takeOffWhoLacksRoom(view, slice, turn)
  // The last rider may have been taken off: the slice is then read, not ridden.
  if (view.front !== front) return false
  broadcast(view, tail, slice, turn)
  if (front.seq === tail.ring.end) front.position.raise(tail.position)
  return front.seq < tail.ring.end
}

interface Picked {
  /** `null`: the view shows nothing of this entry. */
  readonly bodies: readonly (Body | null)[]
  /** Upper bound of what one rider is sent. */
  readonly bytes: number
  /** Smallest timestamp among the bodies. */
  readonly oldest: number
}

function collect(view: View, tail: Tail, from: number, turn: Turn): Picked {
  const { ring, epoch } = tail
  const overhead = frameOverhead(tail.position.next.length)
  const bodies: (Body | null)[] = []
  let bytes = 0
  let oldest = Infinity
  for (let seq = from; seq < ring.end && bodies.length < SLICE_ENTRIES_MAX; seq++) {
    const entry = ring.at(seq)
    const kept = entry.kept(view)
    const body = kept === undefined ? view.body(entry, epoch) : kept
    if (body !== null) {
      const size = body.rest.byteLength + overhead
      // A single record may be larger than a turn; it then goes out alone, to whoever has room for it.
      if (turn.bytes + bytes + size > turn.bytesMax && turn.bytes + bytes > 0) break
      bytes += size
      oldest = Math.min(oldest, entry.record.time)
    }
    bodies.push(body)
  }
  return { bodies, bytes, oldest }
}

function takeOffWhoLacksRoom(view: View, slice: Picked, turn: Turn): void {
  for (const riders of view.riders.values()) {
    for (const rider of riders) {
      if (rider.outlet.room() < turn.bytes + slice.bytes) rider.takeOff('socket')
      else if (rider.notBefore > slice.oldest) rider.takeOff('replay')
    }
  }
}

function takeOffAll(view: View): false {
  for (const riders of view.riders.values()) for (const rider of riders) rider.takeOff('replay')
  return false
}

function broadcast(view: View, tail: Tail, slice: Picked, turn: Turn): void {
  const front = view.front as NonNullable<View['front']>
  const { ring, ends, epoch } = tail
  const position = front.position.copy()
  const groups = [...view.riders.keys()].map((carrier) => ({ carrier, frames: [] as Uint8Array[], bytes: 0 }))
  let { seq } = front
  let skipped = 0
  for (const body of slice.bodies) {
    const { partition, offset, time } = ring.at(seq++).record
    position.pass(partition, offset, time)
    if (body === null) {
      skipped++
      continue
    }
    const cursor = view.cursorDue(position.next.length) ? view.cursor(position, epoch, ends) : null
    for (const group of groups) {
      const frame = group.carrier.frame(view.number, body, cursor)
      group.frames.push(frame)
      group.bytes += frame.byteLength
    }
  }
  for (const { carrier, frames, bytes } of groups) {
    if (frames.length > 0) carrier.broadcast(view.number, frames, bytes)
  }
  front.seq = seq
  front.position = position
  view.skipped += skipped
  turn.bytes += slice.bytes
}
