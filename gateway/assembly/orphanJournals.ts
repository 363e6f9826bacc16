import { readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Journal } from '../usage/journal.ts'
import type { Shipper } from '../usage/shipper.ts'

export interface Shipping {
  readonly journal: Pick<Journal, 'appended' | 'sent'>
  readonly shipper: Pick<Shipper, 'tick' | 'drain'>
}

interface OrphanOptions {
  /** Folder of the first worker's journal, in which those of the others are. */
  readonly folder: string
  /** Workers from this number on are no more. */
  readonly from: number
  /** Opens a worker's journal under a new boot, with nothing to be added. */
  readonly open: (worker: number) => Promise<Shipping>
  readonly clock: Clock
  readonly log: Log
}

const NAME = /^worker-([1-9]\d{0,8})$/
/** The process that has it may be about to end. */
const RETRY_MS = 5_000
const END_MS_MAX = 10_000

export function folderOfWorker(folder: string, worker: number): string {
  return join(folder, `worker-${worker}`)
}

/**
 * Journals of workers that were there at an earlier start and are not now: what they did not send is sent, under a boot that delivers
 * nothing and ends by the last watermark.
 */
export class OrphanJournals {
  readonly #options: OrphanOptions
  #waiting: number[]
  readonly #adopted = new Map<number, Shipping>()
  readonly #ending = new Map<number, Promise<void>>()
  #retryAt = Number.NEGATIVE_INFINITY
  #opening: Promise<void> | null = null
  #closed = false

  constructor(options: OrphanOptions) {
    this.#options = options
    this.#waiting = workersIn(options.folder).filter((worker) => worker >= options.from)
  }

  get unsentBytes(): number {
    return [...this.#adopted.values()].reduce((sum, { journal }) => sum + journal.appended - journal.sent, 0)
  }

  /** Call it every quarter of a second. */
  tick(): void {
    if (this.#closed) return
    for (const [worker, { journal, shipper }] of this.#adopted) {
      if (journal.sent < journal.appended) shipper.tick()
      else if (!this.#ending.has(worker)) this.#ending.set(worker, this.#end(worker, shipper, END_MS_MAX))
    }
    if (this.#waiting.length > 0 && this.#options.clock.monotonic() >= this.#retryAt) this.#opening ??= this.#open()
  }

  /** What is not sent after `msMax` stays for the next start. */
  async drain(msMax: number): Promise<void> {
    this.#closed = true
    await this.#opening
    const ends = [...this.#adopted].map(
      ([worker, { shipper }]) => this.#ending.get(worker) ?? this.#end(worker, shipper, msMax),
    )
    await Promise.all(ends)
  }

  async #open(): Promise<void> {
    const { clock, log, folder, open } = this.#options
    const waiting = this.#waiting
    this.#waiting = []
    for (const worker of waiting) {
      if (removed(folderOfWorker(folder, worker))) continue
      try {
        this.#adopted.set(worker, await open(worker))
        log.info({ event: 'usage-adopted', of: worker }, 'usage of a worker that is no more is sent')
      } catch (error) {
        log.warn({ event: 'usage-unadopted', of: worker, error }, 'usage of a worker that is no more waits')
        this.#waiting.push(worker)
      }
    }
    this.#retryAt = clock.monotonic() + RETRY_MS
    this.#opening = null
  }

  async #end(worker: number, shipper: Shipping['shipper'], msMax: number): Promise<void> {
    await shipper.drain(msMax)
    this.#adopted.delete(worker)
    this.#ending.delete(worker)
    if (!removed(folderOfWorker(this.#options.folder, worker))) this.#waiting.push(worker)
  }
}

function workersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Only where nothing is in it. */
function removed(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch {
    return false
  }
}
