import type { HttpResponse } from 'uWebSockets.js'
import { problemType, rowOf, type Refusal } from '../errors.ts'

/** What all answers to one request have in common. */
export interface Common {
  /** Sent with each, unless it says otherwise; of `Vary`, what both say. */
  readonly headers: Headers
  /** The path of the public address, which a proxy in front may have taken off: '' or like `/weir`. */
  readonly root: string
}

/** An answer to one HTTP request that may come later than its callback; the client may be gone by then. */
export class Reply {
  readonly res: HttpResponse
  gone = false
  readonly #headOnly: boolean
  readonly #common: Common
  #onGone: (() => void) | null = null

  constructor(res: HttpResponse, method: string, common: Common) {
    this.res = res
    this.#headOnly = method === 'HEAD'
    this.#common = common
    res.onAborted(() => {
      this.gone = true
      this.#onGone?.()
    })
  }

  /** What to do when the client leaves; at most one. */
  onGone(act: () => void): void {
    this.#onGone = act
  }

  json(status: number, body: object, headers: Headers = {}): void {
    this.send(status, 'application/json; charset=utf-8', JSON.stringify(body), headers)
  }

  /** A refusal as problem+json (RFC 9457). */
  problem(refusal: Refusal, headers: Headers = {}): void {
    const { code, detail, parameter, scope, retryAfter } = refusal
    const { status, title, retry } = rowOf(code)
    const page = problemType(code)
    const type = page.startsWith('/') ? this.#common.root + page : page
    const body = { type, title, status, detail, code, parameter, scope, retry, retryAfter }
    const wait: Headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
    this.send(status === 0 ? 500 : status, 'application/problem+json', JSON.stringify(body), { ...wait, ...headers })
  }

  send(status: number, type: string, body: string | Uint8Array, headers: Headers = {}): void {
    if (this.gone) return
    this.gone = true
    this.res.cork(() => {
      this.writeHead(status, { 'Content-Type': type, ...headers })
      // RFC 9110 §9.3.2, §15.4.5: no body, whatever its length would have been; else it is read as the next answer.
      if (status === 304) this.res.endWithoutBody()
      else if (this.#headOnly) {
        // Given the length, uWS would go on waiting for the body, and answer nothing more on this connection.
        this.res.writeHeader('Content-Length', String(Buffer.byteLength(body))).endWithoutBody()
      } else this.res.end(body)
    })
  }

  /** An answer that has no body, whatever was asked: 204. */
  done(headers: Headers): void {
    if (this.gone) return
    this.gone = true
    this.res.cork(() => {
      this.writeHead(204, headers)
      this.res.endWithoutBody()
    })
  }

  /** Status and headers, for whoever writes the body; within a cork. Nothing is to be stored unless said. */
  writeHead(status: number, headers: Headers): void {
    const { headers: common } = this.#common
    this.res.writeStatus(statusLine(status))
    const vary = [headers['Vary'], common['Vary']].filter((names) => names !== undefined).join(', ')
    const all = { 'Cache-Control': 'no-store', ...common, ...headers, ...(vary !== '' && { Vary: vary }) }
    for (const [name, value] of Object.entries(all)) this.res.writeHeader(name, value)
  }
}

export type Headers = { readonly [name: string]: string }

const REASONS: { readonly [status: number]: string } = {
  200: 'OK',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

function statusLine(status: number): string {
  return `${status} ${REASONS[status] ?? 'Unknown'}`
}
