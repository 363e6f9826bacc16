import { ERRORS } from '../../errors.ts'

/** How a connection came to its end, as far as one can tell from this side. */
export interface Ending {
  /** WebSocket close code; an HTTP refusal and a frame that ends the subscription are told by the code they stand for. */
  readonly code: number
  /** What the gateway said about it, for people. */
  readonly reason: string
  /** What the gateway asks to wait; null where it did not say. */
  readonly retryAfterMs: number | null
}

export type Advice = { readonly reconnectMs: number } | { readonly stop: string }

const BACKOFF_MS = 500
const BACKOFF_MS_MAX = 30_000
/** A drained node's clients come back spread over this time. */
const SPREAD_MS = 1_000

/**
 * What to do next: the range of the code decides (docs/protocol.md, "Close codes"), and whatever is none of Weir's codes is a
 * network that failed. `attempt` counts from 0 and starts anew with each connection that held.
 */
export function adviceFor({ code, reason, retryAfterMs }: Ending, attempt: number, random: () => number): Advice {
  if (code >= 4400 && code <= 4599) return { stop: `${reason} (${code})` }
  if (code >= 4200 && code <= 4399) return { stop: `${reason} (${code}); get a new token and go on with --from` }
  if (retryAfterMs !== null) return { reconnectMs: retryAfterMs + random() * SPREAD_MS }
  if (code === ERRORS.draining.close && attempt === 0) return { reconnectMs: random() * SPREAD_MS }
  // At least half of the step is waited, so that a gateway that refuses at once is not asked without pause.
  const step = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** attempt)
  return { reconnectMs: (step / 2) * (1 + random()) }
}

/** The close code that an HTTP refusal of the handshake stands for: by the code in its problem (RFC 9457), else by its status. */
export function codeOfHttp(status: number, problemCode: unknown): number {
  const row = typeof problemCode === 'string' && Object.hasOwn(ERRORS, problemCode) ? problemCode : null
  if (row !== null) return ERRORS[row as keyof typeof ERRORS].close
  if (status === 429 || status >= 500) return ERRORS['source-unavailable'].close
  if (status === 401) return ERRORS.unauthenticated.close
  // A redirect, a page, a proxy's refusal: asking again changes nothing.
  return ERRORS['bad-parameter'].close
}
