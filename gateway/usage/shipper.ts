/**
 * Brings what was handed over from the meter to the sink, by way of the journal:
 *
 *   meter ──flush: every `flushMs`, at each UTC hour──► messages with ids ──► journal (kept over crashes) ──in order──► sink ──► acknowledged
 *
 * A message gets its id before it is written, and keeps it. Where the journal or the sink is more than two flushes behind, delivery
 * is halted: what could not be billed is not handed over.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Handed } from '../stream/handed.ts'
import { encodeMessage, encodeTallies, type Envelope } from './codec.ts'
import { endingOf } from './ending.ts'
import { HOUR_MS, nextHourAfter } from './hour.ts'
import type { NodeIdentity } from './identity.ts'
import type { Journal } from './journal.ts'
import type { MeterTime } from './meterTime.ts'
import type { Sink } from './sink.ts'
import { cutTallies, talliesOf } from './tallies.ts'
import type { MessageId } from './tally.ts'

export interface ShipperOptions {
  readonly clock: Clock
  readonly meterTime: MeterTime
  readonly identity: NodeIdentity & { readonly worker: number }
  readonly journal: Journal
  readonly sink: Sink
  readonly flushMs: number
  /** What was handed over since the last time. */
  readonly drain: () => readonly Handed[]
  /** Told when it falls behind, and when it has caught up. */
  readonly lagging: (lagging: boolean) => void
  readonly log: Log
}

export interface ShipperCounts {
  flushes: number
  messages: number
  /** Sends that failed. */
  failures: number
}

/** Texts of tallies in one message, bytes. */
const MESSAGE_BYTES_MAX = 512 * 1024
const SEND_BYTES_MAX = 1024 * 1024
/** A quiet process says so that often. */
const WATERMARK_MS = 10_000
const RETRY_MS_MIN = 250
const RETRY_MS_MAX = 5_000
/** Flushes that the sink may be behind. */
const LAG_FLUSHES_MAX = 2

export class Shipper {
  readonly counts: ShipperCounts = { flushes: 0, messages: 0, failures: 0 }
  readonly #options: ShipperOptions
  #seq = 0
  /** Meter time up to which everything stands in messages. */
  #from: number
  #flushedAt: number
  #watermarkAt = Number.NEGATIVE_INFINITY
  /** The last watermark. */
  #toldUntil = 0
  /** What the journal did not take: with its ids, so it has to go before anything else. */
  #unkept: readonly Envelope[] = []
  /** Ends of flushes in the journal that the sink does not have, and when they were written. */
  readonly #marks: { readonly end: number; readonly at: number }[] = []
  #lagging = false
  #sending: Promise<void> | null = null
  #retryAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #draining = false
  #closed = false

  constructor(options: ShipperOptions) {
    this.#options = options
    const { clock, meterTime, journal } = options
    this.#from = meterTime.now()
    this.#flushedAt = clock.monotonic()
    // What an earlier boot left is owed as well.
    if (journal.appended > journal.sent) this.#marks.push({ end: journal.appended, at: this.#flushedAt })
    this.#keep([...endingOf(journal.left, this.#from), this.#watermark(this.#from, false)])
  }

  get boot(): NodeIdentity & { readonly worker: number } {
    return this.#options.identity
  }

  /** Meter time: all that was handed over before the last flush stands in messages that end here. */
  get toldUntil(): number {
    return this.#toldUntil
  }

  /** Monotonic ms at which the UTC hour ends: from then on `flush` is due before anything is handed over. */
  get nextEdge(): number {
    return this.#options.meterTime.monotonicAt(nextHourAfter(this.#from))
  }

