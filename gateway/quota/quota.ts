import type { Agreement } from '../access/grant.ts'
import type { Window } from '../catalog/plan.ts'
import { type Clock, type Timer, systemRandom } from '../clock.ts'
import type { Log } from '../log.ts'
import { ENDLESS, type Pool } from '../stream/account.ts'
import { type QuotaCounters, noCounters } from './counters.ts'
import { type Amount, type Answer, type Ask, CHUNKS, type Leases, type Notice, type Unknown } from './leases.ts'
import { LeasePool } from './pool.ts'
import { Seats } from './seats.ts'
import type { WindowState } from './usage.ts'

/** What the ledger knows to be delivered on an agreement's account, [fromMs, toMs); `null`: it does not know. */
export interface Seeds {
  delivered(agreement: string, fromMs: number, toMs: number): Promise<Amount | null>
}

export interface QuotaOptions {
  readonly leases: Leases
  readonly seeds: Seeds
  readonly clock: Clock
  readonly log: Log
  /** The process's name: no other has it. */
  readonly node: string
  readonly random?: () => number
}

export interface Quota {
  /** The pool of the agreement: one object while it is used. */
  pool(agreement: Agreement): Pool
  /** How far the agreement's windows are used, as far as this node knows; `null`: it knows nothing of it. */
  windows(agreement: string): readonly WindowState[] | null
  readonly seats: Seats
  readonly counters: Readonly<QuotaCounters>
  /** Monotonic: when `lapse` has to be called next; Infinity: not at all. */
  readonly nextEdge: number
  lapse(monotonic: number): void
  /** Every 250 ms. Resolves when what it sent is answered. */
  tick(): Promise<void>
  /** Gives everything back, as far as the store answers. Nothing may be taken afterwards. */
  drain(): Promise<void>
}

/** Between two calls of a process because somebody waits, unless a short window would end before its chunks have come. */
const CALL_MS = 50
/** A pool that lacks may call so many times as often as its shortest window has chunks. */
const CALLS_A_CHUNK = 4
const IDLE_MS = 60_000
const ASKS_A_CALL_MAX = 256
const SEED_MS_MAX = 2_000
const AWAY_MS_MIN = 250
const AWAY_MS_MAX = 5_000
const DRAIN_CALLS_MAX = 4

export function createQuota(options: QuotaOptions): Quota {
  return new LeasedQuota(options)
}

class LeasedQuota implements Quota {
  readonly seats: Seats
  readonly counters = noCounters()
  readonly #leases: Leases
  readonly #seeds: Seeds
  readonly #clock: Clock
  readonly #log: Log
  readonly #random: () => number
  readonly #name: string
  /** By agreement and terms: an agreement whose plan has changed has two pools for a while. */
  readonly #pools = new Map<string, LeasePool>()
  readonly #active = new Set<LeasePool>()
  readonly #unlisten: () => void
  #serial = 0
  #storeAhead = 0
  #nextEdge = Infinity
  #flushedAt = -Infinity
  #flushing = false
  #waking: Timer | null = null
  #failures = 0
  #callAt = -Infinity

