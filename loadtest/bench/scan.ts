import type { RecordableHistogram } from 'node:perf_hooks'
import { nowMicros } from './payload.ts'

const RECORD = '{"type":"record"'
const RECORD_BYTES = Buffer.from(RECORD)
const CLOSING_BRACE = 0x7d
const LINE_FEED = 0x0a
/** Within this a record's own count and time stand, behind the members of its frame. */
const HEAD_CHARS_MAX = 600

/** Counts records in bytes as they come from a socket, without parsing: no payload can hold this text, since its quotes would be escaped. */
export class RecordCounter {
  records = 0
  #seam = ''

  see(chunk: Buffer): void {
    if (this.#seam !== '') {
      const across = this.#seam + chunk.toString('latin1', 0, RECORD.length - 1)
      if (across.includes(RECORD)) this.records++
    }
    for (let at = chunk.indexOf(RECORD_BYTES); at >= 0; at = chunk.indexOf(RECORD_BYTES, at + RECORD.length)) {
      this.records++
    }
    const last = chunk[chunk.length - 1]
    // Neither character stands in what is looked for, so none of it can be cut off here.
    const whole = last === CLOSING_BRACE || last === LINE_FEED
    this.#seam = whole ? '' : (this.#seam + chunk.toString('latin1', Math.max(0, chunk.length - 15))).slice(-15)
  }
}

/**
 * Reads every record of its connection: offsets must ascend within a subscription (not between two of them), and how long it took goes into the histogram. That none is missing is known from their
 * number, since none comes twice.
 */
export class RecordReader {
  faults = 0
  readonly #latency: RecordableHistogram
  #rest = ''
  /** By view; all records of one without a view. */
  readonly #last = new Map<string, number>()

  constructor(latency: RecordableHistogram) {
    this.#latency = latency
  }

  see(chunk: Buffer): void {
    const text = this.#rest + chunk.toString('latin1')
    let at = text.indexOf(RECORD)
    for (; at >= 0; at = text.indexOf(RECORD, at + RECORD.length)) {
      const head = text.slice(at, at + HEAD_CHARS_MAX)
      const own = /"id":"0-(\d+)".*?"t":(\d+),/.exec(head)
      if (own === null) break
      this.#take(/"view":(\d+)/.exec(head)?.[1] ?? '', Number(own[1]), Number(own[2]))
    }
    this.#rest = at >= 0 ? text.slice(at) : text.slice(-(RECORD.length - 1))
  }

  #take(view: string, offset: number, dueMicros: number): void {
    if (offset <= (this.#last.get(view) ?? -1)) this.faults++
    this.#last.set(view, offset)
    this.#latency.record(Math.max(1, nowMicros() - dueMicros))
  }
}
