import type { HttpResponse } from 'uWebSockets.js'
import type { Grant } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Carrier, Outlet, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import { closingOf, controlEvent, controlOf, isoTime, recordEvent, type Control } from './framing.ts'
import { isRefusal } from './gate.ts'
import { readQuery, startOf } from './parameters.ts'
import type { Reply } from './reply.ts'
import { streamOf, type Request } from './request.ts'

/** Answers that an EventSource can wait out are told inside a 200: it gives up on any other status. */
const WAITED_OUT = new Set(['source-unavailable', 'too-many-connections', 'draining', 'internal'])
const EXPIRY_NOTICE_MS = 60_000
/** uWS holds a chunk's last line break back until the next write: a second, tiny one pushes it out. As a comment it says nothing. */
const PUSH = Buffer.from(':\n')

/** Server-sent events at a stream's address (HTML Living Standard §9.2). */
export class SseTransport {
  readonly #admissions: Admissions
  readonly #carrier = new SseCarrier()

  constructor(admissions: Admissions) {
    this.#admissions = admissions
  }

  async serve(reply: Reply, request: Request): Promise<void> {
    const admissions = this.#admissions
    const closed = admissions.refusal()
    if (closed) return this.#refuse(reply, closed, false)
    const tokenSent = request.authorization !== ''
    const grant = await this.#admit(request)
    if (reply.gone) return
    if (isRefusal(grant)) return this.#refuse(reply, grant, tokenSent)
    const refusal = this.#open(reply, request, grant)
    if (refusal) this.#refuse(reply, refusal, tokenSent)
  }

  async #admit(request: Request): Promise<Grant | Refusal> {
    const { gate } = this.#admissions.context
    const address = streamOf(request.path)
    if (address === null) return refuse('no-such-stream', 'A stream has the address /streams/{product}/{stream}.')
    const sent = gate.bearer(request.authorization)
    if (sent === null) return refuse('unauthenticated', 'Send a token as `Authorization: Bearer …`.')
    if (typeof sent !== 'string') return sent
    const identity = await gate.authenticate(sent)
    return isRefusal(identity) ? identity : gate.authorize(identity, address.product, address.stream)
  }

  #open(reply: Reply, request: Request, grant: Grant): Refusal | null {
    const { context } = this.#admissions
    const wish = readQuery(request.query)
    if (isRefusal(wish)) return wish
    const { spec, source } = context.gate.feed(grant)
    const now = context.clock.now()
    const from = startOf(wish, request.lastEventId, spec.stream.tag, now)
    if (isRefusal(from)) return from
    const { replayHorizonMs } = grant.agreement.plan
    const connection = new SseConnection(reply, grant, this.#admissions, this.#carrier)
    const horizon = replayHorizonMs === null ? null : now - replayHorizonMs
    connection.begin(context.hub.open({ spec, source, from, horizon, outlet: connection }))
    return null
  }

  #refuse(reply: Reply, refusal: Refusal, tokenSent: boolean): void {
    const headers = this.#admissions.headersOf(refusal, tokenSent)
    if (!WAITED_OUT.has(refusal.code)) return reply.problem(refusal, headers)
    refuseIn200(reply, refusal)
  }
}

function refuseIn200(reply: Reply, refusal: Refusal): void {
  const retry = `retry: ${(refusal.retryAfter ?? 5) * 1000}\n\n`
  reply.send(
    200,
    'text/event-stream; charset=utf-8',
    Buffer.concat([Buffer.from(retry), controlEvent(closingOf(refusal, {}), null)]),
  )
}

/** Broadcasts one buffer a view and turn, written to each connection that rides. */
class SseCarrier implements Carrier {
  readonly name = 'sse'
  readonly #riders = new Map<number, Set<SseConnection>>()

  frame(_view: number, body: Parameters<typeof recordEvent>[0], cursor: string | null): Uint8Array {
    return recordEvent(body, cursor)
  }

  broadcast(view: number, frames: readonly Uint8Array[], bytes: number): void {
    const riders = this.#riders.get(view)
    if (!riders) return
    const block = frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames, bytes)
    for (const rider of riders) rider.write(block)
  }

  join(view: number, connection: SseConnection): void {
    const riders = this.#riders.get(view)
    if (riders) riders.add(connection)
    else this.#riders.set(view, new Set([connection]))
  }

  leave(view: number, connection: SseConnection): void {
    const riders = this.#riders.get(view)
    if (riders?.delete(connection) && riders.size === 0) this.#riders.delete(view)
  }
}

/**
 * One event stream:
 *
 *   opening ──subscribed──► streaming ──close(refusal) · client gone──► closed, once
 *      └──ended · client gone──► closed
 */
class SseConnection implements Outlet {
  readonly carrier: SseCarrier
  readonly capacity: number
  readonly #id: string
  readonly #reply: Reply
  readonly #res: HttpResponse
  readonly #grant: Grant
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
  #block: Uint8Array = PUSH

