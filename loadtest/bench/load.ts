import { once } from 'node:events'
import {
  createHistogram,
  type EventLoopUtilityFunction,
  type EventLoopUtilization,
  type RecordableHistogram,
} from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { until } from '../../test/integration/support/until.ts'
import type { LoadCommand, LoadCounts, Request } from './loadWorker.ts'

const OPEN_MS_MAX = 60_000

interface LoadOptions {
  readonly threads?: number
  /** Every so many-th client reads its records and takes the time, the others count them; 0: all count. */
  readonly readEvery?: number
  /** Handshakes at a time, over all threads. */
  readonly atOnceMax?: number
}

/** The clients of a run: plain sockets in threads of their own, so that neither counting nor producing waits for the other. */
export class Load {
  readonly #workers: readonly Worker[]
  readonly #readEvery: number
  readonly #atOnceMax: number
  #looked: readonly EventLoopUtilization[]

  constructor({ threads = 2, readEvery = 25, atOnceMax = 400 }: LoadOptions = {}) {
    this.#workers = Array.from({ length: threads }, () => new Worker(new URL('./loadWorker.js', import.meta.url)))
    this.#readEvery = readEvery
    this.#atOnceMax = atOnceMax
    this.#looked = this.#utilizations()
  }

  /** Resolves when all are ready. */
  async open(port: number, requests: readonly Request[]): Promise<void> {
    const threads = this.#workers.length
    for (const [i, worker] of this.#workers.entries()) {
      const share = requests.filter((_, at) => at % threads === i)
      const atOnceMax = Math.max(1, Math.round(this.#atOnceMax / threads))
      worker.postMessage({
        open: { port, requests: share, readEvery: this.#readEvery, atOnceMax },
      } satisfies LoadCommand)
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
    const readyMicros = Math.max(...all.map((one) => one.readyMicros))
    return { ready: sum('ready'), readyMicros, records: sum('records'), faults: sum('faults'), closed: sum('closed') }
  }

  /** Since the last time, in microseconds. */
  async latency(): Promise<RecordableHistogram> {
    const all = createHistogram()
    for (const one of await this.#ask<RecordableHistogram>('latency')) if (one.count > 0) all.add(one)
    return all
  }

  /** How much of the time since it was asked last the busiest thread had something to do, in [0, 1]: near 1, it is the clients that are measured. */
  busy(): number {
    const before = this.#looked
    this.#looked = this.#utilizations()
    return Math.max(...this.#looked.map((now, i) => this.#ofWorker(i)(now, before[i]).utilization))
  }

  async close(): Promise<void> {
    await this.#ask('close')
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #utilizations(): readonly EventLoopUtilization[] {
    return this.#workers.map((_, i) => this.#ofWorker(i)())
  }

  #ofWorker(i: number): EventLoopUtilityFunction {
    const { performance } = this.#workers[i] as Worker
    return performance.eventLoopUtilization.bind(performance)
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
