import type { ModeCounts } from '../../../gateway/stream/subscription.ts'

/** What happened in all runs together, so that a test cannot pass because nothing did. */
export interface Tally {
  worlds: number
  records: number
  readonly gaps: { retention: number; reset: number; horizon: number }
  /** Where subscriptions stood when they began, compared with their node's tail. */
  readonly entries: { log: number; ring: number; tail: number; ahead: number; reset: number }
  readonly off: { socket: number; pause: number; replay: number }
  readonly on: { start: number; socket: number; pause: number; replay: number }
  /** What became of the ring under those who rode. */
  readonly left: { reset: number; cut: number; evicted: number; other: number }
}

export function newTally(): Tally {
  return {
    worlds: 0,
    records: 0,
    gaps: { retention: 0, reset: 0, horizon: 0 },
    entries: { log: 0, ring: 0, tail: 0, ahead: 0, reset: 0 },
    off: { socket: 0, pause: 0, replay: 0 },
    on: { start: 0, socket: 0, pause: 0, replay: 0 },
    left: { reset: 0, cut: 0, evicted: 0, other: 0 },
  }
}

export function addCounts(tally: Tally, { off, on }: ModeCounts): void {
  for (const why of ['socket', 'pause', 'replay'] as const) {
    tally.off[why] += off[why]
    tally.on[why] += on[why]
  }
  tally.on.start += on.start
}
