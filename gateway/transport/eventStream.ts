/**
 * One endless answer over HTTP, whatever its dialect:
 *
 *   opening ──subscribed──► streaming ──close(refusal) · client gone──► closed, once
 *      └──ended · client gone──► closed
 */
import type { HttpResponse } from 'uWebSockets.js'
import type { Grant } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Frames } from '../stream/frames.ts'
import type { SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import type { Answer, Asked } from './answer.ts'
import type { Dialect, EventStreamCarrier } from './eventStreams.ts'
import { closingOf, controlOf, isoTime, type Control } from './framing.ts'
import type { Wish } from './parameters.ts'
import { isRefusal, type Seat } from './gate.ts'
import { goingOn, keptWish, renewal } from './renewal.ts'
import type { Reply } from './reply.ts'

const EXPIRY_NOTICE_MS = 60_000
/** A quiet connection is probed after this: well below the 10 s that uWS gives a socket which takes nothing. */
const PROBE_MS = 3_000

export class EventStream implements Answer {
  readonly carrier: EventStreamCarrier
  readonly capacity: number
  readonly #dialect: Dialect
  readonly #id: string
  readonly #reply: Reply
  readonly #res: HttpResponse
  #grant: Grant
  readonly #wish: Wish
  readonly #seat: Seat
  readonly #admissions: Admissions
  readonly #openedAt: number
  #subscription: Subscription | null = null
  #state: 'opening' | 'streaming' | 'closed' = 'opening'
  #heartbeatAt: number
  #expiryTold = false
  /** Bytes handed over since the socket last took all: uWS tells only when that is. */
  #pending = 0
  #blocked = false
  #waits = false
  #stuckSince: number | null = null
  #block: Uint8Array
  /** Whether anything was written since the last tick; since when nothing is, ms; whether that silence was probed. */
  #wrote = false
  #quietSince: number
  #probed = false

  constructor(
    { reply, request, grant, seat, wish }: Asked<Wish>,
    dialect: Dialect,
    carrier: EventStreamCarrier,
    admissions: Admissions,
  ) {
    const { limits, clock } = admissions.context
    this.#dialect = dialect
    this.#block = dialect.push
    this.#reply = reply
    this.#res = reply.res
    this.#grant = grant
    this.#wish = keptWish(wish, request.lastEventId)
    this.#seat = seat
    this.#admissions = admissions
    this.carrier = carrier
    this.capacity = limits.sessionBufferBytesMax
    this.#id = admissions.nextId()
    this.#openedAt = clock.now()
    this.#heartbeatAt = this.#openedAt + limits.heartbeatMs
    this.#quietSince = this.#openedAt
  }

  begin(subscription: Subscription): void {
    this.#subscription = subscription
    this.#reply.onGone(() => this.#end('client gone'))
    this.#res.onWritable(() => this.#drained())
    this.#admissions.enter({
      tick: (now) => this.#tick(now),
      close: (refusal) => this.#close(refusal),
      notice: (control) => this.#control(control, null),
      republished: () => this.#republished(),
      session: this,
    })
  }

  room(): number {
    return this.capacity - this.#pending
  }

  whenRoom(): void {
    this.#waits = true
    if (!this.#blocked) this.#admissions.context.clock.soon(() => this.#wake())
  }

  send(frames: Frames): boolean {
    return this.#writeAlone(frames.whole)
  }

  join(view: number): void {
    this.carrier.join(view, this)
  }

  leave(view: number): void {
    this.carrier.leave(view, this)
  }

  tell(event: SubscriptionEvent): void {
    if (event.type === 'subscribed') this.#subscribed(event.cursor)
    else if (event.type === 'ended') this.#close(event.refusal)
    else if (event.type === 'position') this.#writeAlone(this.#dialect.position(event.cursor))
    else this.#control(controlOf(event), 'cursor' in event ? event.cursor : null)
  }

  /** Writes whole blocks; what the socket does not take now, uWS keeps. */
  write(block: Uint8Array): boolean {
    if (this.#state !== 'streaming') return false
    this.#block = block
    this.#res.cork(this.#flush)
    return true
  }

  /** What no broadcast counts. */
  #writeAlone(block: Uint8Array): boolean {
    this.#admissions.context.hub.traffic.bytes += block.byteLength + this.#dialect.push.byteLength
    return this.write(block)
  }

  readonly #flush = (): void => {
    const { push } = this.#dialect
    this.#wrote = true
    this.#res.write(this.#block)
    const taken = this.#res.write(push)
    if (taken) return
    this.#pending += this.#block.byteLength + push.byteLength
    if (this.#blocked) return
    this.#blocked = true
    this.#stuckSince = this.#admissions.context.clock.now()
  }

  /** The socket takes bytes again. Without a write here, uWS would keep the rest to itself. */
  #drained(): boolean {
    if (this.#state === 'closed') return true
    this.#stuckSince = this.#admissions.context.clock.now()
    this.#res.cork(() => {
      if (this.#res.write(this.#dialect.push)) this.#unblocked()
    })
    return true
  }

  #unblocked(): void {
    this.#pending = 0
    this.#blocked = false
    this.#stuckSince = null
    this.#wake()
  }

  /**
   * A write, however small, starts uWS's own time anew: 10 s after a write that the socket did not take whole it would cut the
   * client off, long before `stuckMsMax`. And it tells whether the write before was taken: of a corked one only the next knows.
   */
  #probe(now: number): void {
    if (this.#wrote) {
      this.#wrote = false
      this.#probed = false
      this.#quietSince = now
    }
    if (this.#state !== 'streaming' || now - this.#quietSince < PROBE_MS || (this.#probed && !this.#blocked)) return
    this.#quietSince = now
    this.#probed = true
    this.#res.cork(() => {
      const taken = this.#res.write(this.#dialect.push)
      if (taken && this.#blocked) return this.#unblocked()
      if (taken || this.#blocked) return
      this.#blocked = true
      this.#stuckSince = now
    })
  }

  #wake(): void {
    if (!this.#waits) return
    this.#waits = false
    this.#subscription?.drained()
  }

  /** What is served from here on may look otherwise: the client sees that by the records, since these answers know no frame for it. */
  #republished(): void {
    const { gate, hub, clock } = this.#admissions.context
    const { identity, product, stream } = this.#grant
    const forerunner = this.#subscription
    if (forerunner === null || this.#state === 'closed') return
    const asked = { identity, product: product.id, stream: stream.id, wish: this.#wish, subscription: forerunner }
    const answer = renewal(gate, asked, clock.now())
    if (answer === null) return
    if (isRefusal(answer)) return this.#close(answer)
    this.#grant = answer.grant
    const seen = goingOn(answer.seen, forerunner, forerunner.close())
    this.#subscription = hub.open({ ...seen, outlet: this, account: gate.account(answer.grant) })
  }

  #subscribed(cursor: string): void {
    if (this.#state === 'opening') this.#begun(cursor)
    else this.#writeAlone(this.#dialect.position(cursor))
  }

  #begun(cursor: string): void {
    this.#state = 'streaming'
    // Spread, so that clients of a node that dies do not come back all at once.
    const retryMs = 1000 + Math.floor(this.#admissions.context.random() * 2000)
    this.#res.cork(() => {
      const allowance = this.#admissions.allowanceOf(this.#grant)
      this.#reply.writeHead(200, { 'Content-Type': this.#dialect.contentType, 'X-Accel-Buffering': 'no', ...allowance })
      this.#block = this.#dialect.opening(cursor, retryMs)
      this.#flush()
    })
    this.#log('admitted', {})
  }

  #control(control: Control, cursor: string | null): void {
    this.#writeAlone(this.#dialect.control(control, cursor))
  }

  #tick(now: number): void {
    const { limits } = this.#admissions.context
    const { expiresAt } = this.#grant.identity
    if (now >= expiresAt) return this.#close(refuse('token-expired', `The token expired at ${isoTime(expiresAt)}.`))
    if (this.#stuckSince !== null && now - this.#stuckSince >= limits.stuckMsMax) {
      return this.#close(refuse('slow', `The connection took nothing for ${limits.stuckMsMax / 1000} s.`))
    }
    if (!this.#expiryTold && now >= expiresAt - EXPIRY_NOTICE_MS) {
      this.#expiryTold = true
      this.#control({ type: 'notice', kind: 'token-expiring', expiresAt: isoTime(expiresAt) }, null)
    }
    this.#probe(now)
    if (now < this.#heartbeatAt) return
    this.#heartbeatAt = now + limits.heartbeatMs
    this.#subscription?.heartbeat()
  }

  #close(refusal: Refusal): void {
    if (this.#state === 'closed') return
    const begun = this.#state === 'streaming'
    const cursor = this.#end(refusal.code)
    if (!begun) return this.#turnDown(refusal)
    const last = this.#dialect.control(closingOf(refusal, cursor === null ? {} : { '0': cursor }), cursor)
    this.#reply.gone = true
    // A client that takes nothing would keep the response open for ever.
    if (refusal.code === 'slow') this.#res.close()
    else this.#res.cork(() => this.#res.end(last))
  }

  #turnDown(refusal: Refusal): void {
    const allowance = this.#admissions.allowanceOf(this.#grant)
    this.#dialect.turnDown(this.#reply, refusal, { ...this.#admissions.headersOf(refusal, true), ...allowance })
  }

  #end(reason: string): string | null {
    if (this.#state === 'closed') return null
    const begun = this.#state === 'streaming'
    const cursor = this.#subscription?.close() ?? null
    this.#state = 'closed'
    this.#seat.release()
    this.#admissions.leave(this)
    if (begun)
      this.#log('closed', {
        reason,
        seconds: Math.round((this.#admissions.context.clock.now() - this.#openedAt) / 1000),
      })
    return cursor
  }

  #log(event: string, more: object): void {
    const { identity, product, stream, agreement } = this.#grant
    const fields = { event, session: this.#id, transport: this.#dialect.name, consumer: identity.consumer }
    const what = { product: product.id, stream: stream.id, agreement: agreement.id }
    this.#admissions.context.log.info({ ...fields, ...what, ...more }, `event stream ${event}`)
  }
}
