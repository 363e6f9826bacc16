import { setImmediate as turn } from 'node:timers/promises'
import type { Agreement } from '../../../gateway/access/grant.ts'
import type { PricePlan, Window } from '../../../gateway/catalog/plan.ts'
import type { Clock, Timer } from '../../../gateway/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { Ask, Amount, Leases } from '../../../gateway/quota/leases.ts'
import { createQuota, type Quota } from '../../../gateway/quota/quota.ts'
import type { Pool, PoolMember, QuotaWarning } from '../../../gateway/stream/account.ts'
import { pricePlan } from '../../integration/support/product.ts'

export const MINUTE = 60_000
export const DAY = 86_400_000

/** Time moves by hand; a late answer may so be made as late as wanted. */
export class HandClock implements Clock {
  #now: number
  #monotonic = 5_000
  readonly #timers = new Map<Timer, { at: number; run: () => void }>()

  constructor(now: number) {
    this.#now = now
  }
  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#monotonic
  }
  soon(run: () => void): void {
    setImmediate(run)
  }
  after(ms: number, run: () => void): Timer {
    const timer: Timer = { cancel: () => void this.#timers.delete(timer) }
    this.#timers.set(timer, { at: this.#monotonic + ms, run })
    return timer
  }
  every(): Timer {
    throw new Error('nothing repeats here')
  }
  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += ms
    for (const [timer, { at, run }] of this.#timers) {
      if (at > this.#monotonic) continue
      this.#timers.delete(timer)
      run()
    }
  }
  /** The wall clock alone. */
  set(now: number): void {
    this.#now = now
  }
}

export const NOON = Date.UTC(2026, 10, 22, 12)

export function planOf(windows: readonly Window[], more: Partial<PricePlan> = {}): PricePlan {
  return pricePlan({ name: 'pro', windows, ...more })
}

export const perDay = (messages: number | null, bytes: number | null = null): Window => ({
  perMs: DAY,
  messages,
  bytes,
})
export const perMinute = (messages: number, bytes: number | null = null): Window => ({ perMs: MINUTE, messages, bytes })
export const perMonth = (messages: number): Window => ({ perMs: 'month', messages, bytes: null })

let agreements = 0
/** Each its own: a Redis is shared. */
export function agreementOf(windows: readonly Window[], more: Partial<PricePlan> = {}): Agreement {
  return {
    id: `agreement ${process.pid}.${++agreements}`,
    consumer: 'acme',
    product: 'quakes',
    plan: planOf(windows, more),
  }
}

export function askOf(agreement: Agreement, more: Partial<Ask>): Ask {
  return {
    holder: 'a',
    agreement: agreement.id,
    id: 1,
    windows: agreement.plan.windows,
    overage: false,
    returned: [],
    owed: [],
    held: { messages: 0, bytes: 0 },
    need: { messages: 1, bytes: 0 },
    pace: null,
    floors: [],
    seeds: [],
    ...more,
  }
}

/** One process's part of the quota. */
export interface Node {
  readonly quota: Quota
  /** Its calls go nowhere from now on, and nothing ticks: it is dead. */
  dead: boolean
}

export interface WorldOptions {
  readonly nodes?: number
  readonly leases: Leases
  readonly clock: HandClock
  readonly delivered?: (agreement: string) => Promise<Amount | null>
  readonly random?: () => number
}

/** Nodes that share a store. */
export class World {
  readonly clock: HandClock
  readonly nodes: Node[]
  /** Calls of the store that are not answered. */
  readonly #open = new Set<Promise<unknown>>()

  constructor({ nodes = 2, leases, clock, delivered = async () => null, random = Math.random }: WorldOptions) {
    this.clock = clock
    const seeds = { delivered }
    const watched: Leases = {
      swap: (asks) => this.#watch(leases.swap(asks)),
      seat: (asks) => this.#watch(leases.seat(asks)),
      listen: (told) => leases.listen(told),
    }
    this.nodes = Array.from({ length: nodes }, (_, i) => ({
      quota: createQuota({ leases: watched, seeds, clock, log: silentLog, node: `node-${i}`, random }),
      dead: false,
    }))
  }

  quota(i: number): Quota {
    return (this.nodes[i] as Node).quota
  }

  /** So many ticks of 250 ms, with what is answered meanwhile. */
  async ticks(count: number, ms = 250): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.clock.advance(ms)
      for (const { quota, dead } of this.nodes) if (!dead) quota.lapse(this.clock.monotonic())
      await Promise.all(this.nodes.filter(({ dead }) => !dead).map(({ quota }) => quota.tick()))
      for (let turns = 0; turns < 3; turns++) {
        await turn()
        await Promise.allSettled(this.#open)
      }
    }
  }

  /** Time goes by, with ticks and with what is answered meanwhile. */
  async pass(ms: number, stepMs = 5): Promise<void> {
    for (let at = stepMs; at <= ms; at += stepMs) {
      if (at % 250 < stepMs) await this.ticks(1, stepMs)
      else {
        this.clock.advance(stepMs)
        await turn()
        await Promise.allSettled(this.#open)
      }
    }
  }

  async #watch<T>(call: Promise<T>): Promise<T> {
    this.#open.add(call)
    try {
      return await call
    } finally {
      this.#open.delete(call)
    }
  }

  /** So many ticks at most. */
  async ticksUntil(what: string, condition: () => boolean, max = 200): Promise<void> {
    for (let i = 0; i < max; i++) {
      if (condition()) return
      await this.ticks(1)
    }
    throw new Error(`not within ${max} ticks: ${what}`)
  }

  get calls(): number {
    return this.nodes.reduce((sum, { quota }) => sum + quota.counters.calls, 0)
  }
}

/** Takes records one by one, as long as it wants some. */
export class Taker implements PoolMember {
  readonly pool: Pool
  readonly bytes: number
  wants: number
  taken = 0
  refills = 0
  readonly exhaustions: (number | null)[] = []
  readonly closings: (number | null)[] = []
  readonly warnings: QuotaWarning[] = []

  constructor(pool: Pool, wants: number, bytes = 10) {
    this.pool = pool
    this.wants = wants
    this.bytes = bytes
    pool.join(this)
  }

  go(): void {
    while (this.wants > 0) {
      if (!this.pool.take(1, this.bytes)) return this.pool.await(this)
      this.wants--
      this.taken++
    }
  }

  recall(): void {}
  refilled(): void {
    this.refills++
    this.go()
  }
  exhausted(resumesAt: number | null): void {
    this.exhaustions.push(resumesAt)
  }
  closed(resumesAt: number | null): void {
    this.closings.push(resumesAt)
  }
  warned(warning: QuotaWarning): void {
    this.warnings.push(warning)
  }
}

/** Takes in advance, as riders do, and gives back what it is recalled for. */
export class Rider extends Taker {
  messages = 0
  held = 0

  override go(): void {
    while (this.wants > 0) {
      if (this.messages < 1 || this.held < this.bytes) {
        this.recall()
        const advance = this.pool.advance(1, this.bytes)
        if (!advance) return this.pool.await(this)
        this.messages += advance.messages
        this.held += advance.bytes
      }
      this.messages--
      this.held -= this.bytes
      this.wants--
      this.taken++
    }
  }

  override recall(): void {
    const { messages, held } = this
    this.messages = this.held = 0
    if (messages > 0 || held > 0) this.pool.give(messages, held)
  }
}
