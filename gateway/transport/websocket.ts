import type { HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js'
import type { Identity } from '../access/grant.ts'
import { refuse, rowOf, type Refusal } from '../errors.ts'
import { onceKnown, type Eventual } from '../eventual.ts'
import type { Admissions, Connection } from './admissions.ts'
import { Completion } from './completion.ts'
import { closingOf, type Control } from './framing.ts'
import { isRefusal } from './gate.ts'
import { readQuery } from './parameters.ts'
import { Reply } from './reply.ts'
import { copyRequest, streamOf, type Request } from './request.ts'
import { Seats } from './seats.ts'
import { Session, type Addressed } from './session.ts'
import { createCarriers, SocketWire, type Carriers } from './socketWire.ts'

const CLOUD_EVENTS = 'cloudevents.json'
/** The first one that the client offers is taken; without one the form is that of `weir.v1`. */
const PROTOCOLS: ReadonlySet<string> = new Set(['weir.v1', CLOUD_EVENTS])
const BEARER_PREFIX = 'bearer.'

/** What hangs on a socket. uWS copies the members of this to an object of its own, so there is but one, which stays the same. */
interface SocketData {
  readonly held: Held
}

/** A session, or only the words with which it is refused. */
interface Held {
  /** Both until the session has them. */
  identity: Identity | null
  addressed: Addressed | null
  readonly seats?: Seats
  readonly refusal: Refusal | null
  readonly protocol: string
  /** While it is open. */
  ws: WebSocket<SocketData> | null
  wire: SocketWire | null
  session: Session | null
}

/** Serves WebSocket sessions at `/streams` and at every stream's address. */
export function serveWebSocket(app: TemplatedApp, admissions: Admissions): void {
  const { limits, clock } = admissions.context
  const carriers = createCarriers(app)
  const completion = new Completion<SocketData>()
  const handshakes = new Handshakes(admissions, carriers, completion)
  const behavior = {
    // uWS cuts longer messages off without a word; up to this they get their own close code.
    maxPayloadLength: limits.frameBytesMax * 4,
    // Never reached: room is looked at before each send. The headroom is for control frames and one oversized record.
    maxBackpressure: limits.sessionBufferBytesMax * 2 + limits.recordBytesMax * 8,
    idleTimeout: 60,
    sendPingsAutomatically: true,
    upgrade: (res: HttpResponse, req: Parameters<typeof copyRequest>[0], context: us_socket_context_t) => {
      const request = copyRequest(req)
      handshakes.begin(new Reply(res, 'GET', admissions.commonOf(request)), request, context)
    },
    open: (ws: WebSocket<SocketData>) => {
      ws.getUserData().held.ws = ws
      completion.opened(ws)
    },
    message: (ws: WebSocket<SocketData>, message: ArrayBuffer, isBinary: boolean) =>
      // Copied: uWS takes the bytes back when this returns, and frames are served in turn.
      ws.getUserData().held.session?.receive(Buffer.from(Buffer.from(message)), isBinary),
    ping: (ws: WebSocket<SocketData>, message: ArrayBuffer) => ws.getUserData().held.wire?.pinged(message.byteLength),
    drain: (ws: WebSocket<SocketData>) => ws.getUserData().held.wire?.drained(clock.now()),
    dropped: () => admissions.dropped(),
    close: (ws: WebSocket<SocketData>, code: number) => {
      const data = ws.getUserData().held
      data.ws = null
      completion.closed(ws)
      data.wire?.gone()
      data.session?.gone(code)
      if (data.session) admissions.leave(data.session)
    },
  }
  app.ws<SocketData>('/streams', behavior)
  app.ws<SocketData>('/streams/*', behavior)
}

/** A handshake that can be completed, whenever its answer is known. */
interface Handshake {
  readonly reply: Reply
  readonly request: Request
  readonly context: us_socket_context_t
  /** The token of the subprotocols. */
  readonly offered: string | null
}

/** Who can be let in or refused in this very turn gets everything in one write: uWS holds back what a callback of its own sends. */
class Handshakes {
  readonly #admissions: Admissions
  readonly #carriers: Carriers
  readonly #completion: Completion<SocketData>

  constructor(admissions: Admissions, carriers: Carriers, completion: Completion<SocketData>) {
    this.#admissions = admissions
    this.#carriers = carriers
    this.#completion = completion
  }

  /** Decides before the upgrade what can be decided, since only then a status can be answered. */
  begin(reply: Reply, request: Request, context: us_socket_context_t): void {
    const unfit = handshakeRefusal(request)
    // RFC 6455 §4.4: whoever speaks another version is told which one is spoken here.
    if (unfit) return reply.problem(unfit, { 'Sec-WebSocket-Version': '13' })
    const bearer = request.protocols.find((protocol) => protocol.startsWith(BEARER_PREFIX))
    const offered = bearer?.slice(BEARER_PREFIX.length) ?? null
    const handshake = { reply, request, context, offered }
    try {
      const data = admit(request, offered, this.#admissions)
      if (data instanceof Promise) void this.#later(handshake, data)
      // Who is refused after the upgrade is so in a turn to come: uWS does not end a socket whose answer it holds back.
      else if (isRefusal(data) && offered !== null) void this.#later(handshake, this.#nextTurn(data))
      else this.#complete(handshake, data, (upgrade) => upgrade())
    } catch (error) {
      this.#fault(reply, error)
    }
  }

  #nextTurn<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.#admissions.context.clock.soon(() => resolve(value)))
  }

  async #later(handshake: Handshake, admitting: Promise<Admitted | Refusal>): Promise<void> {
    try {
      const data = await admitting
      this.#complete(handshake, data, (upgrade) => this.#completion.run(handshake.reply.res, upgrade))
    } catch (error) {
      this.#fault(handshake.reply, error)
    }
  }

  #complete(
    { reply, request, context, offered }: Handshake,
    data: Admitted | Refusal,
    run: (upgrade: () => void) => void,
  ): void {
    if (reply.gone) return leave(data)
    // A browser cannot see the status of a refused handshake: it is let in, and told (protocol.md, «Close codes»).
    if (isRefusal(data) && offered === null)
      return reply.problem(data, this.#admissions.headersOf(data, request.authorization !== ''))
    const protocol = request.protocols.find((one) => PROTOCOLS.has(one)) ?? ''
    const held: Held = isRefusal(data)
      ? { identity: null, addressed: null, refusal: data, protocol, ws: null, wire: null, session: null }
      : { ...data, refusal: null, protocol, ws: null, wire: null, session: null }
    run(() => reply.res.upgrade({ held }, request.webSocketKey, protocol, request.webSocketExtensions, context))
    const { ws } = held
    if (ws) opened(ws, this.#carriers, this.#admissions)
    else leave(data)
  }

  #fault(reply: Reply, error: unknown): void {
    this.#admissions.fault(error, 'a handshake')
    reply.problem(refuse('internal', 'The handshake failed because of a fault on our side.'))
  }
}

