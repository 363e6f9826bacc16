import { refuse, type Refusal } from '../errors.ts'
import type { Cursor } from './cursor.ts'
import { Position } from './position.ts'
import { isUnresolved, SourceError, type At, type Vector } from './source.ts'
import type { Tail } from './tail.ts'
import type { LogId } from './view.ts'

/** Where a client wants to start (protocol.md, «Parameters»). Times are ms since 1970. */
export type From =
  | { readonly kind: 'latest' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'cursor'; readonly cursor: Cursor }

/** Records that will never come: what a `gap` frame says. */
export interface Gap {
  readonly reason: 'retention' | 'reset' | 'horizon'
  readonly from: number | null
  readonly to: number | null
  readonly offsets: number
}

export interface Start {
  readonly position: Position
  /** Records with an older timestamp are left out. */
  readonly notBefore: number
  readonly gap: Gap | null
}

/** A topic that was made anew is read from this much before the cursor's time: producers' clocks and retries differ. */
export const RESET_MARGIN_MS = 60_000

/** Older than every timestamp, also than -1, which stands for none. */
export const EVER: number = Number.NEGATIVE_INFINITY

/** Advice to a client whose stream could not be opened. */
const SOURCE_RETRY_S = 5

/** Finds where a subscription starts. Rejects with the `SourceError` that kept it from knowing. */
export function locateStart(tail: Tail, from: From, horizon: number | null): Promise<Start> {
  return inOneLog(tail, async () => {
    const start = await startOf(tail, from)
    if (horizon === null || from.kind === 'latest') return start
    return clamp(tail, start, from, horizon)
  })
}

/** The position in another log that misses nothing of what was read up to `time` in this one. */
export function locateReset(tail: Tail, time: number): Promise<Start> {
  return inOneLog(tail, () => resetStart(tail, time))
}

/** Asks again where the log became another one between two answers. */
async function inOneLog(tail: Tail, locate: () => Promise<Start>): Promise<Start> {
  for (;;) {
    await tail.ready()
    const { generation } = tail
    const start = await locate()
    if (generation === tail.generation) return start
  }
}

async function resetStart(tail: Tail, time: number): Promise<Start> {
  // A record from the future (a producer's wrong clock) says nothing about when the others were written.
  const reached = Math.min(time, tail.now())
  const since = reached > RESET_MARGIN_MS ? reached - RESET_MARGIN_MS : 0
  const vector = await located(tail, since > 0 ? { time: since } : 'earliest')
  const gap: Gap = { reason: 'reset', from: time > 0 ? time : null, to: null, offsets: 0 }
  return { position: new Position(vector, since), notBefore: EVER, gap }
}

async function startOf(tail: Tail, from: From): Promise<Start> {
  if (from.kind === 'latest') return { position: tail.position.copy(), notBefore: EVER, gap: null }
  if (from.kind === 'earliest')
    return { position: new Position(await located(tail, 'earliest'), 0), notBefore: EVER, gap: null }
  if (from.kind === 'time') {
    const { time } = from
    return { position: new Position(await located(tail, { time }), time), notBefore: time, gap: null }
  }
  const { vector, time } = from.cursor
  if (!sameLog(from.cursor, tail)) return resetStart(tail, time)
  return { position: new Position(vector, time), notBefore: EVER, gap: null }
}

/** Nobody reads further back than the plan allows, whatever the cursor says: it is not signed. `earliest` means «as far as I may» and has no gap. */
async function clamp(tail: Tail, start: Start, from: From, horizon: number): Promise<Start> {
  const floors = await located(tail, { time: horizon })
  const { position } = start
  const isBelow = (floor: number, partition: number): boolean =>
    !isUnresolved(floor) && !isUnresolved(position.at(partition)) && position.at(partition) < floor
  // Where the topic keeps nothing older than the horizon, it is retention that took what is missing, and the reader finds that.
  const starts = floors.some(isBelow) && from.kind !== 'earliest' ? await located(tail, 'earliest') : []
  let offsets = 0
  floors.forEach((floor, partition) => {
    const next = position.at(partition)
    if (isBelow(floor, partition) && floor === starts[partition]) return
    // A partition that nobody can place now is clamped by time; a known offset in it stays, since only its leader could compare it.
    if (isUnresolved(next) ? -next < horizon : !isUnresolved(floor) && next < floor) position.move(partition, floor)
    if (!isUnresolved(next) && !isUnresolved(floor)) offsets += Math.max(0, floor - next)
  })
  if (offsets === 0 || from.kind === 'earliest' || start.gap !== null) return start
  const time = from.kind === 'cursor' ? from.cursor.time : from.kind === 'time' ? from.time : null
  return { ...start, gap: { reason: 'horizon', from: time, to: horizon, offsets } }
}

/** By fingerprint where both know it, since nodes may count epochs apart. */
function sameLog(a: LogId, b: LogId): boolean {
  return a.log !== 0 && b.log !== 0 ? a.log === b.log : a.epoch === b.epoch
}

/** Offsets of the log that the tail follows: where it changed meanwhile, of the new one. */
async function located(tail: Tail, at: At): Promise<Vector> {
  const { generation } = tail
  const { epoch, log, vector } = await tail.source.locate(tail.topic, at)
  // An answer that was asked for before the log changed says nothing of the new one; it is asked for again.
  if (generation === tail.generation && !sameLog({ epoch, log }, tail)) tail.noticeChange()
  return vector
}

/** Why a subscription could not begin, in words for its client: nothing of brokers and topics. */
export function refusalOf(error: unknown, onFault: (error: unknown, doing: string) => void): Refusal {
  if (!(error instanceof SourceError)) {
    onFault(error, 'opening a subscription')
    return refuse('internal', 'The stream could not be opened because of a fault on our side.')
  }
  const detail =
    error.code === 'no-such-topic'
      ? 'The data behind this stream does not exist at present.'
      : 'The data behind this stream cannot be reached at present.'
  return refuse('source-unavailable', detail, { retryAfter: SOURCE_RETRY_S })
}
