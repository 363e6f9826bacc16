import type { HttpResponse } from 'uWebSockets.js'
import { problemType, rowOf, type Refusal } from '../errors.ts'

/** An answer to one HTTP request that may come later than its callback; the client may be gone by then. */
export class Reply {
  readonly res: HttpResponse
  gone = false
  #onGone: (() => void) | null = null

  constructor(res: HttpResponse) {
    this.res = res
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
    const body = { type: problemType(code), title, status, detail, code, parameter, scope, retry, retryAfter }
    const wait: Headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
    this.send(status === 0 ? 500 : status, 'application/problem+json', JSON.stringify(body), { ...wait, ...headers })
  }

  send(status: number, type: string, body: string | Uint8Array, headers: Headers = {}): void {
    if (this.gone) return
    this.gone = true
    this.res.cork(() => {
      this.res
        .writeStatus(statusLine(status))
        .writeHeader('Content-Type', type)
        .writeHeader('Cache-Control', 'no-store')
      for (const [name, value] of Object.entries(headers)) this.res.writeHeader(name, value)
      this.res.end(body)
    })
  }
}

export type Headers = { readonly [name: string]: string }

const REASONS: { readonly [status: number]: string } = {
  200: 'OK',
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
