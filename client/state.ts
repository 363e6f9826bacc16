import type { ErrorCode } from './codes.ts'
import type { WeirError } from './error.ts'

/** What a stream is about, for lamps and logs; `onState` is told of each change. */
export type State =
  | { readonly state: 'connecting' }
  | {
      readonly state: 'open'
      /** Where it stands. */
      readonly cursor: string | null
      /** What the gateway tells over WebSocket. */
      readonly consumer: string | null
      readonly expiresAt: string | null
      readonly plan: string | null
    }
  | {
      readonly state: 'paused'
      /** ISO 8601; null where nobody knows. */
      readonly until: string | null
      readonly reason: string
    }
  | {
      /** For the next attempt. */
      readonly state: 'waiting'
      readonly ms: number
      readonly reason: string
      /** Close code, or the one that a refusal over HTTP stands for; 1006 where the network failed. */
      readonly code: number
      /** The error's name in docs/errors.md, where the gateway gave one. */
      readonly error: ErrorCode | null
      /** False: no connection came about. */
      readonly reached: boolean
    }
  | {
      readonly state: 'ended'
      /** Null where it was told to end. */
      readonly error: WeirError | null
    }
