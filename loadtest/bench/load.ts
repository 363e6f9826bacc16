import { once } from 'node:events'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { until } from '../../test/integration/support/until.ts'
import type { LoadCommand, LoadCounts, Request } from './loadWorker.ts'

const READ_EVERY = 25
const OPEN_MS_MAX = 60_000

/** The clients of a run: plain sockets in threads of their own, so that neither counting nor producing waits for the other. */
export class Load {
  readonly #workers: readonly Worker[]

  constructor(threads = 2) {
    this.#workers = Array.from({ length: threads }, () => new Worker(new URL('./loadWorker.js', import.meta.url)))
  }

  async open(port: number, requests: readonly Request[]): Promise<void> {
    for (const [i, worker] of this.#workers.entries()) {
      const share = requests.filter((_, at) => at % this.#workers.length === i)
      worker.postMessage({ open: { port, requests: share, readEvery: READ_EVERY } } satisfies LoadCommand)
    }
    let seen = 0
    await until(
      () => `${requests.length} clients to be ready, there are ${seen}`,
      async () => (seen = (await this.counts()).ready) === requests.length || null,
      OPEN_MS_MAX,
    )
  }

  async counts(): Promise<LoadCounts> {
    const all = await this.#ask<LoadCounts>('count')
    const sum = (of: keyof LoadCounts): number => all.reduce((total, one) => total + one[of], 0)
    return { ready: sum('ready'), records: sum('records'), faults: sum('faults'), closed: sum('closed') }
  }

  /** Since the last time, in microseconds. */
  async latency(): Promise<RecordableHistogram> {
    const all = createHistogram()
    for (const one of await this.#ask<RecordableHistogram>('latency')) if (one.count > 0) all.add(one)
    return all
  }

  async close(): Promise<void> {
    await this.#ask('close')
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #ask<T>(command: LoadCommand): Promise<readonly T[]> {
    return Promise.all(
      this.#workers.map(async (worker) => {
        worker.postMessage(command)
        const [answer] = (await once(worker, 'message')) as [T]
        return answer
      }),
    )
  }
}
