import { NO_HEADERS, type Record } from '../../../gateway/stream/record.ts'
import type { At, Slice } from '../../../gateway/stream/source.ts'

/** A record and what names it in every log that it was copied to. */
export interface Written {
  readonly uid: number
  readonly record: Record
}

/** One partition, as Kafka keeps it, except that what retention dropped is still known to the test. */
export class ModelPartition {
  readonly written: Written[] = []
  start = 0
  end = 0
  /** Whether anybody can say where it stands. */
  led = true

  /** The first kept record at or after `time`, or the end: Kafka's ListOffsets. */
  offsetOf(time: number): number {
    const found = this.written.find(({ record }) => record.offset >= this.start && record.time >= time)
    return found?.record.offset ?? this.end
  }

  between(from: number, to: number): Written[] {
    return this.written.slice(this.#indexOf(from), this.#indexOf(to))
  }

  find(offset: number): Written | undefined {
    const found = this.written[this.#indexOf(offset)]
    return found?.record.offset === offset ? found : undefined
  }

  /** Loses what is at or after `to`, as an unclean election does. */
  truncate(to: number): void {
    this.written.splice(this.#indexOf(to))
    this.end = to
  }

  #truncated(partition: number, from: number): Slice {
    const { end } = this
    return { partition, from, records: [], next: end, end, lost: { reason: 'truncated', from, to: end } }
  }

  /** The first place at or after `offset`, by halving. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.written.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.written[middle] as Written).record.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  locate(at: At, now: number): number {
    // Nobody can say: unresolved since the time asked for.
    if (!this.led) return at === 'earliest' ? -1 : -Math.max(1, at === 'latest' ? now : at.time)
    if (at === 'earliest') return this.start
    return at === 'latest' ? this.end : this.offsetOf(at.time)
  }

  /** One fetch of at most `recordsMax`; `asked` undefined: from the start. */
  fetch(partition: number, asked: number | undefined, recordsMax: number): Slice {
    if (!this.led) return { partition, from: asked ?? 0, records: [], next: asked ?? 0, end: this.end }
    const resolved = asked === undefined ? this.start : asked < 0 ? this.offsetOf(-asked) : asked
    if (resolved > this.end) return this.#truncated(partition, resolved)
    const from = Math.max(resolved, this.start)
    const rest = this.between(from, Number.POSITIVE_INFINITY)
    const records = rest.slice(0, recordsMax).map(({ record }) => record)
    const last = records.at(-1)
    const next = rest.length > records.length ? (last ? last.offset + 1 : from) : this.end
    const slice = { partition, from, records, next, end: this.end }
    return from === resolved ? slice : { ...slice, lost: { reason: 'retention', from: resolved, to: from } }
  }
}

/** What a topic's name stands for, from one recreation to the next. */
export interface Incarnation {
  readonly epoch: number
  readonly partitions: ModelPartition[]
}

/** A topic through all its lives, shared by all nodes. */
export class ModelLog {
  readonly incarnations: Incarnation[]
  #uids = 0

  constructor(partitions: number) {
    this.incarnations = [{ epoch: 0, partitions: Array.from({ length: partitions }, () => new ModelPartition()) }]
  }

  get newest(): Incarnation {
    return this.incarnations.at(-1) as Incarnation
  }

  /** Bytes of the value that an id names. */
  sizeOf(id: string): number {
    const [, epoch = '0', partition, offset] = /^(?:(\d+)\.)?(\d+)-(\d+)$/.exec(id) ?? []
    const incarnation = this.incarnations[Number(epoch)]
    return incarnation?.partitions[Number(partition)]?.find(Number(offset))?.record.value?.byteLength ?? 0
  }

  append(partition: number, time: number, bytes: number): void {
    const uid = ++this.#uids
    const value = Buffer.from(JSON.stringify({ uid, parity: uid % 2, pad: 'x'.repeat(bytes) }))
    this.#write(this.newest.partitions[partition] as ModelPartition, partition, uid, time, value)
  }

  /** Another log under the name, with copies of what the old one still holds, from a place on. */
  recreate(skip: number): void {
    const old = this.newest
    const partitions = old.partitions.map((before, partition) => {
      const after = new ModelPartition()
      for (const { uid, record } of before.between(before.start, before.end).slice(skip))
        this.#write(after, partition, uid, record.time, record.value)
      return after
    })
    this.incarnations.push({ epoch: old.epoch + 1, partitions })
  }

  #write(to: ModelPartition, partition: number, uid: number, time: number, value: Uint8Array | null): void {
    to.written.push({ uid, record: { partition, offset: to.end, time, key: null, value, headers: NO_HEADERS } })
    to.end++
  }
}

export function uidOf(record: Record): number {
  return (JSON.parse(Buffer.from(record.value as Uint8Array).toString()) as { uid: number }).uid
}
