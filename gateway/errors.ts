/**
 * The one table of what can go wrong: a code gives the problem type (RFC 9457), the HTTP status, the WebSocket close
 * code, the advice to the client and the public title. A refusal is a value (`Refusal`); only faults are thrown.
 */

/** What the client should do next. */
export type Retry = 'now' | 'later' | 'new-token' | 'never'

interface Row {
  /** HTTP status; 0 where the situation cannot arise before an HTTP answer has begun. */
  readonly status: number
  /** WebSocket close code; its range is the advice (docs/protocol.md). */
  readonly close: number
  readonly retry: Retry
  readonly title: string
  /** IANA problem type where one is registered; else the type is the code's place in docs/errors.md. */
  readonly type?: string
  /** Whether this closes a multiplexed session; the others are answered by `error` or `ended`. */
  readonly closesSession: boolean
}

const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

export const ERRORS = {
  draining: { status: 503, close: 4000, retry: 'now', title: 'This node is going away', closesSession: true },
  slow: {
    status: 0,
    close: 4001,
    retry: 'now',
    title: 'The connection took nothing for too long',
    closesSession: true,
  },
  'source-unavailable': {
    status: 503,
    close: 4002,
    retry: 'later',
    title: 'The topic cannot be read now',
    closesSession: false,
  },
  idle: {
    status: 0,
    close: 4003,
    retry: 'now',
    title: 'The session had no subscription for too long',
    closesSession: true,
  },
  'too-many-connections': {
    status: 429,
    close: 4004,
    retry: 'later',
    title: 'All connections are taken',
    type: QUOTA_EXCEEDED,
    closesSession: false,
  },
  internal: { status: 500, close: 4011, retry: 'later', title: 'A fault on our side', closesSession: true },
  'token-expired': {
    status: 401,
    close: 4201,
    retry: 'new-token',
    title: 'The token has expired',
    closesSession: true,
  },
  'token-revoked': {
    status: 401,
    close: 4202,
    retry: 'new-token',
    title: 'The token was revoked',
    closesSession: true,
  },
  'bad-frame': {
    status: 400,
    close: 4400,
    retry: 'never',
    title: 'The frame cannot be understood',
    closesSession: true,
  },
  unauthenticated: { status: 401, close: 4401, retry: 'never', title: 'A valid token is needed', closesSession: true },
  forbidden: { status: 403, close: 4403, retry: 'never', title: 'Not allowed', closesSession: false },
  'no-such-stream': { status: 404, close: 4404, retry: 'never', title: 'No such stream', closesSession: false },
  'auth-timeout': { status: 401, close: 4408, retry: 'never', title: 'No token arrived in time', closesSession: true },
  'duplicate-subscription': {
    status: 409,
    close: 4409,
    retry: 'never',
    title: 'The session already has this',
    closesSession: false,
  },
  retired: { status: 410, close: 4410, retry: 'never', title: 'The product is retired', closesSession: false },
  'too-big': { status: 413, close: 4413, retry: 'never', title: 'Too big', closesSession: true },
  'bad-format': {
    status: 406,
    close: 4415,
    retry: 'never',
    title: 'This format is not served here',
    closesSession: false,
  },
  'bad-parameter': { status: 400, close: 4422, retry: 'never', title: 'A parameter is wrong', closesSession: false },
  'cursor-invalid': {
    status: 400,
    close: 4422,
    retry: 'never',
    title: 'The cursor is not one of this stream',
    closesSession: false,
  },
  'quota-exhausted': {
    status: 429,
    close: 4429,
    retry: 'later',
    title: 'The allowance is spent',
    type: QUOTA_EXCEEDED,
    closesSession: false,
  },
  'too-many-subscriptions': {
    status: 429,
    close: 4431,
    retry: 'never',
    title: 'All subscriptions are taken',
    type: QUOTA_EXCEEDED,
    closesSession: false,
  },
  'too-many-frames': { status: 0, close: 4432, retry: 'never', title: 'Too many frames', closesSession: true },
} as const satisfies { readonly [code: string]: Row }

export type ErrorCode = keyof typeof ERRORS

/** A request that is turned down: a value, made where the decision is made, worded for the person who sent it. */
export interface Refusal {
  readonly code: ErrorCode
  /** What was wrong, where, and what to do: shown to the client. Never holds internals. */
  readonly detail: string
  /** The parameter, field or header at fault, where there is one. */
  readonly parameter?: string
  /** The scope that is missing, for 403 `insufficient_scope` (RFC 6750 §3.1). */
  readonly scope?: string
  /** Seconds to wait, where waiting helps. */
  readonly retryAfter?: number
}

export function refuse(code: ErrorCode, detail: string, more: Omit<Refusal, 'code' | 'detail'> = {}): Refusal {
  return { code, detail, ...more }
}

export function rowOf(code: ErrorCode): Row {
  return ERRORS[code]
}

/** The page that explains a code; the `type` of a problem (RFC 9457 §3.1.1). */
export function problemType(code: ErrorCode): string {
  return rowOf(code).type ?? `urn:weir:error:${code}`
}

/** Something outside does not answer as it must: what, and why. `unreachable` becomes exit code 3 at the command line. */
export class Fault extends Error {
  readonly kind: 'unreachable' | 'refused' | 'usage' | 'internal'
  constructor(kind: Fault['kind'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Fault'
    this.kind = kind
  }
}
