import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js'
import type { Product } from '../catalog/plan.ts'
import { refuse } from '../errors.ts'
import type { Admissions } from './admissions.ts'
import { whyNot } from './contract.ts'
import { isNear } from './near.ts'
import { Reply, type Headers } from './reply.ts'
import { copyRequest, type Request } from './request.ts'
import { sendTagged } from './tagged.ts'

/** Pages for people, as they are made elsewhere. */
export interface Pages {
  page(path: string, products: readonly Product[], reader: Reader): { readonly status: number; readonly html: string }
  /** `isNamed`: its address will never stand for anything else. */
  asset(path: string): { readonly type: string; readonly body: Uint8Array; readonly isNamed: boolean } | null
}

export interface Reader {
  readonly root: string
  readonly address: string
  readonly hasView: boolean
  readonly offersToken: boolean
  readonly issuers: readonly string[]
}

export interface PortalContext {
  readonly pages: Pages
  /** Where partners reach this gateway, as the operator says; `null`: by whatever address they came. */
  readonly publicUrl: string | null
  readonly issuers: readonly string[]
  /** Makes a token of the development issuer, where anybody at this machine may have one; else `null`. */
  readonly developmentToken: (() => Promise<{ readonly token: string; readonly expiresAt: number }>) | null
}

type Route = (pattern: string, handler: (reply: Reply, request: Request) => Promise<void>) => void

const TOKEN_PATH = '/development-token'
const HTML = 'text/html; charset=utf-8'
/** Files keep their names for ever, but for those that were asked for by an older name. */
const NAMED = 'public, max-age=31536000, immutable'
const ANEW = 'no-cache'

/** The catalogue and its products for people; what they may see without a token, as at `/products`. Answers what makes a page of any request. */
export function servePortal(
  app: TemplatedApp,
  route: Route,
  admissions: Admissions,
  portal: PortalContext,
): (reply: Reply, request: Request) => Promise<void> {
  const { pages } = portal
  const page = async (reply: Reply, request: Request): Promise<void> => {
    const { root } = admissions.commonOf(request)
    const address = addressOf(request, portal, admissions)
    const { status, html } = pages.page(request.path, admissions.context.gate.visible(null), {
      root,
      address,
      hasView: whyNot('address', '/products/{product}/asyncapi.json') === null,
      offersToken: portal.developmentToken !== null && isNear(request, remoteOf(reply.res)),
      issuers: portal.issuers,
    })
    const headers = { ...pageHeaders(request, address), 'Cache-Control': ANEW }
    if (status !== 200) return reply.send(status, HTML, html, headers)
    await sendTagged(reply, request, { type: HTML, body: Buffer.from(html), headers })
  }
  for (const pattern of ['/', '/p/*']) route(pattern, page)
  route('/assets/*', async (reply, request) => {
    const asset = pages.asset(request.path)
    if (!asset) return reply.problem(refuse('no-such-stream', 'There is no such file; / is the page that loads them.'))
    const headers = { ...FILE_HEADERS, 'Cache-Control': asset.isNamed ? NAMED : ANEW }
    await sendTagged(reply, request, { type: asset.type, body: asset.body, headers })
  })
  const { developmentToken } = portal
  if (developmentToken !== null) app.post(TOKEN_PATH, (res, req) => giveToken(res, req, admissions, developmentToken))
  return page
}

/** To a page of ours that is open on this very machine, and to nobody else. */
function giveToken(
  res: HttpResponse,
  req: HttpRequest,
  admissions: Admissions,
  make: NonNullable<PortalContext['developmentToken']>,
): void {
  const request = copyRequest(req)
  // No page of another origin is ever let in here, whatever `corsOrigins` says.
  const reply = new Reply(res, 'POST', { headers: {}, root: admissions.commonOf(request).root })
  if (!isNear(request, remoteOf(res)) || request.origin !== `http://${request.host}`) {
    const detail = 'Development tokens are given to the page on this machine alone; `weir token` makes them, too.'
    return reply.problem(refuse('forbidden', detail))
  }
  make().then(
    ({ token, expiresAt }) => reply.json(200, { token, expiresAt: new Date(expiresAt).toISOString() }, FILE_HEADERS),
    (error: unknown) => {
      admissions.fault(error, `POST ${TOKEN_PATH}`)
      reply.problem(refuse('internal', 'No token could be made because of a fault on our side.'))
    },
  )
}

/** Bytes of its address; to be asked in the request's own callback. */
function remoteOf(res: HttpResponse): Uint8Array {
  return new Uint8Array(res.getRemoteAddress())
}

const FILE_HEADERS: Headers = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Nothing runs, styles or is fetched but from here; nobody frames the page, and no form is ever sent. */
function pageHeaders({ host }: Request, address: string): Headers {
  const hosts = new Set([new URL(address).host, ...(isHost(host) ? [host] : [])])
  const sockets = [...hosts].flatMap((one) => [`ws://${one}`, `wss://${one}`])
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${sockets.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]
  // The pages of errors are Markdown for whoever asks for no page.
  return { ...FILE_HEADERS, Vary: 'Accept', 'Content-Security-Policy': policy.join('; ') }
}

/** As the operator says, else as this reader came: lines to copy should work where they are read. */
function addressOf({ host }: Request, { publicUrl }: PortalContext, { context: { gate } }: Admissions): string {
  if (publicUrl !== null || !isHost(host)) return gate.publicUrl()
  return `http://${host}`
}

/** The header is whatever was sent: only what can be nothing but a host is taken over. */
function isHost(text: string): boolean {
  return text.length <= HOST_CHARS_MAX && /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text)
}

const HOST_CHARS_MAX = 255
