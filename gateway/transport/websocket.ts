import type { HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js'
import type { Identity } from '../access/grant.ts'
import { refuse, rowOf, type Refusal } from '../errors.ts'
import type { Admissions } from './admissions.ts'
import { closingOf } from './framing.ts'
import { isRefusal } from './gate.ts'
import { readQuery } from './parameters.ts'
import { Reply } from './reply.ts'
import { copyRequest, streamOf, type Request } from './request.ts'
import { Session, type Addressed } from './session.ts'
import { createCarriers, SocketWire, type Carriers } from './socketWire.ts'

const CLOUD_EVENTS = 'cloudevents.json'
/** The first one that the client offers is taken; without one the form is that of `weir.v1`. */
const PROTOCOLS: ReadonlySet<string> = new Set(['weir.v1', CLOUD_EVENTS])
const BEARER_PREFIX = 'bearer.'

/** What hangs on a socket: a session, or only the words with which it is refused. */
interface SocketData {
  readonly identity: Identity | null
  readonly addressed: Addressed | null
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
  const behavior = {
    // uWS cuts longer messages off without a word; up to this they get their own close code.
    maxPayloadLength: limits.frameBytesMax * 4,
    // Never reached: room is looked at before each send. The headroom is for control frames and one oversized record.
    maxBackpressure: limits.sessionBufferBytesMax * 2 + limits.recordBytesMax * 8,
    idleTimeout: 60,
    sendPingsAutomatically: true,
    upgrade: (res: HttpResponse, req: Parameters<typeof copyRequest>[0], context: us_socket_context_t) =>
      void upgrade(new Reply(res, 'GET'), copyRequest(req), context, admissions, carriers),
    /**
     * No more than this: as the cork of a handshake that awaited something ends, uWS still reads the memory that was its HTTP
     * answer's and is free by now. Whatever is allocated here may come to lie there and look like «connection: close»: the
     * session is then cut (uNetworking/uWebSockets#1929, which this build lacks).
     */
    open: (ws: WebSocket<SocketData>) => void (ws.getUserData().ws = ws),
    message: (ws: WebSocket<SocketData>, message: ArrayBuffer, isBinary: boolean) =>
      // Copied: uWS takes the bytes back when this returns, and frames are served in turn.
      ws.getUserData().session?.receive(Buffer.from(Buffer.from(message)), isBinary),
    drain: (ws: WebSocket<SocketData>) => ws.getUserData().wire?.drained(clock.now()),
    dropped: () => admissions.dropped(),
    close: (ws: WebSocket<SocketData>, code: number) => {
      const data = ws.getUserData()
      data.ws = null
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
  carriers: Carriers,
): Promise<void> {
  const offered = request.protocols.find((protocol) => protocol.startsWith(BEARER_PREFIX))
  try {
    const data = await admit(request, offered?.slice(BEARER_PREFIX.length) ?? null, admissions)
    if (reply.gone) return
    // A browser cannot see the status of a refused handshake: it is let in, and told (protocol.md, «Close codes»).
    if (isRefusal(data) && offered === undefined)
      return reply.problem(data, admissions.headersOf(data, request.authorization !== ''))
    const protocol = request.protocols.find((one) => PROTOCOLS.has(one)) ?? ''
    const socket: SocketData = isRefusal(data)
      ? { identity: null, addressed: null, refusal: data, protocol, ws: null, wire: null, session: null }
      : { ...data, refusal: null, protocol, ws: null, wire: null, session: null }
    reply.res.cork(() =>
      reply.res.upgrade(socket, request.webSocketKey, protocol, request.webSocketExtensions, context),
    )
    if (socket.ws) opened(socket.ws, carriers, admissions)
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

function opened(ws: WebSocket<SocketData>, carriers: Carriers, admissions: Admissions): void {
  const data = ws.getUserData()
  const wire = new SocketWire(ws, carriers, admissions, data.protocol === CLOUD_EVENTS)
  // Asked again: others came in, or the drain began, while the token was checked.
  const refusal = data.refusal ?? admissions.refusal()
  if (refusal) {
    admissions.counters.refused++
    wire.send(closingOf(refusal, {}))
    return wire.close(rowOf(refusal.code).close, refusal.code)
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
