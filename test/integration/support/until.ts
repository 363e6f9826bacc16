import { setTimeout as later } from 'node:timers/promises'

/** Waits until the condition holds and answers what it said; fails with `what` when it does not in time. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T | Promise<T>,
  msMax = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + msMax
  for (;;) {
    const answer = await condition()
    if (answer !== null && answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) {
      throw new Error(`not within ${msMax} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await later(5)
  }
}
