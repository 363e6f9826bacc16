import type { Clock } from '../clock.ts'

/** The time by which deliveries are dated, ms since 1970. It never runs back, and no jump of the machine's wall clock moves it. */
export interface MeterTime {
  now(): number
  /** Monotonic ms at which it will be `time`. */
  monotonicAt(time: number): number
  /** What an outside clock said (Redis, a broker), asked for at `asked` (monotonic) and answered now. */
  set(time: number, asked: number): void
}

/** It moves towards the outside clock by at most this part of the time that passes. */
const SLEW = 0.05
/** An answer that took longer says too little. */
const ASKED_MS_MAX = 2_000

/** Begins with the wall clock, and goes on by the monotonic one. */
export function createMeterTime(clock: Pick<Clock, 'now' | 'monotonic'>): MeterTime {
  let base = clock.now()
  let since = clock.monotonic()
  /** What is still to be made up, ms. */
  let owed = 0
  let set = false
  const advance = (): number => {
    const monotonic = clock.monotonic()
    const passed = monotonic - since
    const slewed = Math.sign(owed) * Math.min(Math.abs(owed), passed * SLEW)
    owed -= slewed
    base += passed + slewed
    since = monotonic
    return base
  }
  return {
    now: () => Math.floor(advance()),
    monotonicAt: (time) => since + (time - base),
    set(time, asked) {
      const monotonic = clock.monotonic()
      if (monotonic - asked > ASKED_MS_MAX) return
      const outside = time + (monotonic - asked) / 2
      const ahead = outside - advance()
      // The first word counts at once, forwards; later ones, and steps back, are made up little by little.
      if (!set && ahead > 0) base += ahead
      else owed = ahead
      set = true
    },
  }
}
