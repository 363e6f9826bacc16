import { sleep, type Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Record } from '../stream/record.ts'
import type { Following, Slice, Source } from '../stream/source.ts'
import type { UsageMessage } from '../usage/tally.ts'
import type { DeadLetter, Ledger } from './ledger.ts'
import { unsound } from './soundness.ts'

export interface IntakeParts {
  readonly source: Source
  readonly topic: string
  readonly ledger: Pick<Ledger, 'ingest' | 'consumed'>
  /** The message, or in words why the record is none. */
  readonly decode: (record: Record) => UsageMessage | string
  readonly clock: Clock
  readonly log: Log
}

/** Messages in one transaction, and records waiting before fetching rests. */
const BATCH_MESSAGES_MAX = 100
const WAITING_RECORDS_MAX = 2_000
const RETRY_MS = 1_000

/**
 * Takes the usage topic into the ledger, from where the ledger says that it was consumed up to. Without a consumer group: the offset is
 * kept in the transaction that counts, so each message counts once, whoever dies. Of several intakes each record is taken by the one
 * that comes first; the others see that and pass over it.
 *
 *   locate ─► follow from what is stored ─► batch ─► taken: go on
 *      ▲                                       └──► stored is ahead: skip up to it · stored is behind: ┐
 *      └───────────────────────── the log is another one, the place was set back ◄──────────────────────┘
 */
export class UsageIntake {
  readonly #parts: IntakeParts
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#running = this.#run()
  }

  /** Resolves once the batch under way is kept. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, log, topic } = this.#parts
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow()
      } catch (error) {
        if (this.#stop.signal.aborted) return
        log.warn({ topic, error }, 'usage cannot be taken into the ledger now')
        await sleep(clock, RETRY_MS, this.#stop.signal).catch(() => undefined)
      }
    }
  }

  /** Until the log is another one or the place was set back; throws what went wrong. */
  async #follow(): Promise<void> {
    const { source, topic, ledger } = this.#parts
    const { vector, log, epoch } = await source.locate(topic, 'earliest', this.#stop.signal)
    const name = log === 0 ? topic : `${topic}@${log}`
    const stored = await ledger.consumed(name)
    const next = vector.map((_, partition) => stored.get(partition) ?? 0)
    const inbox = new Inbox(this.#stop.signal)
    const sink = {
      slices: (slices: readonly Slice[]) => inbox.put(slices),
      changed: () => inbox.end(),
      down: (error: Error) => this.#parts.log.warn({ topic, error }, 'the usage topic cannot be read'),
      up: () => this.#parts.log.info({ topic }, 'the usage topic is read again'),
    }
    inbox.following = source.follow(topic, next, sink, epoch)
    try {
      for (let slice = await inbox.take(); slice !== null; slice = await inbox.take()) {
        if (!(await this.#takeIn(name, slice, next))) return
      }
    } finally {
      inbox.following.close()
    }
  }

  /** False where the stored place lies behind ours: the slices between were never counted. */
  async #takeIn(topic: string, slice: Slice, next: number[]): Promise<boolean> {
    const { partition } = slice
    for (let from = 0; from === 0 || from < slice.records.length; from += BATCH_MESSAGES_MAX) {
      const records = slice.records.slice(from, from + BATCH_MESSAGES_MAX)
      const isLast = from + BATCH_MESSAGES_MAX >= slice.records.length
      const end = isLast ? slice.next : (records.at(-1) as Record).offset + 1
      const reached = await this.#takeBatch(topic, partition, records, next[partition] ?? 0, end)
      if (reached === null) return false
      next[partition] = reached
    }
    return true
  }

  /** The place reached, by us or by others; null where it was set back. */
  async #takeBatch(
    topic: string,
    partition: number,
    records: readonly Record[],
    from: number,
    end: number,
  ): Promise<number | null> {
    if (end <= from) return from
    const { messages, deadLetters } = this.#decode(records.filter((record) => record.offset >= from))
    const place = { topic, partition, from, next: end }
    const answer = await this.#parts.ledger.ingest({ messages, place, deadLetters })
    if (answer.taken) return end
    return answer.next < from ? null : this.#takeBatch(topic, partition, records, answer.next, end)
  }

  #decode(records: readonly Record[]): { messages: UsageMessage[]; deadLetters: DeadLetter[] } {
    const messages: UsageMessage[] = []
    const deadLetters: DeadLetter[] = []
    for (const record of records) {
      const message = this.#parts.decode(record)
      const reason = typeof message === 'string' ? message : unsound(message)
      if (typeof message !== 'string' && reason === null) messages.push(message)
      else deadLetters.push({ partition: record.partition, offset: record.offset, reason: reason ?? '' })
    }
    return { messages, deadLetters }
  }
}

/** Slices between the source, which hands them over when it likes, and the ledger, which takes one after the other. */
class Inbox {
  following: Following | null = null
  readonly #slices: Slice[] = []
  #records = 0
  #ended = false
  #wake: () => void = () => undefined

  constructor(stop: AbortSignal) {
    // It may have come while the topic was asked for; then no event tells of it any more.
    if (stop.aborted) this.end()
    stop.addEventListener('abort', () => this.end(), { once: true })
  }

  put(slices: readonly Slice[]): void {
    for (const slice of slices) {
      this.#slices.push(slice)
      this.#records += slice.records.length
    }
    if (this.#records > WAITING_RECORDS_MAX) this.following?.pause()
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Null at the end; what still waits is then read again by whoever comes next. */
  async take(): Promise<Slice | null> {
    while (this.#slices.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#ended) return null
    const slice = this.#slices.shift() as Slice
    this.#records -= slice.records.length
    if (this.#records <= WAITING_RECORDS_MAX / 2) this.following?.resume()
    return slice
  }
}
