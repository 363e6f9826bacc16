import type { Clock } from '../clock.ts'
import type { Account } from './account.ts'
import { fanOut, type Turn } from './fanout.ts'
import { Front } from './front.ts'
import type { Traffic } from './headroom.ts'
import type { Memory } from './memory.ts'
import { Meter, METERED_RECORDS_MAX } from './meter.ts'
import type { ModeCounts } from './modes.ts'
import type { From } from './opening.ts'
import type { Outlet, PauseReason } from './outlet.ts'
import { Replay, type ReplayLimits } from './replay.ts'
import type { Source } from './source.ts'
import { Subscription, type SubscriptionHost } from './subscription.ts'
import { Tail, type TailEvents } from './tail.ts'
import { View, type ViewSpec } from './view.ts'

export interface HubLimits extends ReplayLimits {
  /** All rings and replay blocks of the process. */
  readonly logMemoryBytesMax: number
  /** Buffer of one connection; a turn broadcasts at most half of it. */
  readonly sessionBufferBytesMax: number
  /** A tail that nobody reads is kept this long. */
  readonly lingerMs: number
  /** JavaScript of one turn. */
  readonly turnMsMax: number
}

export interface OpenRequest {
  readonly spec: ViewSpec
  readonly source: Source
  readonly from: From
  /** Nothing older is read, ms since 1970; `null`: all that the topic keeps. */
  readonly horizon: number | null
  readonly outlet: Outlet
  /** On whose account. */
  readonly account: Account
}

/** What has to be done before a turn hands anything over. */
export interface TurnHooks {
  /** Monotonic ms from which on `edge` is due: a lease lapses, an hour of the bill ends. */
  nextEdge(): number
  edge(monotonic: number): void
  /** The meter holds as much as it may: it is to be drained now. */
  full(): void
}

/** Whoever walks through the topics of one stream leaves a tail behind at each: beyond so many the oldest go at once. */
export const LINGERING_TAILS_MAX = 256

/** Between two. */
const NO_TURN: Turn = Object.freeze({ bytes: 0, bytesMax: 0, begun: 0, deadline: 0 })

/** Faults that are ours, for the log. */
export type OnFault = (error: unknown, doing: string) => void

/**
 * Everything that is live in this process: tails, their views, who subscribed. It works in turns of the event loop: first
 * every view broadcasts its slice, then every reader that can go on reads its share.
 */
export class Hub {
  readonly replay: Replay
  readonly meter: Meter
  /** Transports count here what they send to one socket alone; broadcasts are counted by the hub. */
  readonly traffic: Traffic = { bytes: 0 }
  readonly counts: ModeCounts = {
    off: { socket: 0, quota: 0, pause: 0, replay: 0 },
    on: { start: 0, socket: 0, quota: 0, pause: 0, replay: 0 },
  }
  /** What the process around it does at the edges of leases and hours. */
  hooks: TurnHooks | null = null
  /** Why nobody is handed anything now. */
  readonly #halts = new Set<PauseReason>()
  readonly #memory: Memory
  readonly #clock: Pick<Clock, 'now' | 'monotonic' | 'soon'>
  readonly #limits: HubLimits
  readonly #onFault: OnFault
  readonly #tails = new Map<Source, Map<string, Tail>>()
  readonly #subscriptions = new Set<Subscription>()
  /** Fronts whose broadcast lags behind their tail. */
  readonly #behind = new Map<Front, Tail>()
  #ready = new Set<Subscription>()
  #scheduled = false
  #viewsMade = 0
  #tailsMade = 0
  #tailCount = 0
  #turn: Turn = NO_TURN
  readonly #host: SubscriptionHost
  readonly #tailEvents: TailEvents

