import type { Grant, Identity } from '../access/grant.ts'
import { sleep, turns } from '../clock.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Control } from './framing.ts'
import { isRefusal } from './gate.ts'
import type { Cors } from './cors.ts'
import { rateLimitHeaders } from './rateLimit.ts'
import type { Common, Headers } from './reply.ts'
import type { Request } from './request.ts'
import { seenBy, type Understood } from './seen.ts'
import type { Addressed, SessionContext, SessionLimits } from './session.ts'

export interface TransportLimits extends SessionLimits {
  readonly connectionsMax: number
  readonly sessionBufferBytesMax: number
  readonly recordBytesMax: number
  readonly stuckMsMax: number
}

/** Ticks in which everybody live is visited once: a second is soon enough, and thousands at once are a long turn. */
export const TICKS_A_VISIT = 4
const DRAIN_STEP_MS = 100
const DRAIN_SHARE_MIN = 100
const RENEWAL_TURN_MS_MAX = 2

/** A live connection, whatever its transport. */
export interface Connection {
  /** Every second, or every quarter of one where it is brief. */
  tick(now: number): void
  /** Ends it, once: the client learns why and where it stood. */
  close(refusal: Refusal): void
  notice(control: Control): void
  /** The documents are others now: what it is served may have changed, or ended. */
  republished(): void
  /** What it is taken off by: its own face towards its transport. */
  readonly session: object
  /** Over in a moment: visited at each tick. */
  readonly isBrief?: boolean
}

export interface TransportContext extends SessionContext {
  readonly limits: TransportLimits
  readonly cors: Cors
  /** In [0, 1). */
  readonly random: () => number
}

export interface TransportCounters {
  opened: number
  closed: number
  refused: number
  /** uWS dropped a message: a bug of ours, since room is looked at before each send. */
  dropped: number
}

interface Live {
  readonly connection: Connection
  /** In which of the ticks it is visited; `null`: in each. */
  readonly tick: number | null
}

/** Who is connected to this process: lets in, keeps time, and sees everybody out. */
export class Admissions {
  readonly context: TransportContext
  readonly counters: TransportCounters = { opened: 0, closed: 0, refused: 0, dropped: 0 }
  readonly #live = new Map<object, Live>()
  readonly #prefix: string
  #ids = 0
  #ticks = 0
  #draining = false

  constructor(context: TransportContext) {
    this.context = context
    this.#prefix = Math.floor(context.random() * 36 ** 6)
      .toString(36)
      .padStart(6, '0')
  }

  get live(): number {
    return this.#live.size
  }

  /** Why nobody is let in now; `null` where somebody is. */
  refusal(): Refusal | null {
    if (this.#draining) return this.#goingAway()
    if (this.#live.size < this.context.limits.connectionsMax) return null
    return refuse('too-many-connections', 'This node has all the connections that it takes.', {
      retryAfter: this.#retryAfter(),
    })
  }

  /** What would be refused after the upgrade anyway, found before it: then a status can say so. */
  check(identity: Identity, addressed: Addressed): Understood | Refusal {
    const { gate, clock } = this.context
    const grant = gate.authorize(identity, addressed.product, addressed.stream)
    if (isRefusal(grant)) return grant
    const seen = seenBy(gate, grant, addressed.wish, addressed.lastEventId, clock.now())
    return isRefusal(seen) ? seen : { grant, seen }
  }

  /** What all answers to a request say. */
  commonOf({ origin }: Request): Common {
    const { cors, gate } = this.context
    return { headers: cors.headers(origin), root: gate.publicUrl().replace(/^https?:\/\/[^/]*/, '') }
  }

  /** Headers of a refusal: what a client without a good token needs to get one. Counts it. */
  headersOf(refusal: Refusal, tokenSent: boolean): Headers {
    this.counters.refused++
    const challenge = this.context.gate.challenge(refusal, tokenSent)
    return challenge === null ? {} : { 'WWW-Authenticate': challenge }
  }

  /** What an answer says of the agreement's allowance. */
  allowanceOf({ agreement }: Grant): Headers {
    const { gate, clock } = this.context
    return rateLimitHeaders(gate.windows(agreement), clock.now())
  }

  /** Tells sessions apart in logs, over restarts and nodes. */
  nextId(): string {
    return `${this.#prefix}-${(++this.#ids).toString(36)}`
  }

  enter(connection: Connection): void {
    this.counters.opened++
    this.#live.set(connection.session, {
      connection,
      tick: connection.isBrief ? null : this.counters.opened % TICKS_A_VISIT,
    })
  }

  leave(session: object): void {
    if (this.#live.delete(session)) this.counters.closed++
  }

  dropped(): void {
    this.counters.dropped++
  }

  fault(error: unknown, doing: string): void {
    this.context.log.error(
      { event: 'fault', error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      `fault in ${doing}`,
    )
  }

  /** Call it every quarter of a second. */
  tick(): void {
    const now = this.context.clock.now()
    const tick = ++this.#ticks % TICKS_A_VISIT
    for (const live of this.#live.values()) if (live.tick === null || live.tick === tick) live.connection.tick(now)
  }

  /** Lets everybody live look at documents that were published anew, in turns: the others go on meanwhile. */
  async republished(): Promise<void> {
    const nextTurn = turns(this.context.clock, RENEWAL_TURN_MS_MAX)
    for (const { connection } of [...this.#live.values()]) {
      await nextTurn()
      if (!this.#live.has(connection.session)) continue
      try {
        connection.republished()
      } catch (error) {
        this.fault(error, 'a renewal')
        connection.close(refuse('internal', 'The stream could not go on as its document was published anew.'))
      }
    }
  }

  /**
   * Lets nobody in any more and sends everybody away with their cursors: a hundred at once, and more only where `msMax` would
   * not be enough, so that the nodes they go to are not stormed.
   */
  async drain(msMax: number): Promise<void> {
    this.#draining = true
    const leaving = [...this.#live.values()]
    const share = Math.max(
      DRAIN_SHARE_MIN,
      Math.ceil((leaving.length * DRAIN_STEP_MS) / Math.max(DRAIN_STEP_MS, msMax)),
    )
    for (let sent = 0; sent < leaving.length; sent += share) {
      if (sent > 0) await sleep(this.context.clock, DRAIN_STEP_MS)
      for (const { connection } of leaving.slice(sent, sent + share)) connection.close(this.#goingAway())
    }
  }

  #goingAway(): Refusal {
    return refuse('draining', 'This node is going away; reconnect with the cursor, to another one.', {
      retryAfter: this.#retryAfter(),
    })
  }

  /** Spread, so that those sent away do not come back all at once. */
  #retryAfter(): number {
    return 1 + Math.floor(this.context.random() * 5)
  }
}