  /** Call it every quarter of a second. */
  tick(): void {
    // Nothing comes behind the final watermark.
    if (this.#draining) return
    const { clock, flushMs, journal } = this.#options
    const now = clock.monotonic()
    if (now - this.#flushedAt >= flushMs) this.flush()
    else if (this.#unkept.length > 0) this.#keep([])
    while (this.#marks[0] && this.#marks[0].end <= journal.sent) this.#marks.shift()
    this.#judge(now)
    this.#send()
  }

  /** Writes down what was handed over, at once. */
  flush(final = false): void {
    const { clock, meterTime, drain } = this.#options
    this.#flushedAt = clock.monotonic()
    this.counts.flushes++
    const now = Math.max(this.#from, meterTime.now())
    // Whoever flushes late still flushes what was handed over before the hour was over.
    const to = Math.min(now, nextHourAfter(this.#from) - 1)
    const tallies = talliesOf(drain(), to)
    const envelopes = cutTallies(tallies, MESSAGE_BYTES_MAX).map((texts) =>
      encodeTallies({ kind: 'tallies', id: this.#nextId(), from: this.#from, to }, texts),
    )
    this.#from = to < now ? Math.floor(now / HOUR_MS) * HOUR_MS : now
    const due = this.#flushedAt - this.#watermarkAt >= WATERMARK_MS
    if (final || due || envelopes.length > 0) envelopes.push(this.#watermark(this.#from, final))
    this.#keep(envelopes)
  }

  /** The last flush; resolves when the sink has everything, or after `msMax`: the journal then keeps the rest for the next start. */
  async drain(msMax: number): Promise<void> {
    const { clock, journal, sink, log } = this.#options
    this.#draining = true
    this.flush(true)
    const until = clock.monotonic() + msMax
    while (clock.monotonic() < until && (journal.sent < journal.appended || this.#unkept.length > 0)) {
      this.#keep([])
      this.#send()
      await Promise.race([this.#sending, new Promise<void>((resolve) => void clock.after(RETRY_MS_MIN, resolve))])
    }
    this.#closed = true
    const left = journal.appended - journal.sent
    if (left > 0) log.warn({ event: 'usage-kept', bytes: left }, 'usage waits in the journal for the next start')
    await Promise.race([this.#sending, new Promise<void>((resolve) => void clock.after(RETRY_MS_MIN, resolve))])
    await journal.close()
    await sink.close()
  }

  #nextId(): MessageId {
    const { node, worker, boot } = this.#options.identity
    return { node, worker, boot, shard: 0, seq: ++this.#seq }
  }

  #watermark(before: number, final: boolean): Envelope {
    this.#watermarkAt = this.#options.clock.monotonic()
    this.#toldUntil = before
    return encodeMessage({ kind: 'watermark', id: this.#nextId(), before, final })
  }

  #keep(envelopes: readonly Envelope[]): void {
    const { clock, journal } = this.#options
    const all = [...this.#unkept, ...envelopes]
    if (all.length === 0) return
    const kept = journal.append(all) === 'kept' ? all.length : this.#keepSome(all)
    this.#unkept = all.slice(kept)
    if (kept === 0) return
    this.counts.messages += kept
    this.#marks.push({ end: journal.appended, at: clock.monotonic() })
    this.#send()
  }

  /** As many as there is room for, the first ones: all of them together may be more than the journal ever holds. */
  #keepSome(envelopes: readonly Envelope[]): number {
    if (envelopes.length === 1) return 0
    const refused = envelopes.findIndex((envelope) => this.#options.journal.append([envelope]) !== 'kept')
    return refused === -1 ? envelopes.length : refused
  }

  #judge(now: number): void {
    const { flushMs, lagging, log } = this.#options
    const oldest = this.#marks[0]
    const behind = oldest !== undefined && now - oldest.at > LAG_FLUSHES_MAX * flushMs
    const is = this.#unkept.length > 0 || behind
    if (is === this.#lagging) return
    this.#lagging = is
    if (is) log.error({ event: 'metering-behind' }, 'usage cannot be recorded: delivery is halted until it can')
    else log.info({ event: 'metering-back' }, 'usage is recorded again')
    lagging(is)
  }

  #send(): void {
    const { clock } = this.#options
    if (this.#closed || this.#sending !== null || clock.monotonic() < this.#retryAt) return
    this.#sending = this.#sendAll().finally(() => (this.#sending = null))
  }

  async #sendAll(): Promise<void> {
    const { clock, journal, sink, log } = this.#options
    try {
      while (!this.#closed) {
        const batch = await journal.read(SEND_BYTES_MAX)
        if (batch === null) return
        await sink.send(batch.envelopes)
        journal.acknowledge(batch)
        if (this.#failures > 0) log.info({ event: 'usage-sent' }, 'usage reaches the ledger again')
        this.#failures = 0
      }
    } catch (error) {
      this.counts.failures++
      if (this.#failures === 0)
        log.warn({ event: 'usage-unsent', error }, 'usage cannot be sent; it waits in the journal')
      this.#retryAt = clock.monotonic() + Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures++, 10))
    }
  }
}
