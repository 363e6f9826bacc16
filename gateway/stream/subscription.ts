/**
 * A subscription is a position in the log, plus what may be seen from there:
 *
 *   opening ──located──► reading ──at the view's position, with room──► riding
 *      ▲                  ▲  │                                            │
 *      │                  │  └─◄ no room · quota · pause · cut (`takeOff`)┘
 *      └── log changed ───┘
 *   any ──close · ended──► closed, once
 *
 * Riding costs nothing per record. Reading is a `Reader` that pulls at the speed of its socket; while it cannot go on it
 * says what it waits for (`Wait`), and is woken by that alone.
 */
import { refuse, type Refusal } from '../errors.ts'
import type { Account, PoolMember, QuotaWarning } from './account.ts'
import type { Meter } from './meter.ts'
import type { ModeCounts, TakenOff } from './modes.ts'
import { EVER, locateReset, locateStart, refusalOf, type From, type Start } from './opening.ts'
import type { Outlet, PauseReason } from './outlet.ts'
import { Pauses } from './pauses.ts'
import { Reader, type ReaderOwner } from './reader.ts'
import type { Replay } from './replay.ts'
import { SourceError } from './source.ts'
import { Supply } from './supply.ts'
import { Stake } from './stake.ts'
import type { Tail } from './tail.ts'
import type { View } from './view.ts'

type State =
  | { readonly mode: 'opening'; readonly locate: () => Promise<Start> }
  | { readonly mode: 'reading'; readonly reader: Reader }
  | { readonly mode: 'riding'; readonly skippedBefore: number }
  | { readonly mode: 'closed' }

export type Mode = State['mode']

type Wait = 'room' | 'quota' | 'news' | 'source' | 'retry' | 'pause'

/** What a subscription needs of its hub. */
export interface SubscriptionHost {
  readonly replay: Replay
  readonly meter: Meter
  readonly counts: ModeCounts
  now(): number
  /** Pull it in one of the next turns. */
  ready(subscription: Subscription): void
  /** Bytes broadcast in this turn: a socket that rides elsewhere has this much less room. */
  broadcastBytes(): number
  closed(subscription: Subscription): void
  readonly failed: (error: unknown, doing: string) => void
}

const RETRY_MS = 250
/** A reader whose socket takes nothing for this long gives its block back and reads it again later. */
const HOLD_MS = 1_000
/** The source may fail this long before a reader is told. */
const SOURCE_PATIENCE_MS = 3_000

export class Subscription implements PoolMember, ReaderOwner {
  readonly view: View
  readonly tail: Tail
  readonly outlet: Outlet
  readonly account: Account
  readonly meter: Meter
  /** What it holds in advance while it rides; `null` where nothing limits its agreement. */
  readonly stake: Stake | null
  /** Records with an older timestamp are left out, ms since 1970. */
  notBefore = EVER
  readonly #host: SubscriptionHost
  readonly #supply: Supply
  #state: State = { mode: 'opening', locate: () => Promise.reject(new Error('opened twice')) }
  /** `null`: it will be pulled. */
  #wait: Wait | null = 'source'
  #waitSince = 0
  #because: TakenOff | 'start' = 'start'
  /** Last known while it is being located anew; `null` before the first. */
  #cursor: string | null = null
  readonly #pauses: Pauses
  #failingSince: number | null = null
  /** Raised whenever it starts anew: answers to an older question are void. */
  #turnover = 0
  #skipped = 0

  constructor(host: SubscriptionHost, view: View, tail: Tail, outlet: Outlet, account: Account) {
    this.#host = host
    this.#supply = new Supply(host.replay, tail)
    this.meter = host.meter
    this.account = account
    this.stake = account.pool.endless ? null : new Stake(account.pool)
    this.view = view
    this.tail = tail
    this.outlet = outlet
    this.#pauses = new Pauses(outlet)
  }

