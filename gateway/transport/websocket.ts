import type { HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js'
import type { Identity } from '../access/grant.ts'
import { refuse, rowOf, type Refusal } from '../errors.ts'
import type { Carrier, Outlet, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import { closingOf, recordMessage, type Control } from './framing.ts'
import { isRefusal } from './gate.ts'
import { readQuery } from './parameters.ts'
import { Reply } from './reply.ts'
import { copyRequest, streamOf, type Request } from './request.ts'
import { Session, type Addressed, type Wire } from './session.ts'

const PROTOCOL = 'weir.v1'
const BEARER_PREFIX = 'bearer.'

/** What hangs on a socket: a session, or only the words with which it is refused. */
interface SocketData {
  readonly identity: Identity | null
  readonly addressed: Addressed | null
  readonly refusal: Refusal | null
  wire: SocketWire | null
  session: Session | null
}

/** Serves WebSocket sessions at `/streams` and at every stream's address. */
export function serveWebSocket(app: TemplatedApp, admissions: Admissions): void {
  const { limits, clock } = admissions.context
  const carrier = new WebSocketCarrier(app)
  const behavior = {
    // uWS cuts longer messages off without a word; up to this they get their own close code.
    maxPayloadLength: limits.frameBytesMax * 4,
    // Never reached: room is looked at before each send. The headroom is for control frames and one oversized record.
    maxBackpressure: limits.sessionBufferBytesMax * 2 + limits.recordBytesMax * 8,
    idleTimeout: 60,
    sendPingsAutomatically: true,
    upgrade: (res: HttpResponse, req: Parameters<typeof copyRequest>[0], context: us_socket_context_t) =>
      void upgrade(new Reply(res), copyRequest(req), context, admissions),
    open: (ws: WebSocket<SocketData>) => opened(ws, carrier, admissions),
    message: (ws: WebSocket<SocketData>, message: ArrayBuffer, isBinary: boolean) =>
      // Copied: uWS takes the bytes back when this returns, and frames are served in turn.
      ws.getUserData().session?.receive(Buffer.from(Buffer.from(message)), isBinary),
    drain: (ws: WebSocket<SocketData>) => ws.getUserData().wire?.drained(clock.now()),
    dropped: () => admissions.dropped(),
    close: (ws: WebSocket<SocketData>, code: number) => {
      const data = ws.getUserData()
      data.wire?.gone()
      data.session?.gone(code)
      if (data.session) admissions.leave(data.session)
    },
  }
  app.ws<SocketData>('/streams', behavior)
  app.ws<SocketData>('/streams/*', behavior)
}

/** Decides before the upgrade what can be decided, since only then a status can be answered. */
async function upgrade(
  reply: Reply,
  request: Request,
  context: us_socket_context_t,
  admissions: Admissions,
): Promise<void> {
  const offered = request.protocols.find((protocol) => protocol.startsWith(BEARER_PREFIX))
  try {
    const data = await admit(request, offered?.slice(BEARER_PREFIX.length) ?? null, admissions)
    if (reply.gone) return
    // A browser cannot see the status of a refused handshake: it is let in, and told (protocol.md, «Close codes»).
    if (isRefusal(data) && offered === undefined)
      return reply.problem(data, admissions.headersOf(data, request.authorization !== ''))
    const socket: SocketData = isRefusal(data)
      ? { identity: null, addressed: null, refusal: data, wire: null, session: null }
      : { ...data, refusal: null, wire: null, session: null }
    const protocol = request.protocols.includes(PROTOCOL) ? PROTOCOL : ''
    reply.res.cork(() =>
      reply.res.upgrade(socket, request.webSocketKey, protocol, request.webSocketExtensions, context),
    )
  } catch (error) {
    admissions.fault(error, 'a handshake')
    reply.problem(refuse('internal', 'The handshake failed because of a fault on our side.'))
  }
}

type Admitted = { readonly identity: Identity | null; readonly addressed: Addressed | null }

async function admit(request: Request, offered: string | null, admissions: Admissions): Promise<Admitted | Refusal> {
  const { gate } = admissions.context
  const closed = admissions.refusal()
  if (closed) return closed
  const address = streamOf(request.path)
  if (address === null && !/^\/streams\/?$/.test(request.path)) {
    return refuse(
      'no-such-stream',
      'A stream has the address /streams/{product}/{stream}; /streams alone opens a session without one.',
    )
  }
  const wish = readQuery(request.query)
  if (isRefusal(wish)) return wish
  const addressed = address && { ...address, wish, lastEventId: request.lastEventId }
  const sent = gate.bearer(request.authorization)
  if (isRefusal(typeof sent === 'string' ? null : sent)) return sent as Refusal
  const token = (sent as string | null) ?? offered
  // Without a token the session waits for an `auth` frame.
  if (token === null) return { identity: null, addressed }
  const identity = await gate.authenticate(token)
  if (isRefusal(identity)) return identity
  if (addressed) {
    const refusal = admissions.check(identity, addressed)
    if (refusal) return refusal
  }
  return { identity, addressed }
}

function opened(ws: WebSocket<SocketData>, carrier: WebSocketCarrier, admissions: Admissions): void {
  const data = ws.getUserData()
  const wire = new SocketWire(ws, carrier, admissions)
  if (data.refusal) {
    wire.send(closingOf(data.refusal, {}))
    return wire.close(rowOf(data.refusal.code).close, data.refusal.code)
  }
  data.wire = wire
  const session = new Session(admissions.nextId(), wire, admissions.context, data.addressed)
  data.session = session
  admissions.enter({
    tick: (now) => wire.watch(now, session),
    close: (refusal) => session.close(refusal),
    notice: (control) => session.notice(control),
    session,
  })
  if (data.identity) session.admit(data.identity)
}

/** Broadcasts through uWS's own topics: one topic a view. */
class WebSocketCarrier implements Carrier {
  readonly name = 'websocket'
  readonly #app: TemplatedApp

  constructor(app: TemplatedApp) {
    this.#app = app
  }

  frame = recordMessage

  broadcast(view: number, frames: readonly Uint8Array[]): void {
    const topic = topicOf(view)
    for (const frame of frames) this.#app.publish(topic, frame, false, false)
  }
}

function topicOf(view: number): string {
  return `v${view}`
}

/** One socket: its buffer, and who waits for room in it. */
class SocketWire implements Wire {
  readonly #ws: WebSocket<SocketData>
  readonly #carrier: WebSocketCarrier
  readonly #admissions: Admissions
  readonly #waiting = new Set<SocketOutlet>()
  #open = true
  /** Since when the backlog has not shrunk, ms; `null` while there is none. */
  #stuckSince: number | null = null

  constructor(ws: WebSocket<SocketData>, carrier: WebSocketCarrier, admissions: Admissions) {
    this.#ws = ws
    this.#carrier = carrier
    this.#admissions = admissions
  }

  get capacity(): number {
    return this.#admissions.context.limits.sessionBufferBytesMax
  }

  get carrier(): Carrier {
    return this.#carrier
  }

  send(control: Control): void {
    if (this.#open) this.#ws.send(Buffer.from(JSON.stringify(control)), false)
  }

  close(code: number, reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.#ws.end(code, reason)
  }

  outlet(onEvent: (event: SubscriptionEvent) => void): Outlet {
    return new SocketOutlet(this, onEvent)
  }

  wakes(outlet: Outlet, subscription: Subscription): void {
    ;(outlet as SocketOutlet).subscription = subscription
  }

  room(): number {
    return this.#open ? this.capacity - this.#ws.getBufferedAmount() : 0
  }

  whenRoom(outlet: SocketOutlet): void {
    this.#waiting.add(outlet)
    // Without a backlog no drain would ever come.
    if (this.#open && this.#ws.getBufferedAmount() === 0) this.#admissions.context.clock.soon(() => this.#wake())
  }

  sendFrames(frames: readonly Uint8Array[]): boolean {
    if (!this.#open) return false
    let lost = false
    this.#ws.cork(() => {
      for (const frame of frames) lost = this.#ws.send(frame, false, false) === 2 || lost
    })
    return !lost
  }

  join(view: number): void {
    if (this.#open) this.#ws.subscribe(topicOf(view))
  }

  leave(view: number): void {
    if (this.#open) this.#ws.unsubscribe(topicOf(view))
  }

  drained(now: number): void {
    this.#stuckSince = now
    this.#wake()
  }

  /** Every quarter of a second: a socket that takes nothing for too long is closed with its cursor. */
  watch(now: number, session: Session): void {
    if (!this.#open) return
    if (this.#ws.getBufferedAmount() === 0) this.#stuckSince = null
    else this.#stuckSince ??= now
    const { stuckMsMax } = this.#admissions.context.limits
    if (this.#stuckSince !== null && now - this.#stuckSince >= stuckMsMax) {
      return session.close(refuse('slow', `The connection took nothing for ${stuckMsMax / 1000} s.`))
    }
    session.tick(now)
  }

  gone(): void {
    this.#open = false
    this.#waiting.clear()
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { subscription } of waiting) subscription?.drained()
  }
}

class SocketOutlet implements Outlet {
  subscription: Subscription | null = null
  readonly tell: (event: SubscriptionEvent) => void
  readonly #wire: SocketWire

  constructor(wire: SocketWire, tell: (event: SubscriptionEvent) => void) {
    this.#wire = wire
    this.tell = tell
  }

  get carrier(): Carrier {
    return this.#wire.carrier
  }

  get capacity(): number {
    return this.#wire.capacity
  }

  room(): number {
    return this.#wire.room()
  }

  whenRoom(): void {
    this.#wire.whenRoom(this)
  }

  send(frames: readonly Uint8Array[]): boolean {
    return this.#wire.sendFrames(frames)
  }

  join(view: number): void {
    this.#wire.join(view)
  }

  leave(view: number): void {
    this.#wire.leave(view)
  }
}
