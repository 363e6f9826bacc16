import type { HttpRequest } from 'uWebSockets.js'

/** What a handler needs of a request, copied: uWS takes the request back when its callback returns. */
export interface Request {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly accept: string
  readonly acceptEncoding: string
  /** Of the page that asks; empty where no page does. */
  readonly origin: string
  readonly host: string
  /** What a proxy in front says of the client behind it; empty where none says anything. */
  readonly forwarded: string
  /** What a page wants to ask, where this asks whether it may (Fetch §3.3.2); empty else. */
  readonly preflightMethod: string
  readonly connection: string
  readonly upgrade: string
  readonly authorization: string
  readonly lastEventId: string
  readonly ifNoneMatch: string
  /** Subprotocols offered, in order. */
  readonly protocols: readonly string[]
  readonly webSocketKey: string
  readonly webSocketVersion: string
  readonly webSocketExtensions: string
}

const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']

export function copyRequest(req: HttpRequest): Request {
  return {
    method: req.getCaseSensitiveMethod(),
    path: req.getUrl(),
    query: req.getQuery(),
    accept: req.getHeader('accept'),
    acceptEncoding: req.getHeader('accept-encoding'),
    origin: req.getHeader('origin'),
    host: req.getHeader('host'),
    forwarded: FORWARDED.map((name) => req.getHeader(name)).join(''),
    preflightMethod: req.getHeader('access-control-request-method'),
    connection: req.getHeader('connection'),
    upgrade: req.getHeader('upgrade'),
    authorization: req.getHeader('authorization'),
    lastEventId: req.getHeader('last-event-id'),
    ifNoneMatch: req.getHeader('if-none-match'),
    protocols: req
      .getHeader('sec-websocket-protocol')
      .split(',')
      .map((protocol) => protocol.trim())
      .filter((protocol) => protocol !== ''),
    webSocketKey: req.getHeader('sec-websocket-key'),
    webSocketVersion: req.getHeader('sec-websocket-version'),
    webSocketExtensions: req.getHeader('sec-websocket-extensions'),
  }
}

/** Product and stream of `/streams/{product}/{stream}`; `null` where the address names no stream. */
export function streamOf(path: string): { readonly product: string; readonly stream: string } | null {
  const parts = /^\/streams\/([^/]+)\/([^/]+)\/?$/.exec(path)
  if (!parts) return null
  return { product: decoded(parts[1] as string), stream: decoded(parts[2] as string) }
}

/** An address with broken escapes names nothing that exists; it is looked up as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Whether an `Accept` header names a media type with a quality above 0 (RFC 9110 §12.5.1). */
export function accepts(accept: string, type: string): boolean {
  return accept.split(',').some((range) => {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    return name === type && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })
}
