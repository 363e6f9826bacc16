/**
 * Time as an argument. Nothing outside this file, `config.ts` and `main.ts` reads the clock or sets a timer
 * (`test/house.test.ts` checks it), so every test owns its time.
 */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall clock, ms since 1970 UTC. */
  now(): number
  /** Monotonic, ms; only differences mean anything. */
  monotonic(): number
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
  /** Runs in the next turn of the event loop, after I/O. */
  soon(run: () => void): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    return { cancel: () => clearInterval(timer) }
  },
  soon: (run) => void setImmediate(run),
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** For long work in slices: asked between two, gives the others a turn of the event loop once ours has lasted `turnMsMax`. */
export function turns(clock: Clock, turnMsMax: number): () => Promise<void> {
  let began = clock.monotonic()
  return async () => {
    if (clock.monotonic() - began < turnMsMax) return
    await new Promise<void>((resolve) => clock.soon(resolve))
    began = clock.monotonic()
  }
}

const DURATION = /^P(?!$)(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

/** Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds (no months or years: they have no one length); null where it is none. */
export function durationMs(text: string): number | null {
  const parts = DURATION.exec(text)
  if (!parts) return null
  const [w, d, h, m, s] = parts.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number, number]
  return Math.round(((w * 7 + d) * 24 * 3600 + h * 3600 + m * 60 + s) * 1000)
}

const UNITS: readonly (readonly [unitMs: number, prefix: string, suffix: string])[] = [
  [86_400_000, 'P', 'D'],
  [3_600_000, 'PT', 'H'],
  [60_000, 'PT', 'M'],
]

/** The shortest ISO 8601 duration in one unit, days at most: `P1D`, `PT15M`, `PT90S`. */
export function isoDuration(ms: number): string {
  for (const [unitMs, prefix, suffix] of UNITS) if (ms % unitMs === 0) return `${prefix}${ms / unitMs}${suffix}`
  return `PT${ms / 1000}S`
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

/** Milliseconds since 1970 of an ISO 8601 time with a zone; null where it is none. */
export function instantMs(text: string): number | null {
  if (!INSTANT.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}

/** In [0, 1); for jitter and names, never for secrets. */
export const systemRandom = (): number => Math.random()
