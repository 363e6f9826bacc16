import type { Clock, Timer } from '../../clock.ts'

/** What asking several brokers at once came to; who had not answered in time stands in neither. */
export interface Gathered<K, T> {
  readonly values: ReadonlyMap<K, T>
  readonly errors: ReadonlyMap<K, unknown>
}

/**
 * Waits for all tasks, but after each value no longer than `patienceMs` then says: a broker that is slow or frozen
 * delays its own partitions alone. The late ones go on, heard by nobody. Throws the signal's reason.
 */
export function gather<K, T>(
  tasks: ReadonlyMap<K, Promise<T>>,
  patienceMs: (values: ReadonlyMap<K, T>) => number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Gathered<K, T>> {
  return new Promise((resolve, reject) => {
    const values = new Map<K, T>()
    const errors = new Map<K, unknown>()
    let timer: Timer | null = null
    const end = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
      resolve({ values: new Map(values), errors: new Map(errors) })
    }
    const onAbort = (): void => {
      timer?.cancel()
      reject(signal?.reason as Error)
    }
    const check = (): void => {
      if (values.size + errors.size === tasks.size) return end()
      const ms = patienceMs(values)
      timer?.cancel()
      timer = Number.isFinite(ms) ? clock.after(ms, end) : null
    }
    const hear = async (key: K, task: Promise<T>): Promise<void> => {
      try {
        values.set(key, await task)
      } catch (error) {
        errors.set(key, error)
      }
      check()
    }
    for (const [key, task] of tasks) void hear(key, task)
    if (tasks.size === 0) end()
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
