import type { Ending } from './ending.ts'

/** What to do after a connection has ended. */
export type Advice =
  | { readonly next: 'reconnect'; readonly ms: number }
  | { readonly next: 'new-token'; readonly ms: number }
  | { readonly next: 'stop' }

const BACKOFF_MS = 500
const BACKOFF_MS_MAX = 30_000
/** A drained node's clients come back spread over this time. */
const SPREAD_MS = 1_000

/**
 * The range of the code decides (docs/protocol.md, "Errors and close codes"), and whatever is none of Weir's codes is a network
 * that failed. `failures` counts the connections before this one, in a row, that brought nothing.
 */
export function adviceFor({ code, retryAfterMs }: Ending, failures: number, random: () => number): Advice {
  if (code >= 4400 && code <= 4599) return { next: 'stop' }
  const asked = retryAfterMs === null ? null : retryAfterMs + random() * SPREAD_MS
  if (code >= 4200 && code <= 4399) {
    return { next: 'new-token', ms: asked ?? (failures === 0 ? 0 : backoffMs(failures, random)) }
  }
  const atOnce = comesBackAtOnce(code) && failures === 0
  return { next: 'reconnect', ms: asked ?? (atOnce ? random() * SPREAD_MS : backoffMs(failures, random)) }
}

/** 4000, 4001 and 4003 end a connection, not the service: `retry` is `now`. */
function comesBackAtOnce(code: number): boolean {
  return code === 4000 || code === 4001 || code === 4003
}

/** At least half of the step is waited, so that a gateway that refuses at once is not asked without pause. */
function backoffMs(failures: number, random: () => number): number {
  const step = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** failures)
  return (step / 2) * (1 + random())
}
