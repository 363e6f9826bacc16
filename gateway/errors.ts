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
  /** For the page that `type` opens: what happened, and what to do about it. Markdown. */
  readonly meaning: string
  readonly advice: string
}

const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

export const ERRORS = {
  draining: {
    status: 503,
    close: 4000,
    retry: 'now',
    title: 'This node is going away',
    closesSession: true,
    meaning: 'The process that serves you is being stopped or replaced.',
    advice: 'Reconnect with the last cursor after `retryAfter` seconds; another node goes on where this one stopped.',
  },
  slow: {
    status: 0,
    close: 4001,
    retry: 'now',
    title: 'The connection took nothing for too long',
    closesSession: true,
    meaning:
      'The connection took no bytes for `limits.stuckMsMax` (30 s by default). Being behind is no reason: a slow client reads on at its own pace.',
    advice:
      'Reconnect with the last cursor, and read faster, or in another thread than the one that works on the records.',
  },
  'source-unavailable': {
    status: 503,
    close: 4002,
    retry: 'later',
    title: 'The topic cannot be read now',
    closesSession: false,
    meaning:
      'The data behind the stream does not exist or cannot be reached now. A stream that is already running stays open and is told `paused` instead.',
    advice: 'Try again after `retryAfter` seconds with the same cursor.',
  },
  idle: {
    status: 0,
    close: 4003,
    retry: 'now',
    title: 'The session had no subscription for too long',
    closesSession: true,
    meaning: 'A session without any subscription was kept open for too long.',
    advice: 'Reconnect when there is something to subscribe to.',
  },
  'too-many-connections': {
    status: 429,
    close: 4004,
    retry: 'later',
    title: 'All connections are taken',
    type: QUOTA_EXCEEDED,
    closesSession: false,
    meaning: 'All connections of this node, or of your agreement, are taken.',
    advice: 'Close what you do not need, and try again after `retryAfter` seconds.',
  },
  internal: {
    status: 500,
    close: 4011,
    retry: 'later',
    title: 'A fault on our side',
    closesSession: true,
    meaning: 'Something failed on our side; it is logged with your session.',
    advice: 'Reconnect with the last cursor after a while.',
  },
  'token-expired': {
    status: 401,
    close: 4201,
    retry: 'new-token',
    title: 'The token has expired',
    closesSession: true,
    meaning: "The token's `exp` has passed. A running session is closed at that moment.",
    advice:
      'Get a new token and reconnect with the last cursor; in a WebSocket session send `auth` with the new token before the old one expires.',
  },
  'token-revoked': {
    status: 401,
    close: 4202,
    retry: 'new-token',
    title: 'The token was revoked',
    closesSession: true,
    meaning: 'The token, or the right that it carried, was taken back.',
    advice: 'Get a new token and reconnect with the last cursor.',
  },
  'bad-frame': {
    status: 400,
    close: 4400,
    retry: 'never',
    title: 'The frame cannot be understood',
    closesSession: true,
    meaning: 'A frame was not JSON text, had no known `type`, or lacked what its type needs.',
    advice: 'Mend the client; the detail names what was wrong.',
  },
  unauthenticated: {
    status: 401,
    close: 4401,
    retry: 'never',
    title: 'A valid token is needed',
    closesSession: true,
    meaning: 'There was no token, or it was broken, unsigned, from a foreign issuer or for another audience.',
    advice:
      'Send a token of an accepted issuer: `Authorization: Bearer …`, subprotocol `bearer.…`, or an `auth` frame.',
  },
  forbidden: {
    status: 403,
    close: 4403,
    retry: 'never',
    title: 'Not allowed',
    closesSession: false,
    meaning:
      'The token is good, but does not allow this: no agreement with the product, a missing scope, or a suspended consumer.',
    advice: 'The detail says what is missing and whom to ask.',
  },
  'no-such-stream': {
    status: 404,
    close: 4404,
    retry: 'never',
    title: 'No such stream',
    closesSession: false,
    meaning: 'There is no such product or stream, or it is not visible to you: both answer alike.',
    advice: 'Look at `/products` with your token.',
  },
  'auth-timeout': {
    status: 401,
    close: 4408,
    retry: 'never',
    title: 'No token arrived in time',
    closesSession: true,
    meaning: 'A WebSocket session without a token in its handshake sent no `auth` frame in time.',
    advice: 'Send `auth` as the first frame, at once.',
  },
  'duplicate-subscription': {
    status: 409,
    close: 4409,
    retry: 'never',
    title: 'The session already has this',
    closesSession: false,
    meaning: 'The session has a subscription with this id, or one that sees just the same.',
    advice: 'Use the one that is there, or unsubscribe it first.',
  },
  retired: {
    status: 410,
    close: 4410,
    retry: 'never',
    title: 'The product is retired',
    closesSession: false,
    meaning: 'The product was retired.',
    advice: 'Its catalogue entry names a successor, where there is one.',
  },
  'too-big': {
    status: 413,
    close: 4413,
    retry: 'never',
    title: 'Too big',
    closesSession: true,
    meaning: 'A frame was larger than `limits.frameBytesMax` (64 KiB by default).',
    advice: 'Send smaller frames.',
  },
  'bad-format': {
    status: 406,
    close: 4415,
    retry: 'never',
    title: 'This format is not served here',
    closesSession: false,
    meaning: 'The address exists, but not in the form that was asked for.',
    advice: 'The detail names the forms that are served.',
  },
  'bad-parameter': {
    status: 400,
    close: 4422,
    retry: 'never',
    title: 'A parameter is wrong',
    closesSession: false,
    meaning:
      'A parameter or field is unknown, given twice, or has a value that cannot be meant. Nothing is ever ignored, since that would send other records than were asked for.',
    advice: '`parameter` names it; the detail says what is expected, and what was probably meant.',
  },
  'cursor-invalid': {
    status: 400,
    close: 4422,
    retry: 'never',
    title: 'The cursor is not one of this stream',
    closesSession: false,
    meaning:
      'The cursor is damaged, belongs to another stream or another of its topics, or was made by a newer version.',
    advice:
      'Send cursors back letter by letter as they came, to the stream that they came from and with the `param.…` that chose its topic; else start from a time.',
  },
  'quota-exhausted': {
    status: 429,
    close: 4429,
    retry: 'later',
    title: 'The allowance is spent',
    type: QUOTA_EXCEEDED,
    closesSession: false,
    meaning: 'The allowance of the agreement is spent, and its plan does not wait.',
    advice: 'Come back when the window ends (`retryAfter`), or take a larger plan.',
  },
  'too-many-subscriptions': {
    status: 429,
    close: 4431,
    retry: 'never',
    title: 'All subscriptions are taken',
    type: QUOTA_EXCEEDED,
    closesSession: false,
    meaning: 'The session, or your agreement, has all the subscriptions that it may have.',
    advice: 'Unsubscribe what you do not need, or open another session.',
  },
  'too-many-frames': {
    status: 0,
    close: 4432,
    retry: 'never',
    title: 'Too many frames',
    closesSession: true,
    meaning: 'The client sent more than `limits.framesPerSecondMax` frames (100 by default) within a second.',
    advice: 'Send fewer; one `subscribe` is enough for a stream.',
  },
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

/** Where the gateway explains a code: the `type` of a problem, relative to the address asked (RFC 9457 §3.1.1). */
export function problemType(code: ErrorCode): string {
  return rowOf(code).type ?? ERROR_PAGES + code
}

export const ERROR_PAGES = '/errors/'

/** The page of one code, Markdown: served at its problem type, and a section of docs/errors.md. */
export function errorPage(code: ErrorCode): string {
  const { title, status, close, retry, meaning, advice } = rowOf(code)
  const http = status === 0 ? 'none, it only ends what is open' : String(status)
  return `## ${code}\n\n**${title}.** ${meaning}\n\n*What to do:* ${advice}\n\nHTTP status: ${http} · WebSocket close code: ${close} · retry: \`${retry}\`\n`
}

/** docs/errors.md, whole. */
export function errorsReference(): string {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  const rows = codes.map((code) => {
    const { status, close, retry, title } = rowOf(code)
    return `| [${code}](#${code}) | ${status || '–'} | ${close} | ${retry} | ${title} |`
  })
  const table = ['| code | HTTP | WebSocket | retry | |', '|---|---|---|---|---|', ...rows].join('\n')
  const pages = codes.map(errorPage).join('\n')
  return `# Errors\n\nGenerated from the table in gateway/errors.ts by \`npm run docs\`.\n\n${table}\n\n${pages}`
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
