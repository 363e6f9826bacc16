import type { ModeCounts } from '../../../gateway/stream/modes.ts'

/** What happened in all runs together, so that a test cannot pass because nothing did. */
export interface Tally {
  worlds: number
  records: number
  /** Records handed over, as the meter said, each connection by itself; pools that had to refuse. */
  metered: number
  refusals: number
  readonly gaps: { retention: number; reset: number; horizon: number }
  /** Where subscriptions stood when they began, compared with their node's tail. */
  readonly entries: { log: number; ring: number; tail: number; ahead: number; reset: number }
  readonly off: { socket: number; quota: number; pause: number; replay: number }
  readonly on: { start: number; socket: number; quota: number; pause: number; replay: number }
  /** What became of the ring under those who rode. */
  readonly left: { reset: number; cut: number; evicted: number; other: number }
}

export function newTally(): Tally {
  return {
    worlds: 0,
    records: 0,
    metered: 0,
    refusals: 0,
    gaps: { retention: 0, reset: 0, horizon: 0 },
    entries: { log: 0, ring: 0, tail: 0, ahead: 0, reset: 0 },
    off: { socket: 0, quota: 0, pause: 0, replay: 0 },
    on: { start: 0, socket: 0, quota: 0, pause: 0, replay: 0 },
    left: { reset: 0, cut: 0, evicted: 0, other: 0 },
  }
}

export function addCounts(tally: Tally, { off, on }: ModeCounts): void {
  for (const why of ['socket', 'quota', 'pause', 'replay'] as const) {
    tally.off[why] += off[why]
    tally.on[why] += on[why]
  }
  tally.on.start += on.start
}