/** Nobody came: what was taken for them is given back. */
function leave(data: Admitted | Refusal): void {
  if (!isRefusal(data)) data.addressed?.seat?.release()
}

/**
 * What RFC 6455 §4.2.1 asks of a handshake, where uWS looks at the length of the key alone. Where `Connection` says `close`, the
 * process would not survive the upgrade (completion.ts).
 */
function handshakeRefusal({ connection, upgrade, webSocketVersion, webSocketKey }: Request): Refusal | null {
  const refusal = (parameter: string, said: string): Refusal =>
    refuse('bad-parameter', `A WebSocket handshake ${said}.`, { parameter })
  if (!lists(connection, 'upgrade')) return refusal('connection', 'says `Connection: Upgrade`')
  if (!lists(upgrade, 'websocket')) return refusal('upgrade', 'says `Upgrade: websocket`')
  if (webSocketVersion !== '13') return refusal('sec-websocket-version', 'is of version 13')
  if (!/^[A-Za-z0-9+/]{22}==$/.test(webSocketKey))
    return refusal('sec-websocket-key', 'has a key of 16 bytes in base64')
  return null
}

/** Whether a header's list of tokens holds this one, in any case. */
function lists(header: string, token: string): boolean {
  return header.split(',').some((one) => one.trim().toLowerCase() === token)
}

interface Admitted {
  readonly identity: Identity | null
  readonly addressed: Addressed | null
  readonly seats?: Seats
}

function admit(request: Request, offered: string | null, admissions: Admissions): Eventual<Admitted | Refusal> {
  const { gate, cors } = admissions.context
  const closed = admissions.refusal() ?? cors.refusal(request.origin, request.host)
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
  return onceKnown(gate.authenticate(token), (identity) => {
    if (isRefusal(identity)) return identity
    return addressed ? seated(identity, addressed, admissions) : { identity, addressed }
  })
}

function seated(identity: Identity, addressed: Addressed, admissions: Admissions): Eventual<Admitted | Refusal> {
  const understood = admissions.check(identity, addressed)
  if (isRefusal(understood)) return understood
  const seats = new Seats(admissions.context.gate)
  return onceKnown(seats.take(understood.grant.agreement), (seat) =>
    isRefusal(seat) ? seat : { identity, addressed: { ...addressed, seat, understood }, seats },
  )
}

function opened(ws: WebSocket<SocketData>, carriers: Carriers, admissions: Admissions): void {
  const data = ws.getUserData().held
  const id = admissions.nextId()
  const wire = new SocketWire(id, ws, carriers, admissions, data.protocol === CLOUD_EVENTS)
  // Also of who is refused: it must learn that its socket is gone.
  data.wire = wire
  // Asked again: others came in, or the drain began, while the token was checked.
  const refusal = data.refusal ?? admissions.refusal()
  if (refusal) {
    admissions.counters.refused++
    data.addressed?.seat?.release()
    wire.send(closingOf(refusal, {}))
    return wire.close(rowOf(refusal.code).close, refusal.code)
  }
  const session = new Session(id, wire, admissions.context, data.addressed, data.seats)
  data.session = session
  admissions.enter(new SocketConnection(session, wire))
  const { identity } = data
  if (identity) ws.cork(() => session.admit(identity))
  data.identity = data.addressed = null
}

class SocketConnection implements Connection {
  readonly session: Session
  readonly #wire: SocketWire

  constructor(session: Session, wire: SocketWire) {
    this.session = session
    this.#wire = wire
  }

  tick(now: number): void {
    this.#wire.watch(now, this.session)
  }

  close(refusal: Refusal): void {
    this.session.close(refusal)
  }

  notice(control: Control): void {
    this.session.notice(control)
  }

  republished(): void {
    this.session.republished()
  }
}
