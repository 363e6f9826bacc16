import type { HttpResponse } from 'uWebSockets.js'
import { problemType, rowOf, type Refusal } from '../errors.ts'

/** An answer to one HTTP request that may come later than its callback; the client may be gone by then. */
export class Reply {
  readonly res: HttpResponse
  gone = false
  readonly #headOnly: boolean
  #onGone: (() => void) | null = null

  constructor(res: HttpResponse, method: string) {
    this.res = res
    this.#headOnly = method === 'HEAD'
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
      this.res.writeStatus(statusLine(status))
      const all = { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers }
      for (const [name, value] of Object.entries(all)) this.res.writeHeader(name, value)
      // RFC 9110 §9.3.2, §15.4.5: no body, whatever its length would have been; else it is read as the next answer.
      if (status === 304) this.res.endWithoutBody()
      else if (this.#headOnly) this.res.endWithoutBody(Buffer.byteLength(body))
      else this.res.end(body)
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
