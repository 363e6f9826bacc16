import { CLOSE_CODES, type ErrorCode } from './codes.ts'
import { type Incoming, objectOf, textIn } from './frame.ts'

/** How a connection came to its end, as far as one can tell from this side. */
export interface Ending {
  /** WebSocket close code, or the one that a refusal over HTTP or a frame stands for; 1006 where the network failed. */
  readonly code: number
  /** The error's name in docs/errors.md, where the gateway gave one. */
  readonly error: ErrorCode | null
  /** For people. */
  readonly reason: string
  /** What the gateway asks to wait; null where it did not say. */
  readonly retryAfterMs: number | null
  /** False: no connection came about. */
  readonly reached: boolean
}

/** None of Weir's codes: the network, or what stands in between. */
export function lost(reason: string, reached = true, code = 1006): Ending {
  return { code, error: null, reason, retryAfterMs: null, reached }
}

/** What a frame `closing`, `ended` or `error` says. */
export function endingOfFrame(frame: Incoming): Ending {
  const error = knownCode(frame[frame.type === 'closing' ? 'error' : 'code'])
  const stated = frame.type === 'closing' && typeof frame['code'] === 'number' ? frame['code'] : null
  return {
    code: stated ?? CLOSE_CODES[error ?? 'internal'],
    error,
    reason: wordsOf(frame) || error || 'the gateway closed the stream',
    retryAfterMs: statedMs(frame),
    reached: true,
  }
}

/** An answer over HTTP that is no stream. */
export interface Refused {
  readonly status: number
  /** The header; absent where there is none, or a browser hides it. */
  readonly retryAfter: string | null
  /** The body, problem+json (RFC 9457) where it comes from the gateway. */
  readonly body: string
  /** What is said where the body has no words. */
  readonly otherwise: string
}

export function endingOfHttp({ status, retryAfter, body, otherwise }: Refused, nowMs: number): Ending {
  // Proxies answer with pages: then the status is all there is to say.
  const problem = objectOf(body) ?? {}
  const error = knownCode(problem['code'])
  return {
    code: error === null ? codeOfStatus(status) : CLOSE_CODES[error],
    error,
    reason: wordsOf(problem) || otherwise,
    // A browser hides the header of another origin; the problem says the same.
    retryAfterMs: retryAfter === null ? statedMs(problem) : delayMs(retryAfter, nowMs),
    reached: true,
  }
}

function statedMs(said: { readonly [name: string]: unknown }): number | null {
  const seconds = said['retryAfter']
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : null
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function delayMs(retryAfter: string, nowMs: number): number | null {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

function codeOfStatus(status: number): number {
  if (status === 401) return CLOSE_CODES['token-expired']
  if (status === 408 || status === 425 || status === 429 || status >= 500) return CLOSE_CODES['source-unavailable']
  // A redirect, a page, a proxy's refusal: asking again changes nothing.
  return CLOSE_CODES['bad-parameter']
}

function knownCode(value: unknown): ErrorCode | null {
  return typeof value === 'string' && Object.hasOwn(CLOSE_CODES, value) ? (value as ErrorCode) : null
}

function wordsOf(said: { readonly [name: string]: unknown }): string {
  const words = [textIn(said, 'title'), textIn(said, 'detail')].filter((one) => one !== null && one !== '')
  return words.join(': ')
}