  constructor({ leases, seeds, clock, log, node, random = systemRandom }: QuotaOptions) {
    this.#leases = leases
    this.#seeds = seeds
    this.#clock = clock
    this.#log = log
    this.#random = random
    // A restarted process is another holder: its asks are numbered from 1 again.
    this.#name = `${node}.${Math.floor(random() * 2 ** 32).toString(36)}`
    this.seats = new Seats(this.#name, leases, clock)
    this.#unlisten = leases.listen((notice) => this.#noticed(notice))
  }

  get nextEdge(): number {
    return this.#nextEdge
  }

  pool(agreement: Agreement): Pool {
    const { windows, rate, onLimit, onRedisLoss } = agreement.plan
    if (windows.length === 0 && !rate) return ENDLESS
    const name = JSON.stringify([agreement.id, windows, rate, onLimit, onRedisLoss])
    const pool = this.#pools.get(name) ?? this.#newPool(agreement)
    this.#pools.set(name, pool)
    return pool
  }

  windows(agreement: string): readonly WindowState[] | null {
    const states = this.#poolsOf(agreement).map((pool) => pool.states())
    return states.findLast((list) => list.length > 0) ?? null
  }

  lapse(monotonic: number): void {
    this.#nextEdge = Infinity
    for (const pool of this.#active) {
      if (pool.end <= monotonic) pool.lapse()
      this.#nextEdge = Math.min(this.#nextEdge, pool.end)
    }
  }

  async tick(): Promise<void> {
    this.lapse(this.#clock.monotonic())
    for (const pool of this.#active) pool.tick(this.#failures > 0)
    await Promise.all([this.#flush(), this.seats.tick()])
    this.#forgetIdle()
  }

  async drain(): Promise<void> {
    this.#callAt = -Infinity
    this.#waking?.cancel()
    for (let calls = 0; calls < DRAIN_CALLS_MAX; calls++) await this.#swapAll([...this.#active], true)
    await this.seats.drain()
    this.#unlisten()
  }

  #newPool(agreement: Agreement): LeasePool {
    const callMs = callMsOf(agreement.plan.windows)
    const pool = new LeasePool(agreement, `${this.#name}.${++this.#serial}`, {
      monotonic: () => this.#clock.monotonic(),
      storeNow: () => this.#clock.now() + this.#storeAhead,
      random: this.#random,
      wake: (woken) => this.#wake(woken, callMs),
      counters: this.counters,
    })
    this.#active.add(pool)
    return pool
  }

  #poolsOf(agreement: string): LeasePool[] {
    return [...this.#active].filter((pool) => pool.agreement === agreement)
  }

  /** Asks in the next turn where the last call is `callMs` ago; else then. All who woke meanwhile ask in one call. */
  #wake(pool: LeasePool, callMs = CALL_MS): void {
    // Forgotten, and used again by who still had it.
    this.#active.add(pool)
    if (this.#flushing) return
    const wait = this.#flushedAt + callMs - this.#clock.monotonic()
    this.#flushing = true
    const flush = (): void => {
      this.#flushing = false
      void this.#flush()
    }
    if (wait > 0) this.#waking = this.#clock.after(wait, flush)
    else this.#clock.soon(flush)
  }

  #noticed({ kind, agreement, holder }: Notice): void {
    for (const pool of this.#active) {
      if (pool.agreement !== agreement || pool.holder === holder) continue
      if (kind === 'wanted') pool.want()
      else pool.mayRetry()
      this.#wake(pool)
    }
  }

  async #flush(): Promise<void> {
    const now = this.#clock.monotonic()
    if (now < this.#callAt) return
    this.#flushedAt = now
    await this.#swapAll([...this.#active], false)
  }

  async #swapAll(pools: readonly LeasePool[], leaving: boolean): Promise<void> {
    const due = pools.flatMap((pool) => {
      const ask = pool.ask(leaving)
      return ask ? [{ pool, ask }] : []
    })
    const calls: Promise<void>[] = []
    for (let at = 0; at < due.length; at += ASKS_A_CALL_MAX) calls.push(this.#swap(due.slice(at, at + ASKS_A_CALL_MAX)))
    await Promise.all(calls)
  }

  async #swap(due: readonly { readonly pool: LeasePool; readonly ask: Ask }[]): Promise<void> {
    const sent = this.#clock.monotonic()
    this.counters.calls++
    try {
      const answers = await this.#leases.swap(due.map(({ ask }) => ask))
      this.#answers()
      await Promise.all(due.map(({ pool, ask }, i) => this.#settle(pool, ask, answers[i] as Answer, sent)))
    } catch (error) {
      this.#fails(error)
      for (const { pool } of due) pool.failed()
      for (const { pool } of due) pool.tick(true)
    }
    this.lapse(this.#clock.monotonic())
  }

  async #settle(pool: LeasePool, ask: Ask, answer: Answer, sent: number): Promise<void> {
    this.#storeAhead = answer.now - this.#clock.now()
    if (answer.kind !== 'unknown') return pool.answered(answer, sent)
    pool.forgotten()
    const seeds = await Promise.all(ask.windows.map((_, i) => this.#seed(ask, answer, i)))
    pool.seeded(answer, seeds)
    this.#wake(pool)
  }

  async #seed({ agreement }: Ask, { windows, starts, now }: Unknown, i: number): Promise<Amount | null> {
    if (!windows.includes(i)) return null
    const late = new Promise<null>((resolve) => this.#clock.after(SEED_MS_MAX, () => resolve(null)))
    try {
      return await Promise.race([this.#seeds.delivered(agreement, starts[i] as number, now), late])
    } catch (error) {
      this.#log.warn({ event: 'quota-unseeded', agreement, error }, 'the ledger does not say what was delivered')
      return null
    }
  }

  #answers(): void {
    if (this.#failures > 0) this.#log.info({ event: 'quota-back' }, 'allowances are counted again')
    this.#failures = 0
    this.#callAt = -Infinity
  }

  #fails(error: unknown): void {
    this.counters.failures++
    if (this.#failures === 0)
      this.#log.warn({ event: 'quota-away', error }, 'allowances cannot be counted: plans say what goes on')
    this.#callAt = this.#clock.monotonic() + Math.min(AWAY_MS_MAX, AWAY_MS_MIN * 2 ** Math.min(this.#failures++, 10))
  }

  #forgetIdle(): void {
    for (const [name, pool] of this.#pools) {
      if (pool.idleMs() < IDLE_MS) continue
      if (!pool.settled) void this.#swapAll([pool], true)
      else if (this.#active.delete(pool)) this.#pools.delete(name)
    }
  }
}

function callMsOf(windows: readonly Window[]): number {
  const lengths = windows.map(({ perMs }) => (perMs === 'month' ? Infinity : perMs))
  return Math.min(CALL_MS, Math.min(...lengths) / (CALLS_A_CHUNK * CHUNKS))
}
