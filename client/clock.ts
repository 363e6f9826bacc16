/** Time as an argument, so that tests own it. Nothing else in this folder reads a clock, sets a timer or makes a random number. */
export interface Clock {
  /** Wall clock, ms since 1970 UTC. */
  now(): number
  /** Monotonic, ms; only differences mean anything. */
  monotonic(): number
  after(ms: number, run: () => void): { cancel(): void }
}

/** Timers take no more: a longer one would run at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, TIMER_MS_MAX))
    return { cancel: () => clearTimeout(timer) }
  },
}

/** In [0, 1); for jitter, never for secrets. */
export const systemRandom = (): number => Math.random()

/** Resolves after so long, or as soon as the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(ms, done)
    signal.addEventListener('abort', done)
  })
}

/** What the promise brings, or null as soon as the signal is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(null)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