  constructor(
    clock: Pick<Clock, 'now' | 'monotonic' | 'soon'>,
    limits: HubLimits,
    onFault: OnFault,
    meter = new Meter(),
  ) {
    this.#clock = clock
    this.meter = meter
    this.#limits = limits
    this.#onFault = onFault
    this.#memory = { used: 0, bytesMax: limits.logMemoryBytesMax }
    this.replay = new Replay(limits, this.#memory, () => this.#bound())
    this.#host = {
      replay: this.replay,
      meter: this.meter,
      counts: this.counts,
      now: () => clock.now(),
      ready: (subscription) => {
        this.#ready.add(subscription)
        this.#wake()
      },
      broadcastBytes: () => this.#turn.bytes,
      closed: (subscription) => this.#leave(subscription),
      failed: onFault,
    }
    this.#tailEvents = {
      appended: (tail) => this.#appended(tail),
      cut: (tail, truncated) =>
        this.#each(tail, (subscription) => {
          subscription.takeOff('replay')
          for (const { partition, to } of truncated) subscription.truncated(partition, to)
        }),
      changed: (tail) => {
        tail.restart()
        this.#each(tail, (subscription) => subscription.reset())
      },
      down: (tail) => this.#each(tail, (subscription) => subscription.pause('source')),
      up: (tail) => this.#each(tail, (subscription) => subscription.resume('source')),
    }
  }

  /** Begins a subscription. What becomes of it, `subscribed` or `ended`, reaches its outlet in a later turn. */
  open({ spec, source, from, horizon, outlet, account }: OpenRequest): Subscription {
    const tail = this.#tailOf(source, spec.stream.topic)
    const view = this.#viewOf(tail, spec)
    const subscription = new Subscription(this.#host, view, tail, outlet, account)
    tail.members++
    view.members++
    if (tail.state === 'lingering') tail.state = 'running'
    this.#subscriptions.add(subscription)
    for (const reason of this.#halts) subscription.pause(reason)
    subscription.open(from, horizon)
    return subscription
  }

  /** Hands nothing over to anybody until `proceed`: what is delivered could not be billed. */
  halt(reason: PauseReason): void {
    if (this.#halts.has(reason)) return
    this.#halts.add(reason)
    for (const subscription of Array.from(this.#subscriptions)) subscription.pause(reason)
  }

  proceed(reason: PauseReason): void {
    if (!this.#halts.delete(reason)) return
    for (const subscription of Array.from(this.#subscriptions)) subscription.resume(reason)
  }

  /** The number that this view has or would be given: equal specs on one tail are one view. */
  viewNumber(source: Source, spec: ViewSpec): number | null {
    return this.#tails.get(source)?.get(spec.stream.topic)?.views.get(spec.key)?.number ?? null
  }

  /** Call it every quarter of a second. */
  tick(): void {
    const now = this.#clock.now()
    for (const subscription of this.#subscriptions) subscription.tick(now)
    const lingering: Tail[] = []
    for (const tail of this.#everyTail()) {
      const left = tail.state === 'starting' && !tail.begun && tail.members === 0
      const over = tail.state === 'lingering' && now - tail.lingeringSince >= this.#limits.lingerMs
      if (left || over) this.#drop(tail)
      else if (tail.state === 'lingering') lingering.push(tail)
    }
    if (lingering.length <= LINGERING_TAILS_MAX) return
    lingering.sort((a, b) => b.lingeringSince - a.lingeringSince)
    for (const tail of lingering.slice(LINGERING_TAILS_MAX)) this.#drop(tail)
  }

  /** Ends every tail; subscriptions are their transports' to close. */
  close(): void {
    for (const tails of this.#tails.values()) for (const tail of tails.values()) this.#drop(tail)
  }

  stats(): HubStats {
    let riding = 0
    for (const subscription of this.#subscriptions) if (subscription.mode === 'riding') riding++
    let ringBytes = 0
    let tails = 0
    let down = 0
    for (const tail of this.#everyTail()) {
      tails++
      ringBytes += tail.ring.bytes
      if (tail.downSince !== null) down++
    }
    return {
      subscriptions: this.#subscriptions.size,
      riding,
      tails,
      down,
      ringBytes,
      blockBytes: this.replay.heldBytes,
      reads: this.replay.reads,
    }
  }

  #wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.soon(() => this.#run())
  }

  #run(): void {
    this.#scheduled = false
    const { turnMsMax, sessionBufferBytesMax } = this.#limits
    const begun = this.#clock.monotonic()
    const turn: Turn = { bytes: 0, bytesMax: sessionBufferBytesMax / 2, begun, deadline: begun + turnMsMax }
    this.#turn = turn
    this.#edge()
    this.#broadcast(turn)
    this.#read(turn)
    this.#turn = NO_TURN
    // Bodies came into memory too.
    this.#bound()
    if (this.#behind.size > 0 || this.#ready.size > 0) this.#wake()
  }

  #edge(): void {
    if (this.hooks === null) return
    const now = this.#clock.monotonic()
    if (now >= this.hooks.nextEdge()) this.hooks.edge(now)
    if (this.meter.records >= METERED_RECORDS_MAX) this.hooks.full()
  }

  #broadcast(turn: Turn): void {
    // One slice a front and turn: it ends where the turn is full, and then there is no use in another.
    const behind = [...this.#behind]
    for (const [front, tail] of behind) {
      // Whoever was served goes to the back, so that a busy one starves no other.
      this.#behind.delete(front)
      if (this.#fanOut(front, tail, turn)) this.#behind.set(front, tail)
      front.wake()
      this.#throttle(tail)
      if (turn.bytes >= turn.bytesMax || this.#clock.monotonic() >= turn.deadline) return
    }
  }

  #read(turn: Turn): void {
    const ready = this.#ready
    this.#ready = new Set()
    for (const subscription of ready) {
      ready.delete(subscription)
      this.#pull(subscription)
      if (this.#clock.monotonic() >= turn.deadline) break
    }
    // In this order nobody who was passed over waits for those who have just been served.
    for (const served of this.#ready) ready.add(served)
    this.#ready = ready
  }

  /** One front's fault is not another's: its riders end, with the cursor before what could not be sent. */
  #fanOut(front: Front, tail: Tail, turn: Turn): boolean {
    try {
      return fanOut(front, tail, turn, this.traffic, this.meter)
    } catch (error) {
      this.#onFault(error, 'broadcasting')
      for (const view of Array.from(front.ridden)) {
        for (const riders of view.riders.values()) for (const rider of riders) this.#fail(rider)
      }
      return false
    }
  }

  #pull(subscription: Subscription): void {
    try {
      subscription.pull()
    } catch (error) {
      this.#onFault(error, 'reading')
      this.#fail(subscription)
    }
  }

  #fail(subscription: Subscription): void {
    try {
      subscription.fail()
    } catch (error) {
      this.#onFault(error, 'ending a subscription')
    }
  }

  #appended(tail: Tail): void {
    this.#bound()
    for (const front of tail.fronts.values()) {
      if (front.place === null) front.wake()
      else this.#behind.set(front, tail)
    }
    this.#throttle(tail)
    if (this.#behind.size > 0) this.#wake()
  }

  /** One budget for all rings: the largest gives way, by a good piece at once. */
  #bound(): void {
    const { used, bytesMax } = this.#memory
    if (used <= bytesMax) return
    let toFree = used - bytesMax + bytesMax / 64
    while (toFree > 0) {
      let largest: Tail | null = null
      for (const tail of this.#everyTail()) if (largest === null || tail.ring.bytes > largest.ring.bytes) largest = tail
      if (largest === null || largest.ring.bytes === 0) return
      for (const floor = largest.ring.bytes / 2; toFree > 0 && largest.ring.bytes > floor;)
        toFree -= largest.ring.evict()
    }
  }

  /** Fetching waits while the slowest view is a quarter of its ring's share of memory behind. */
  #throttle(tail: Tail): void {
    const { ring } = tail
    let slowest = ring.end
    for (const { place } of tail.fronts.values()) if (place && place.seq < slowest) slowest = place.seq
    const lagBytes = (ring.bytes * (ring.end - slowest)) / Math.max(1, ring.end - ring.start)
    tail.throttle(lagBytes * 4 * this.#tailCount > this.#memory.bytesMax)
  }

  #tailOf(source: Source, topic: string): Tail {
    const tails = this.#tails.get(source) ?? new Map<string, Tail>()
    this.#tails.set(source, tails)
    const known = tails.get(topic)
    if (known) return known
    const tail = new Tail(++this.#tailsMade, source, topic, this.#memory, () => this.#clock.now(), this.#tailEvents)
    tails.set(topic, tail)
    this.#tailCount++
    return tail
  }

  #viewOf(tail: Tail, spec: ViewSpec): View {
    const known = tail.views.get(spec.key)
    if (known) return known
    const front = this.#frontOf(tail, spec)
    front.members++
    const view = new View(++this.#viewsMade, spec, front)
    tail.views.set(spec.key, view)
    return view
  }

  #frontOf(tail: Tail, { key, equality }: ViewSpec): Front {
    const shared = equality?.key ?? key
    const known = tail.fronts.get(shared)
    if (known) return known
    const front = new Front(shared, equality?.field ?? null)
    tail.fronts.set(shared, front)
    return front
  }

  #leave(subscription: Subscription): void {
    const { tail, view } = subscription
    if (!this.#subscriptions.delete(subscription)) return
    this.#ready.delete(subscription)
    if (--view.members === 0) {
      tail.views.delete(view.spec.key)
      if (--view.front.members === 0) {
        tail.fronts.delete(view.front.key)
        this.#behind.delete(view.front)
      }
    }
    // It may have been the one that fetching waited for.
    this.#throttle(tail)
    if (--tail.members > 0) return
    if (tail.state === 'starting' && !tail.begun) return this.#drop(tail)
    if (tail.state !== 'running') return
    tail.state = 'lingering'
    tail.lingeringSince = this.#clock.now()
  }

  #drop(tail: Tail): void {
    tail.stop()
    if (this.#tails.get(tail.source)?.delete(tail.topic)) this.#tailCount--
  }

  #each(tail: Tail, act: (subscription: Subscription) => void): void {
    for (const subscription of this.#subscriptions) if (subscription.tail === tail) act(subscription)
  }

  *#everyTail(): Generator<Tail> {
    for (const tails of this.#tails.values()) yield* tails.values()
  }
}

export interface HubStats {
  readonly subscriptions: number
  readonly riding: number
  readonly tails: number
  readonly down: number
  readonly ringBytes: number
  readonly blockBytes: number
  readonly reads: number
}
