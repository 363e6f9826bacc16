/**
 * One WebSocket session, apart from the socket:
 *
 *   waiting ──first token──► open ──close(refusal) · socket gone──► closed, once
 *      └──no token in time, bad token──► closed
 *
 * `subscribe` and `unsubscribe` are served while open; a session over the address of one stream has subscribed as "0".
 */
import type { Identity } from '../access/grant.ts'
import type { Clock } from '../clock.ts'
import { refuse, rowOf, type Refusal } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Form } from '../stream/body.ts'
import type { Hub } from '../stream/hub.ts'
import type { Outlet, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import { idOf, parseFrame, readSubscribe, type ClientFrame } from './clientFrame.ts'
import { closingOf, controlOf, isoTime, type Control } from './framing.ts'
import { isRefusal, type Gate } from './gate.ts'
import { printable, type Wish } from './parameters.ts'
import { seenBy } from './seen.ts'

/** The socket, as a session needs it. */
export interface Wire {
  send(control: Control): void
  /** After this nothing is sent. */
  close(code: number, reason: string): void
  /** The form of records where a client names none. */
  readonly defaultForm: Form
  /** A way to the client for one subscription; its events come back to `onEvent`. */
  outlet(form: Form, onEvent: (event: SubscriptionEvent) => void): Outlet
  /** Which subscription to wake when the socket has drained. */
  wakes(outlet: Outlet, subscription: Subscription): void
}

export interface SessionLimits {
  readonly subscriptionsPerSessionMax: number
  readonly framesPerSecondMax: number
  readonly frameBytesMax: number
  readonly authMsMax: number
  readonly heartbeatMs: number
}

export interface SessionContext {
  readonly gate: Gate
  readonly hub: Hub
  readonly clock: Clock
  readonly limits: SessionLimits
  readonly log: Log
}

/** The stream of the address, for a session over one. */
export interface Addressed {
  readonly product: string
  readonly stream: string
  readonly wish: Wish
  readonly lastEventId: string
}

interface Member {
  readonly id: string
  readonly product: string
  readonly stream: string
  readonly agreement: string
  readonly plan: string
  readonly viewKey: string
  readonly form: Form
  readonly subscription: Subscription
}

/** A session without a subscription is closed as idle after this. */
const IDLE_MS_MAX = 300_000
/** A client is told this long before its token expires. */
const EXPIRY_NOTICE_MS = 60_000
/** Nothing in a raw message says whose it is. */
const RAW_IS_ALONE = 'A session with a subscription in the format `raw` has no other one.'
const CLOSING_CURSOR_BYTES_MAX = 64 * 1024

export class Session {
  readonly id: string
  readonly #wire: Wire
  readonly #context: SessionContext
  readonly #addressed: Addressed | null
  readonly #members = new Map<string, Member>()
  #state: 'waiting' | 'open' | 'closed' = 'waiting'
  #identity: Identity | null = null
  readonly #openedAt: number
  #idleSince: number
  #heartbeatAt: number
  #expiryTold = false
  #frames = { second: 0, count: 0 }
  /** Frames are served one after another, also where one has to wait for a key. */
  #serving: Promise<void> = Promise.resolve()

  constructor(id: string, wire: Wire, context: SessionContext, addressed: Addressed | null) {
    this.id = id
    this.#wire = wire
    this.#context = context
    this.#addressed = addressed
    const now = context.clock.now()
    this.#openedAt = now
    this.#idleSince = now
    this.#heartbeatAt = now + context.limits.heartbeatMs
  }

  get consumer(): string | null {
    return this.#identity?.consumer ?? null
  }

  /** Begins with a token that the handshake brought and that was found good. */
  admit(identity: Identity): void {
    this.#identity = identity
    this.#state = 'open'
    const { consumer, expiresAt } = identity
    this.#wire.send({ type: 'welcome', session: this.id, consumer, expiresAt: isoTime(expiresAt) })
    this.#context.log.info(
      { event: 'admitted', session: this.id, transport: 'websocket', consumer },
      'session admitted',
    )
    if (this.#addressed === null) return
    const { product, stream, wish, lastEventId } = this.#addressed
    const refusal = this.#subscribe('0', product, stream, wish, lastEventId)
    if (refusal) this.close(refusal)
  }

  /** One message of the client. */
  receive(bytes: Buffer, isBinary: boolean): void {
    const refusal = this.#frameRefusal(bytes, isBinary)
    if (refusal) return this.close(refusal)
    const text = bytes.toString('utf8')
    this.#serving = this.#serving.then(() => this.#serve(text)).catch((error: unknown) => this.#fault(error))
  }

  /** Every quarter of a second: expiry, heartbeats, time limits. */
  tick(now: number): void {
    const { limits } = this.#context
    if (this.#state === 'closed') return
    if (this.#state === 'waiting') {
      if (now - this.#openedAt < limits.authMsMax) return
      return this.close(
        refuse(
          'auth-timeout',
          `No token arrived within ${limits.authMsMax} ms; send {"type":"auth","token":"…"} first.`,
        ),
      )
    }
    this.#watchExpiry(now)
    if (this.#members.size > 0) this.#idleSince = now
    else if (now - this.#idleSince >= IDLE_MS_MAX)
      this.close(refuse('idle', `The session had no subscription for ${IDLE_MS_MAX / 1000} s.`))
    if (now < this.#heartbeatAt) return
    this.#heartbeatAt = now + limits.heartbeatMs
    for (const { subscription } of this.#members.values()) subscription.heartbeat()
  }

  notice(control: Control): void {
    if (this.#state === 'open') this.#wire.send(control)
  }

  /** Ends the session, once: the client learns why, where it stood, and what to do next. */
  close(refusal: Refusal): void {
    if (this.#state === 'closed') return
    const cursors = this.#end(refusal.code)
    this.#wire.send(closingOf(refusal, cursors))
    this.#wire.close(rowOf(refusal.code).close, refusal.code)
  }

  /** The socket is gone. */
  gone(code: number): void {
    if (this.#state !== 'closed') this.#end(`socket ${code}`)
  }

  #end(reason: string): { readonly [id: string]: string } {
    this.#state = 'closed'
    const cursors: { [id: string]: string } = Object.create(null) as { [id: string]: string }
    let bytes = 0
    for (const { id, subscription } of this.#members.values()) {
      const cursor = subscription.close()
      if (cursor === null) continue
      // As it stands in the frame: an id may need several bytes a character.
      const size = Buffer.byteLength(JSON.stringify(id)) + cursor.length + 4
      if (bytes + size > CLOSING_CURSOR_BYTES_MAX) continue
      bytes += size
      cursors[id] = cursor
    }
    this.#members.clear()
    const { log, clock } = this.#context
    const fields = { event: 'closed', session: this.id, transport: 'websocket', consumer: this.consumer, reason }
    log.info({ ...fields, seconds: Math.round((clock.now() - this.#openedAt) / 1000) }, 'session closed')
    return cursors
  }

  #frameRefusal(bytes: Buffer, isBinary: boolean): Refusal | null {
    const { frameBytesMax, framesPerSecondMax } = this.#context.limits
    if (bytes.byteLength > frameBytesMax)
      return refuse('too-big', `A frame has at most ${frameBytesMax} bytes; this one had ${bytes.byteLength}.`)
    if (isBinary) return refuse('bad-frame', 'Frames of a client are JSON text; this one was binary.')
    const second = Math.floor(this.#context.clock.monotonic() / 1000)
    if (second !== this.#frames.second) this.#frames = { second, count: 0 }
    if (++this.#frames.count <= framesPerSecondMax) return null
    return refuse('too-many-frames', `More than ${framesPerSecondMax} frames within a second.`)
  }

  async #serve(text: string): Promise<void> {
    if (this.#state === 'closed') return
    const frame = parseFrame(text)
    if (isRefusal(frame)) return this.close(frame)
    if (this.#state === 'waiting' && frame.type !== 'auth') {
      return this.close(
        refuse(
          'unauthenticated',
          `The first frame must be {"type":"auth","token":"…"}; it was «${printable(frame.type)}».`,
        ),
      )
    }
    switch (frame.type) {
      case 'auth':
        return await this.#authenticate(frame)
      case 'subscribe':
        return this.#serveSubscribe(frame)
      case 'unsubscribe':
        return this.#serveUnsubscribe(frame)
      case 'ping':
        return this.#wire.send({ type: 'pong' })
      case 'publish':
      case 'ack':
      case 'durable':
        return this.#error(
          idOf(frame),
          refuse('bad-frame', `\`${frame.type}\` frames are reserved and not served yet.`),
        )
      default:
        return this.close(refuse('bad-frame', `There is no frame of type «${printable(frame.type)}».`))
    }
  }

  async #authenticate(frame: ClientFrame): Promise<void> {
    const { token } = frame
    if (typeof token !== 'string') return this.close(refuse('bad-frame', 'An `auth` frame has a `token`, a string.'))
    const answer = await this.#context.gate.authenticate(token)
    if (this.#ended()) return
    if (isRefusal(answer)) return this.close(answer)
    if (this.#identity === null) this.admit(answer)
    else if (answer.consumer !== this.#identity.consumer) {
      return this.close(refuse('forbidden', 'A session stays with its consumer: this token speaks for another one.'))
    } else this.#refresh(answer)
    if (this.#ended()) return
    this.#wire.send({ type: 'authenticated', expiresAt: isoTime(answer.expiresAt) })
  }

  /** Asked anew, since awaiting and `admit` may have closed it. */
  #ended(): boolean {
    return this.#state === 'closed'
  }

  /** A newer token: what it does not allow any more ends, everything else goes on untouched. */
  #refresh(identity: Identity): void {
    this.#identity = identity
    this.#expiryTold = false
    for (const member of this.#members.values()) {
      const grant = this.#context.gate.authorize(identity, member.product, member.stream)
      if (isRefusal(grant)) this.#over(member, grant, member.subscription.close())
    }
  }

  #watchExpiry(now: number): void {
    const expiresAt = this.#identity?.expiresAt ?? Infinity
    if (now >= expiresAt) return this.close(refuse('token-expired', `The token expired at ${isoTime(expiresAt)}.`))
    if (this.#expiryTold || now < expiresAt - EXPIRY_NOTICE_MS) return
    this.#expiryTold = true
    this.#wire.send({ type: 'notice', kind: 'token-expiring', expiresAt: isoTime(expiresAt) })
  }

  #serveSubscribe(frame: ClientFrame): void {
    const asked = readSubscribe(frame)
    if (isRefusal(asked)) return this.#error(idOf(frame), asked)
    const { id, product, stream, wish } = asked
    const refusal = this.#subscribe(id, product, stream, wish, '')
    if (refusal) this.#error(id, refusal)
  }

  #serveUnsubscribe(frame: ClientFrame): void {
    const id = idOf(frame)
    const member = id === null ? undefined : this.#members.get(id)
    if (!member) {
      const detail = `There is no subscription «${printable(id ?? '')}» in this session.`
      return this.#error(id, refuse('bad-parameter', detail, { parameter: 'id' }))
    }
    this.#members.delete(member.id)
    const cursor = member.subscription.close() ?? undefined
    this.#wire.send({ type: 'unsubscribed', id: member.id, cursor })
    this.#logClosed(member, 'unsubscribed')
  }

  #subscribe(id: string, product: string, stream: string, wish: Wish, lastEventId: string): Refusal | null {
    const { gate, hub, clock, limits } = this.#context
    if (this.#members.size >= limits.subscriptionsPerSessionMax) {
      return refuse(
        'too-many-subscriptions',
        `A session has at most ${limits.subscriptionsPerSessionMax} subscriptions.`,
      )
    }
    const grant = gate.authorize(this.#identity as Identity, product, stream)
    if (isRefusal(grant)) return grant
    const seen = seenBy(gate, grant, { format: this.#wire.defaultForm, ...wish }, lastEventId, clock.now())
    if (isRefusal(seen)) return seen
    const { key: viewKey, form } = seen.spec
    const others = [...this.#members.values()]
    const twin = this.#members.get(id) ?? others.find((other) => other.viewKey === viewKey)
    if (twin) return refuse('duplicate-subscription', duplicateDetail(id, twin.id))
    if (others.some((other) => other.form === 'raw' || form === 'raw'))
      return refuse('bad-parameter', RAW_IS_ALONE, { parameter: 'format' })
    const outlet = this.#wire.outlet(form, (event) => this.#told(member, event))
    const subscription = hub.open({ ...seen, outlet })
    const { id: agreement, plan } = grant.agreement
    const member: Member = { id, product, stream, agreement, plan: plan.name, viewKey, form, subscription }
    this.#members.set(id, member)
    this.#wire.wakes(outlet, subscription)
    return null
  }

  #told(member: Member, event: SubscriptionEvent): void {
    const { id, agreement, plan } = member
    if (event.type === 'ended') return this.#over(member, event.refusal, event.cursor)
    if (event.type !== 'subscribed') return this.#wire.send(controlOf(event, member.subscription.view.number))
    this.#wire.send({ type: 'subscribed', id, view: event.view, cursor: event.cursor, agreement, plan })
    const { log } = this.#context
    const fields = { product: member.product, stream: member.stream, agreement, subscription: id }
    log.info(
      { event: 'subscribed', session: this.id, transport: 'websocket', consumer: this.consumer, ...fields },
      'subscription opened',
    )
  }

  /** One subscription is over. Over the address of its stream, or where the socket itself is at fault, so is the session. */
  #over(member: Member, refusal: Refusal, cursor: string | null): void {
    const { id, subscription } = member
    const begun = cursor !== null
    const closes = rowOf(refusal.code).closesSession || (this.#addressed !== null && id === '0')
    if (closes) return this.close(refusal)
    this.#members.delete(id)
    this.#logClosed(member, refusal.code)
    if (!begun) return this.#error(id, refusal)
    const { code, retryAfter, detail } = refusal
    this.#wire.send({
      type: 'ended',
      id,
      view: subscription.view.number,
      cursor,
      code,
      retry: rowOf(code).retry,
      retryAfter,
      detail,
    })
  }

  #logClosed(member: Member, reason: string): void {
    const { id, product, stream, agreement } = member
    const fields = { event: 'unsubscribed', session: this.id, transport: 'websocket', consumer: this.consumer }
    this.#context.log.info({ ...fields, product, stream, agreement, subscription: id, reason }, 'subscription closed')
  }

  #error(id: string | null, refusal: Refusal): void {
    const { code, detail, parameter, scope, retryAfter } = refusal
    const { status, title, retry, closesSession } = rowOf(code)
    if (closesSession && code !== 'bad-frame') return this.close(refusal)
    this.#wire.send({
      type: 'error',
      id: id ?? undefined,
      code,
      status,
      title,
      detail,
      parameter,
      scope,
      retry,
      retryAfter,
    })
  }

  #fault(error: unknown): void {
    this.#context.log.error({ event: 'fault', session: this.id, error: String(error) }, 'a frame could not be served')
    this.close(refuse('internal', 'The frame could not be served because of a fault on our side.'))
  }
}

function duplicateDetail(id: string, twin: string): string {
  if (id === twin)
    return `The session already has a subscription «${printable(id)}»; choose another id, or unsubscribe it first.`
  return `The session already sees just this as «${printable(twin)}»; one subscription brings every record once.`
}