  constructor(reply: Reply, grant: Grant, admissions: Admissions, carrier: SseCarrier) {
    const { limits, clock } = admissions.context
    this.#reply = reply
    this.#res = reply.res
    this.#grant = grant
    this.#admissions = admissions
    this.carrier = carrier
    this.capacity = limits.sessionBufferBytesMax
    this.#id = admissions.nextId()
    this.#openedAt = clock.now()
    this.#heartbeatAt = this.#openedAt + limits.heartbeatMs
  }

  begin(subscription: Subscription): void {
    this.#subscription = subscription
    this.#reply.onGone(() => this.#end('client gone'))
    this.#res.onWritable(() => this.#drained())
    this.#admissions.enter({
      tick: (now) => this.#tick(now),
      close: (refusal) => this.#close(refusal),
      notice: (control) => this.#control(control, null),
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

  send(frames: readonly Uint8Array[], bytes: number): boolean {
    return this.write(frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames, bytes))
  }

  join(view: number): void {
    this.carrier.join(view, this)
  }

  leave(view: number): void {
    this.carrier.leave(view, this)
  }

  tell(event: SubscriptionEvent): void {
    if (event.type === 'subscribed') this.#begun(event.cursor)
    else if (event.type === 'ended') this.#close(event.refusal)
    else if (event.type === 'position') this.write(Buffer.from(`id: ${event.cursor}\n\n`))
    else this.#control(controlOf(event), 'cursor' in event ? event.cursor : null)
  }

  /** Writes whole blocks; what the socket does not take now, uWS keeps. */
  write(block: Uint8Array): boolean {
    if (this.#state !== 'streaming') return false
    this.#block = block
    this.#res.cork(this.#flush)
    return true
  }

  readonly #flush = (): void => {
    this.#res.write(this.#block)
    const taken = this.#res.write(PUSH)
    if (taken) return
    this.#pending += this.#block.byteLength + PUSH.byteLength
    if (this.#blocked) return
    this.#blocked = true
    this.#stuckSince = this.#admissions.context.clock.now()
  }

  /** The socket takes bytes again. Without a write here, uWS would keep the rest to itself. */
  #drained(): boolean {
    if (this.#state === 'closed') return true
    this.#stuckSince = this.#admissions.context.clock.now()
    if (!this.#res.write(PUSH)) return true
    this.#pending = 0
    this.#blocked = false
    this.#stuckSince = null
    this.#wake()
    return true
  }

  #wake(): void {
    if (!this.#waits) return
    this.#waits = false
    this.#subscription?.drained()
  }

  #begun(cursor: string): void {
    this.#state = 'streaming'
    // Spread, so that clients of a node that dies do not come back all at once.
    const retryMs = 1000 + Math.floor(this.#admissions.context.random() * 2000)
    this.#res.cork(() => {
      this.#res.writeStatus('200 OK').writeHeader('Content-Type', 'text/event-stream; charset=utf-8')
      this.#res.writeHeader('Cache-Control', 'no-store').writeHeader('X-Accel-Buffering', 'no')
      this.#block = Buffer.from(`retry: ${retryMs}\nid: ${cursor}\n\n`)
      this.#flush()
    })
    this.#log('admitted', {})
  }

  #control(control: Control, cursor: string | null): void {
    this.write(controlEvent(control, cursor))
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
    if (now < this.#heartbeatAt) return
    this.#heartbeatAt = now + limits.heartbeatMs
    this.#subscription?.heartbeat()
  }

  #close(refusal: Refusal): void {
    if (this.#state === 'closed') return
    const begun = this.#state === 'streaming'
    const cursor = this.#end(refusal.code)
    if (!begun) return refuseUnbegun(this.#reply, refusal, this.#admissions)
    const last = controlEvent(closingOf(refusal, cursor === null ? {} : { '0': cursor }), cursor)
    this.#reply.gone = true
    // A client that takes nothing would keep the response open for ever.
    if (refusal.code === 'slow') this.#res.close()
    else this.#res.cork(() => this.#res.end(last))
  }

  #end(reason: string): string | null {
    if (this.#state === 'closed') return null
    const begun = this.#state === 'streaming'
    const cursor = this.#subscription?.close() ?? null
    this.#state = 'closed'
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
    const fields = { event, session: this.#id, transport: 'sse', consumer: identity.consumer }
    const what = { product: product.id, stream: stream.id, agreement: agreement.id }
    this.#admissions.context.log.info({ ...fields, ...what, ...more }, `event stream ${event}`)
  }
}

function refuseUnbegun(reply: Reply, refusal: Refusal, admissions: Admissions): void {
  admissions.counters.refused++
  if (WAITED_OUT.has(refusal.code)) refuseIn200(reply, refusal)
  else reply.problem(refusal)
}
