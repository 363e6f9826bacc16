import type { Clock, Timer } from '../../clock.ts'
import { KafkaError } from './errors.ts'

/**
 * The first answer of several attempts, each begun when the one before failed or has taken `staggerMs`: a frozen broker
 * costs that long, not its whole deadline. Throws `KafkaError` where all fail: `denied` if any was.
 */
export function firstAnswer<T>(attempts: readonly (() => Promise<T>)[], staggerMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const errors: unknown[] = []
    let begun = 0
    let timer: Timer | null = null
    const hear = async (attempt: () => Promise<T>): Promise<void> => {
      let answer: T
      try {
        answer = await attempt()
      } catch (error) {
        errors.push(error)
        return errors.length === attempts.length ? reject(allFailed(errors)) : begin()
      }
      begun = attempts.length
      timer?.cancel()
      resolve(answer)
    }
    const begin = (): void => {
      timer?.cancel()
      const attempt = attempts[begun]
      if (attempt === undefined) return
      begun++
      if (begun < attempts.length) timer = clock.after(staggerMs, begin)
      void hear(attempt)
    }
    begin()
  })
}

function allFailed(errors: readonly unknown[]): KafkaError {
  const denied = errors.some((error) => error instanceof KafkaError && error.kind === 'denied')
  const texts = errors.map((error) => (error instanceof Error ? error.message : String(error)))
  const message = [...new Set(texts)].join('; ')
  return new KafkaError(denied ? 'denied' : 'gone', message, { cause: new AggregateError(errors) })
}
