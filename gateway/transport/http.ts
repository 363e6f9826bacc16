import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp, type us_listen_socket } from 'uWebSockets.js'
import { ERROR_PAGES, errorPage, ERRORS, Fault, refuse, type ErrorCode } from '../errors.ts'
import type { Admissions } from './admissions.ts'
import { answer } from './answer.ts'
import { EventStreams } from './eventStreams.ts'
import { NDJSON } from './ndjson.ts'
import { Pages } from './page.ts'
import { printable } from './parameters.ts'
import { servePortal, type PortalContext } from './portal.ts'
import { serveProducts } from './products.ts'
import { Reply } from './reply.ts'
import { accepts, copyRequest, type Request } from './request.ts'
import { SSE } from './sse.ts'
import { serveUsage } from './usage.ts'
import { serveWebSocket } from './websocket.ts'

/** The listener that partners connect to: one port for streams in every form, and the catalogue. */
export interface Listener {
  readonly port: number
  /** Takes no new connections; what is open stays. */
  stopListening(): void
  /** Cuts whatever is still open. */
  close(): void
}

export interface Health {
  ready(): { readonly ready: boolean; readonly checks: { readonly [name: string]: string } }
}

export interface ListenOptions {
  /** Without it there are no pages for people. */
  readonly portal?: PortalContext | null
  /** Others of us listen there, too, and the kernel deals out the connections. */
  readonly shared?: boolean
}

/** Listens; throws a `Fault` where the port cannot be had. */
export function listen(
  host: string,
  port: number,
  admissions: Admissions,
  health: Health,
  { portal = null, shared = false }: ListenOptions = {},
): Promise<Listener> {
  const app = uWS.App()
  serveWebSocket(app, admissions)
  route(app, '/streams/*', admissions, streamForms(admissions))
  route(app, '/streams', admissions, (reply) =>
    reply.problem(
      refuse(
        'bad-format',
        'A session without a stream is a WebSocket; a stream has the address /streams/{product}/{stream}.',
      ),
    ),
  )
  serveUsage((pattern, handler) => route(app, pattern, admissions, handler), admissions)
  serveProducts((pattern, handler) => route(app, pattern, admissions, handler), admissions)
  route(app, '/healthz', admissions, (reply) => reply.json(200, { status: 'ok' }))
  route(app, '/readyz', admissions, (reply) => {
    const { ready, checks } = health.ready()
    reply.json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', checks })
  })
  const page =
    portal && servePortal(app, (pattern, handler) => route(app, pattern, admissions, handler), admissions, portal)
  route(app, `${ERROR_PAGES}:code`, admissions, (reply, request) =>
    page && accepts(request.accept, 'text/html') ? page(reply, request) : serveErrorPage(reply, request),
  )
  app.any('/*', (res, req) => {
    const request = copyRequest(req)
    const { path, method } = request
    const reply = new Reply(res, method, admissions.commonOf(request))
    if (answerPreflight(reply, request, admissions)) return
    if (isReserved(request)) return wrongMethod(reply, request, [])
    reply.problem(
      refuse('no-such-stream', `There is nothing at this address (${printable(path)}); the catalogue is at /products.`),
    )
  })
  return new Promise((resolve, reject) => {
    ;(app as unknown as ExclusiveApp).listen(host, port, shared ? SHARED_PORT : EXCLUSIVE_PORT, (socket) => {
      if (socket) resolve(listener(app, socket))
      else reject(new Fault('unreachable', `Cannot listen on ${host}:${port}: the address is taken, or not ours.`))
    })
  })
}

/** uWS shares ports by default; two gateways on one by accident would split the clients between them. The declared types lack this form. */
const EXCLUSIVE_PORT = 1
const SHARED_PORT = 0
interface ExclusiveApp {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): void
}

type Handler = (reply: Reply, request: Request) => void | Promise<void>

function route(app: TemplatedApp, pattern: string, admissions: Admissions, handler: Handler): void {
  app.any(pattern, (res: HttpResponse, req: HttpRequest) => {
    const request = copyRequest(req)
    const reply = new Reply(res, request.method, admissions.commonOf(request))
    if (answerPreflight(reply, request, admissions)) return
    const allowed = pattern.startsWith('/streams') ? STREAM_METHODS : DOCUMENT_METHODS
    if (!allowed.includes(request.method)) return wrongMethod(reply, request, allowed)
    const done = handler(reply, request)
    done?.catch((error: unknown) => {
      admissions.fault(error, `GET ${pattern}`)
      reply.problem(refuse('internal', 'The request could not be answered because of a fault on our side.'))
    })
  })
}

/** A browser asks before it lets a page send a token (Fetch §3.3.2): the same at every address, whoever it is that asks. */
function answerPreflight(reply: Reply, request: Request, { context: { cors } }: Admissions): boolean {
  const { method, origin, host, preflightMethod } = request
  if (!cors.enabled || method !== 'OPTIONS' || origin === '' || preflightMethod === '') return false
  const refusal = cors.refusal(origin, host)
  if (refusal) reply.problem(refusal)
  else reply.done(cors.preflight)
  return true
}

/** One address, several forms: the `Accept` header chooses. */
function streamForms(admissions: Admissions): Handler {
  const events = new EventStreams(SSE, admissions)
  const lines = new EventStreams(NDJSON, admissions)
  const pages = new Pages(admissions)
  return (reply, request) => {
    if (accepts(request.accept, 'text/event-stream')) return answer(events, admissions, reply, request)
    if (accepts(request.accept, 'application/x-ndjson')) return answer(lines, admissions, reply, request)
    return answer(pages, admissions, reply, request)
  }
}

/** What a problem's `type` opens. */
function serveErrorPage(reply: Reply, { path }: Request): void {
  const code = path.slice(ERROR_PAGES.length)
  if (Object.hasOwn(ERRORS, code))
    return reply.send(200, 'text/markdown; charset=utf-8', errorPage(code as ErrorCode), { Vary: 'Accept' })
  reply.problem(refuse('no-such-stream', 'There is no error of this name.'))
}

const DOCUMENT_METHODS = ['GET', 'HEAD']
/** A stream has no head of its own: to know it, it would have to be opened. */
const STREAM_METHODS = ['GET']

/** Publishing and tickets are addresses of the protocol, not mistakes of the client. */
function isReserved({ method, path }: Request): boolean {
  return method === 'POST' && (path.startsWith('/streams/') || path === '/tickets')
}

function wrongMethod(reply: Reply, request: Request, allowed: readonly string[]): void {
  const { method } = request
  const reserved = isReserved(request)
  const status = reserved ? 501 : 405
  const detail = reserved
    ? 'This address is reserved and not served yet.'
    : `${printable(method.slice(0, 20))} is not served here; ${allowed.join(' and ')} is.`
  const body = { type: 'about:blank', title: reserved ? 'Not Implemented' : 'Method Not Allowed', status, detail }
  reply.send(status, 'application/problem+json', JSON.stringify(body), reserved ? {} : { Allow: allowed.join(', ') })
}

function listener(app: TemplatedApp, socket: us_listen_socket): Listener {
  let listening = true
  return {
    port: uWS.us_socket_local_port(socket),
    stopListening() {
      if (listening) uWS.us_listen_socket_close(socket)
      listening = false
    },
    close() {
      this.stopListening()
      app.close()
    },
  }
}
