import type { ErrorCode } from './codes.ts'
import type { Ending } from './ending.ts'

/** Why `follow` ended though it was not told to: coming back unchanged would not help. */
export class WeirError extends Error {
  /** The error's name in docs/errors.md; null where it was not the gateway who spoke. */
  readonly code: ErrorCode | null
  /** WebSocket close code, or the one that a refusal over HTTP stands for. */
  readonly close: number
  /** What to do, in words for people. */
  readonly advice: string
  /** When coming back may help, for what ends with time, such as a spent allowance; null where nothing is known. */
  readonly retryAfterMs: number | null
  /** Where to go on, as `from`; null where nothing has begun. */
  readonly cursor: string | null

  constructor(ending: Ending, cursor: string | null) {
    super(ending.reason)
    this.name = 'WeirError'
    this.code = ending.error
    this.close = ending.code
    this.retryAfterMs = ending.retryAfterMs
    this.cursor = cursor
    this.advice = adviceIn(ending)
  }
}

function adviceIn({ code, error, retryAfterMs }: Ending): string {
  if (code < 4400)
    return 'Get a new token, and go on from the cursor; give `token` as a function to have it done for you.'
  if (error === 'quota-exhausted' && retryAfterMs !== null)
    return `Come back in ${Math.ceil(retryAfterMs / 1000)} s, from the cursor, or take a larger plan.`
  return error === null ? 'Look at the address, and at what stands before the gateway.' : (ADVICE[error] ?? CHANGE)
}

const CHANGE = 'Change what is wrong before you come back; the message names it.'
const ADVICE: { readonly [code in ErrorCode]?: string } = {
  unauthenticated: 'Give a token of an issuer that the gateway accepts.',
  forbidden: 'The message says what is missing and whom to ask.',
  'no-such-stream': 'Look at /products with your token: what is not there is not visible to you.',
  retired: 'Its entry in /products names a successor, where there is one.',
  'cursor-invalid': 'Give cursors back letter by letter, to the stream that they came from; else start from a time.',
  'too-many-subscriptions': 'End another subscription first.',
}