  get mode(): Mode {
    return this.#state.mode
  }

  /** Where it stands, as a client may resume from; `null` before it began. */
  get cursor(): string | null {
    if (this.#state.mode === 'reading') return this.#state.reader.cursor
    const { place } = this.view.front
    if (this.#state.mode === 'riding' && place) return this.view.cursor(place.position, this.tail, this.tail.ends)
    return this.#cursor
  }

  /** Begins. What comes of it reaches the outlet: `subscribed`, or `ended`. */
  open(from: From, horizon: number | null): void {
    if (this.stake !== null) this.account.pool.join(this)
    void this.#relocate(() => locateStart(this.tail, from, horizon))
  }

  /** The log under the topic became another one: goes on there from the time it had reached. */
  reset(): void {
    // Who has not begun yet asks again by itself.
    if (this.mode === 'closed' || this.mode === 'opening') return
    this.takeOff('replay')
    const time = this.#state.mode === 'reading' ? this.#state.reader.resetTime : 0
    void this.#relocate(() => locateReset(this.tail, time))
  }

  /** Its partition ends at `to` now, and other records will follow: who stands behind that has read what is no more. */
  truncated(partition: number, to: number): void {
    const { place } = this.view.front
    const position = this.#state.mode === 'reading' ? this.#state.reader.position : place?.position
    if (position !== undefined && position.at(partition) > to) this.reset()
  }

  /** Times are ms since 1970. */
  pause(reason: PauseReason, resumesAt: number | null = null, keptUntil: number | null = null): void {
    if (this.mode === 'closed' || !this.#pauses.add(reason, { resumesAt, keptUntil })) return
    if (this.#pauses.halted) this.takeOff('pause')
    this.#pauses.tell(this.cursor, reason)
  }

  resume(reason: PauseReason): void {
    if (this.mode === 'closed' || !this.#pauses.lift(reason)) return
    if (this.#wait === 'pause' && !this.#pauses.halted) this.#go()
  }

  /** There is room again. */
  drained(): void {
    if (this.#wait === 'room') this.#go()
  }

  recall(): void {
    if (this.mode === 'riding') this.stake?.recall(this.view)
  }

  refilled(): void {
    this.resume('quota')
    if (this.#wait === 'quota') this.#go()
  }

  exhausted(resumesAt: number | null): void {
    this.pause('quota', resumesAt, this.#keptUntil())
    if (this.#wait === 'quota') this.#go()
  }

  closed(resumesAt: number | null): void {
    if (this.mode === 'closed') return
    const seconds = resumesAt === null ? null : Math.max(1, Math.ceil((resumesAt - this.#host.now()) / 1000))
    const wait = seconds === null ? {} : { retryAfter: seconds }
    this.#end(
      refuse('quota-exhausted', 'The allowance of the agreement is spent, and its plan ends streams then.', wait),
    )
  }

  warned(warning: QuotaWarning): void {
    if (this.#cursor === null && this.mode === 'opening') return
    if (this.mode !== 'closed') this.outlet.tell({ type: 'warned', ...warning })
  }

  /** The ring grew, or was broadcast further. */
  news(): void {
    if (this.#wait === 'news') this.#go()
  }

  /** Off the broadcast, at the view's position: nothing is lost, nothing comes twice. */
  takeOff(why: TakenOff): void {
    const { view } = this
    const { place } = view.front
    if (this.#state.mode !== 'riding' || place === null) return
    const { seq, position } = place
    this.#skipped += view.skipped - this.#state.skippedBefore
    this.#state = { mode: 'reading', reader: new Reader(this, position.copy(), seq) }
    this.#because = why
    this.#host.counts.off[why]++
    view.unride(this)
    // It finds out by itself whether there is room: a backlog of this turn's broadcast alone would never drain.
    this.#go()
  }

  /** Every quarter of a second: what is due by time. */
  tick(now: number): void {
    if (this.#wait === 'retry' && now - this.#waitSince >= RETRY_MS) this.#go()
    const blocked = this.#wait === 'room' || this.#wait === 'quota'
    if (blocked && now - this.#waitSince >= HOLD_MS) this.#release()
  }

  /** Tells where it stands, and what was left out or is behind since the last time. */
  heartbeat(): void {
    const { cursor, view } = this
    if (cursor === null || this.mode === 'closed') return
    this.outlet.tell({ type: 'position', cursor })
    const behind =
      this.#state.mode === 'reading' && this.#wait === 'room'
        ? this.#state.reader.position.behind(this.tail.position)
        : 0
    if (behind > 0) this.outlet.tell({ type: 'notice', kind: 'lagging', count: behind })
    const skipped = this.#skipped + (this.#state.mode === 'riding' ? view.skipped - this.#state.skippedBefore : 0)
    if (skipped > 0) this.outlet.tell({ type: 'notice', kind: 'invalid', count: skipped })
    this.#skipped -= skipped
  }

  /** Ends it because of a fault of ours, before what could not be delivered. */
  fail(): void {
    if (this.mode !== 'closed')
      this.#end(refuse('internal', 'A record could not be delivered because of a fault on our side.'))
  }

  /** Ends it, once; the outlet is told nothing. Answers the last cursor. */
  close(): string | null {
    const { cursor } = this
    if (this.mode === 'closed') return cursor
    if (this.mode === 'riding') this.view.unride(this)
    this.#release()
    if (this.stake !== null) this.account.pool.leave(this)
    this.view.front.waiting.delete(this)
    this.#turnover++
    this.#cursor = cursor
    this.#state = { mode: 'closed' }
    this.#host.closed(this)
    return cursor
  }

  /** Reads on, as far as the connection, one turn's share and what there is allow. */
  pull(): void {
    if (this.#wait !== null) return
    if (this.#pauses.halted) {
      this.#release()
      return this.#waitFor('pause')
    }
    const state = this.#state
    if (state.mode === 'opening') return void this.#relocate(state.locate)
    if (state.mode !== 'reading') return
    const pulled = state.reader.pull(this.outlet.room() - this.#host.broadcastBytes())
    this.#skipped += state.reader.skipped
    state.reader.skipped = 0
    switch (pulled) {
      case 'room':
        return this.#waitForRoom()
      case 'quota':
        return this.#waitForQuota()
      case 'block':
        return void this.#fetch(state.reader)
      case 'end':
        return this.#arrive(state.reader)
      case 'lost':
        return this.#end(refuse('slow', 'The connection did not take what it was sent; resume from the cursor.'))
      case 'share':
        return state.reader.blockDone ? this.#leaveBlock(state.reader) : this.#go()
    }
  }

  /** At the end of what the view has broadcast: rides where it stands just there, else waits for more. */
  #arrive(reader: Reader): void {
    const { view, tail, outlet } = this
    this.#supply.drop()
    if (!reader.reaches(view.front.place ?? { seq: tail.ring.end, position: tail.position })) {
      view.front.waiting.add(this)
      return this.#waitFor('news')
    }
    if (outlet.room() * 2 < outlet.capacity) return this.#waitForRoom()
    this.#state = { mode: 'riding', skippedBefore: view.skipped }
    this.#host.counts.on[this.#because]++
    view.ride(this, tail)
  }

  async #fetch(reader: Reader): Promise<void> {
    const { tail } = this
    const turnover = ++this.#turnover
    this.#waitFor('source')
    try {
      const block = await this.#supply.take(reader.position.next)
      if (turnover !== this.#turnover) return this.#supply.release(block)
      this.#recovered()
      if (block.slices.some((slice) => slice.lost?.reason === 'truncated')) {
        // The log is shorter than it was (unclean election): what is behind its new end are other records.
        this.#supply.release(block)
        const time = reader.resetTime
        return await this.#relocate(() => locateReset(tail, time))
      }
      const gap = reader.begin(block)
      if (gap !== null) this.outlet.tell({ type: 'gap', cursor: reader.cursor, ...gap })
      this.#supply.expect(reader.following)
      this.#go()
    } catch (error) {
      if (turnover === this.#turnover) this.#failing(error)
    }
  }

  #leaveBlock(reader: Reader): void {
    const left = reader.leave()
    if (left) this.#supply.release(left.block)
    // Nothing there, and the ring cannot take it (a partition without a leader, a tail that is down): asks again, at leisure.
    if (left?.moved || this.tail.ring.holds(reader.position)) this.#go()
    else this.#waitFor('retry')
  }

  async #relocate(locate: () => Promise<Start>): Promise<void> {
    const turnover = ++this.#turnover
    this.#cursor = this.cursor
    this.#release()
    this.#state = { mode: 'opening', locate }
    this.#waitFor('source')
    try {
      const start = await locate()
      if (turnover === this.#turnover) this.#started(start)
    } catch (error) {
      if (turnover !== this.#turnover) return
      if (this.#cursor === null) this.#end(refusalOf(error, this.#host.failed))
      else this.#failing(error)
    }
  }

  #started(start: Start): void {
    const { view, tail, outlet } = this
    const first = this.#cursor === null
    // A log that is read anew shows nothing that the old one was not to show.
    this.notBefore = Math.max(this.notBefore, start.notBefore)
    const reader = new Reader(this, start.position)
    this.#state = { mode: 'reading', reader }
    const { cursor } = reader
    if (first) outlet.tell({ type: 'subscribed', cursor, view: view.number })
    if (start.gap !== null) outlet.tell({ type: 'gap', cursor, ...start.gap })
    this.#recovered()
    // Nobody could be told of a pause before there was a cursor.
    if (first) this.#pauses.tell(this.cursor)
    if (tail.downSince !== null) this.pause('source')
    this.#go()
  }

  #failing(error: unknown): void {
    // Another log is no outage: all its readers start anew, this one too.
    const changed = error instanceof SourceError && error.code === 'changed'
    if (changed && this.tail.state !== 'starting') return this.tail.noticeChange()
    if (!(error instanceof SourceError)) this.#host.failed(error, 'reading for a subscription')
    const now = this.#host.now()
    this.#failingSince ??= now
    if (now - this.#failingSince >= SOURCE_PATIENCE_MS) this.pause('source')
    this.#waitFor('retry')
  }

  #recovered(): void {
    this.#failingSince = null
    if (this.tail.downSince === null) this.resume('source')
  }

  #release(): void {
    const left = this.#state.mode === 'reading' ? this.#state.reader.leave() : null
    if (left) this.#supply.release(left.block)
    this.#supply.drop()
  }

  #end(refusal: Refusal): void {
    const cursor = this.close()
    this.outlet.tell({ type: 'ended', cursor, refusal })
  }

  /** Until when the topic surely keeps the next record: it was written after the last one that was passed. */
  #keptUntil(): number | null {
    const { keptMs, ends } = this.tail
    const reading = this.#state.mode === 'reading' ? this.#state.reader.resetTime : null
    // 0 from the log's start on, while a partition was not read yet.
    const since = reading ?? this.view.front.place?.position.resetTime(ends) ?? 0
    return keptMs === null || since === 0 ? null : since + keptMs
  }

  #waitForQuota(): void {
    this.#waitFor('quota')
    this.account.pool.await(this)
  }

  #waitForRoom(): void {
    this.#waitFor('room')
    this.outlet.whenRoom()
  }

  #waitFor(wait: Wait): void {
    this.#wait = wait
    this.#waitSince = this.#host.now()
  }

  #go(): void {
    this.#wait = null
    this.view.front.waiting.delete(this)
    this.#host.ready(this)
  }
}
