/**
 * One WebSocket session, apart from the socket:
 *
 *   waiting ──first token──► open ──close(refusal) · socket gone──► closed, once
 *      └──no token in time, bad token──► closed
 *
 * `subscribe` and `unsubscribe` are served while open; a session over the address of one stream has subscribed as "0".
 */
import type { Grant, Identity } from '../access/grant.ts'
import type { Clock } from '../clock.ts'
import { refuse, rowOf, type Refusal } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Form } from '../stream/body.ts'
import type { Hub } from '../stream/hub.ts'
import type { Outlet, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import { idOf, parseFrame, readSubscribe, type ClientFrame } from './clientFrame.ts'
import { FrameGuard, type FrameLimits } from './frameGuard.ts'
import { closingOf, controlOf, endedOf, errorOf, isoTime, type Control } from './framing.ts'
import { isRefusal, type Gate, type Seat } from './gate.ts'
import { Members, type Member } from './members.ts'
import { printable, type Wish } from './parameters.ts'
import { goingOn, keptWish, renewal } from './renewal.ts'
import { Seats } from './seats.ts'
import { seenBy, stillSeen, type Seen, type Understood } from './seen.ts'

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

export interface SessionLimits extends FrameLimits {
  readonly subscriptionsPerSessionMax: number
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
  /** What was taken for it before the upgrade. */
  readonly seat?: Seat
  /** What it was found to mean. */
  readonly understood?: Understood
}

type Asking = Pick<Member, 'id' | 'product' | 'stream' | 'wish'>

/** A session without a subscription is closed as idle after this. */
const IDLE_MS_MAX = 300_000
/** A client is told this long before its token expires. */
const EXPIRY_NOTICE_MS = 60_000

export class Session {
  readonly id: string
  readonly #wire: Wire
  readonly #context: SessionContext
  /** Its address is that of a stream: it ends with that subscription. */
  readonly #isAddressed: boolean
  /** `null` once it is subscribed to. */
  #addressed: Addressed | null
  readonly #members = new Members()
  readonly #seats: Seats
  #firstSeat: Seat | null
  #state: 'waiting' | 'open' | 'closed' = 'waiting'
  #identity: Identity | null = null
  readonly #openedAt: number
  #idleSince: number
  #heartbeatAt: number
  #expiryTold = false
  readonly #guard: FrameGuard
  /** Frames are served one after another, also where one has to wait for a key. */
  #serving: Promise<void> = Promise.resolve()

  constructor(
    id: string,
    wire: Wire,
    context: SessionContext,
    addressed: Addressed | null,
    seats = new Seats(context.gate),
  ) {
    this.id = id
    this.#wire = wire
    this.#context = context
    this.#guard = new FrameGuard(context.limits, context.clock)
    this.#isAddressed = addressed !== null
    this.#addressed = addressed
    this.#seats = seats
    this.#firstSeat = addressed?.seat ?? null
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
    const { product, stream, wish, lastEventId, understood } = this.#addressed
    this.#addressed = null
    const subscribing = this.#subscribe('0', product, stream, wish, lastEventId, understood)
    // What the client sends meanwhile is served after it.
    this.#serving = Promise.all([this.#serving, subscribing.then((refusal) => refusal && this.close(refusal))]).then(
      () => undefined,
      (error: unknown) => this.#fault(error),
    )
  }

  /** One message of the client. */
  receive(bytes: Buffer, isBinary: boolean): void {
    const refusal = this.#guard.refusal(bytes, isBinary)
    if (refusal) return this.close(refusal)
    const text = bytes.toString('utf8')
    this.#serving = this.#serving.then(() => this.#serve(text)).catch((error: unknown) => this.#fault(error))
  }

  /** Every second: expiry, heartbeats, time limits. */
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
    for (const { subscription } of this.#members) subscription.heartbeat()
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
    this.#firstSeat?.release()
    const cursors = this.#members.closeAll()
    const { log, clock } = this.#context
    const fields = { event: 'closed', session: this.id, transport: 'websocket', consumer: this.consumer, reason }
    log.info({ ...fields, seconds: Math.round((clock.now() - this.#openedAt) / 1000) }, 'session closed')
    return cursors
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
        return await this.#serveSubscribe(frame)
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
    for (const member of this.#members) {
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

  async #serveSubscribe(frame: ClientFrame): Promise<void> {
    const asked = readSubscribe(frame)
    if (isRefusal(asked)) return this.#error(idOf(frame), asked)
    const { id, product, stream, wish } = asked
    const refusal = await this.#subscribe(id, product, stream, wish, '')
    if (refusal && !this.#ended()) this.#error(id, refusal)
  }

  #serveUnsubscribe(frame: ClientFrame): void {
    const id = idOf(frame)
    const member = id === null ? undefined : this.#members.get(id)
    if (!member) {
      const detail = `There is no subscription «${printable(id ?? '')}» in this session.`
      return this.#error(id, refuse('bad-parameter', detail, { parameter: 'id' }))
    }
    const cursor = this.#members.close(member) ?? undefined
    this.#wire.send({ type: 'unsubscribed', id: member.id, cursor })
    this.#logClosed(member, 'unsubscribed')
  }

  async #subscribe(
    id: string,
    product: string,
    stream: string,
    wish: Wish,
    lastEventId: string,
    known?: Understood,
  ): Promise<Refusal | null> {
    const { limits } = this.#context
    if (this.#members.size >= limits.subscriptionsPerSessionMax) {
      return refuse(
        'too-many-subscriptions',
        `A session has at most ${limits.subscriptionsPerSessionMax} subscriptions.`,
      )
    }
    const asked = { id, product, stream, wish: { format: this.#wire.defaultForm, ...wish } }
    const understood = this.#understand(asked, lastEventId, known)
    if (isRefusal(understood)) return understood
    const kept = { id, wish: keptWish(asked.wish, lastEventId) }
    const taking = this.#takeFirstSeat() ?? this.#seats.take(understood.grant.agreement)
    const seat = taking instanceof Promise ? await taking : taking
    if (isRefusal(seat)) return seat
    // Asked anew where it took a while: meanwhile a newer token may have come, or the documents been published anew.
    const now = seat === taking ? understood : this.#ended() ? null : this.#understand(asked, lastEventId)
    if (now === null || isRefusal(now)) seat.release()
    else this.#open(kept, now.grant, now.seen, seat)
    return now !== null && isRefusal(now) ? now : null
  }

  #understand({ id, product, stream, wish }: Asking, lastEventId: string, known?: Understood): Understood | Refusal {
    const { gate, clock } = this.#context
    const grant = gate.authorize(this.#identity as Identity, product, stream)
    if (isRefusal(grant)) return grant
    const seen = stillSeen(known, grant, wish) ?? seenBy(gate, grant, wish, lastEventId, clock.now())
    if (isRefusal(seen)) return seen
    return this.#members.refusal(id, seen.spec.key, seen.spec.form) ?? { grant, seen }
  }

  /** Documents were published anew: what is not served any more ends, what has changed is another view from here on. */
  republished(): void {
    if (this.#identity === null || this.#state !== 'open') return
    for (const member of [...this.#members]) if (!this.#ended()) this.#renew(member, this.#identity)
  }

  #renew(member: Member, identity: Identity): void {
    const { gate, clock } = this.#context
    const answer = renewal(gate, { ...member, identity }, clock.now())
    if (answer === null) return
    const cursor = member.subscription.close()
    if (isRefusal(answer)) return this.#over(member, answer, cursor)
    const seen = goingOn(answer.seen, member.subscription, cursor)
    this.#open(member, answer.grant, seen, member.seat, cursor === null ? undefined : 'document')
  }

  /** The place taken before the upgrade is that of the address, which is subscribed to first. */
  #takeFirstSeat(): Seat | null {
    const seat = this.#firstSeat
    this.#firstSeat = null
    return seat
  }

  #open({ id, wish }: Pick<Member, 'id' | 'wish'>, grant: Grant, seen: Seen, seat: Seat, reason?: 'document'): void {
    const { gate, hub } = this.#context
    const outlet = this.#wire.outlet(seen.spec.form, (event) => this.#told(member, event))
    const subscription = hub.open({ ...seen, outlet, account: gate.account(grant) })
    const { id: agreement, product } = grant.agreement
    const [stream, plan] = [grant.stream.id, grant.agreement.plan.name]
    // One literal: of a spread copy, V8 keeps the members apart from the object.
    const member: Member = { id, product, stream, agreement, plan, wish, reason, seat, subscription }
    this.#members.add(member)
    this.#wire.wakes(outlet, subscription)
  }

  #told(member: Member, event: SubscriptionEvent): void {
    const { id, agreement, plan, reason } = member
    if (event.type === 'ended') return this.#over(member, event.refusal, event.cursor)
    if (event.type !== 'subscribed') return this.#wire.send(controlOf(event, member.subscription.view.number))
    this.#wire.send({ type: 'subscribed', id, view: event.view, cursor: event.cursor, reason, agreement, plan })
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
    const closes = rowOf(refusal.code).closesSession || (this.#isAddressed && id === '0')
    if (closes) return this.close(refusal)
    this.#members.close(member)
    this.#logClosed(member, refusal.code)
    if (!begun) return this.#error(id, refusal)
    this.#wire.send(endedOf(id, subscription.view.number, cursor, refusal))
  }

  #logClosed(member: Member, reason: string): void {
    const { id, product, stream, agreement } = member
    const fields = { event: 'unsubscribed', session: this.id, transport: 'websocket', consumer: this.consumer }
    this.#context.log.info({ ...fields, product, stream, agreement, subscription: id, reason }, 'subscription closed')
  }

  #error(id: string | null, refusal: Refusal): void {
    if (rowOf(refusal.code).closesSession && refusal.code !== 'bad-frame') return this.close(refusal)
    this.#wire.send(errorOf(id, refusal))
  }

  #fault(error: unknown): void {
    this.#context.log.error({ event: 'fault', session: this.id, error: String(error) }, 'a frame could not be served')
    this.close(refuse('internal', 'The frame could not be served because of a fault on our side.'))
  }
}
