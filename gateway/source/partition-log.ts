import { type Record, weightOf } from '../stream/record.ts'
import { isUnresolved, type Slice } from '../stream/source.ts'

/** How much one partition keeps. What is past either limit is dropped from its start, oldest first. */
export interface Retention {
  /** Weight (`weightOf`) of the records that one partition keeps. The newest record is always kept. */
  readonly partitionBytesMax: number
  /** Age of a record by its own timestamp, ms. */
  readonly ageMsMax: number
}

/** What a segment holds at most: records that a search by time may have to walk, and bytes that dropped records still hold. */
const SEGMENT_RECORDS_MAX = 1024
const SEGMENT_BYTES_MAX = 1024 * 1024

interface Segment {
  readonly records: Record[]
  bytes: number
  /** Beside each record: the largest timestamp of the segment up to and with it. Ascending, so it can be searched. */
  readonly timeMax: number[]
}

/**
 * The log of one partition, in segments as Kafka keeps it: dropping the oldest records costs nothing per record, and
 * a search by time looks at one number per segment before it looks into one.
 */
export class PartitionLog {
  #segments: Segment[] = []
  /** Index of the first kept record in the first segment; the ones before it are dropped. */
  #head = 0
  #start = 0
  #end = 0
  #bytes = 0

  /** The first offset that can still be read. */
  get start(): number {
    return this.#start
  }

  /** The next offset to be written. */
  get end(): number {
    return this.#end
  }

  /** Takes the offset that `end` was; the caller made the record with it. */
  append(record: Record): void {
    const segment = this.#openSegment()
    const bytes = weightOf(record)
    segment.records.push(record)
    segment.timeMax.push(Math.max(record.time, segment.timeMax.at(-1) ?? Number.NEGATIVE_INFINITY))
    segment.bytes += bytes
    this.#bytes += bytes
    this.#end = record.offset + 1
  }

  #openSegment(): Segment {
    const last = this.#segments.at(-1)
    if (last !== undefined && last.records.length < SEGMENT_RECORDS_MAX && last.bytes < SEGMENT_BYTES_MAX) return last
    const fresh = { records: [], bytes: 0, timeMax: [] }
    this.#segments.push(fresh)
    return fresh
  }

  /** Moves the end over `count` offsets that hold no record: as transaction markers and compaction do in Kafka. */
  skip(count: number): void {
    this.#end += count
  }

  retain(retention: Retention, now: number): void {
    let first = this.#first()
    while (first !== undefined && this.#isPast(first, retention, now)) {
      this.#dropFirst(first)
      first = this.#first()
    }
  }

  deleteBefore(offset: number): void {
    const target = Math.min(offset, this.#end)
    let first = this.#first()
    while (first !== undefined && first.offset < target) {
      this.#dropFirst(first)
      first = this.#first()
    }
    this.#start = Math.max(this.#start, target)
  }

  /** The first record in offset order whose timestamp is at or after `time`, or the end: as Kafka's ListOffsets answers. */
  offsetOf(time: number): number {
    for (const [i, segment] of this.#segments.entries()) {
      if (segment.timeMax.at(-1)! < time) continue
      const found = i === 0 ? this.#walk(segment, time) : segment.records[firstAtLeast(segment.timeMax, time)]
      if (found !== undefined) return found.offset
    }
    return this.#end
  }

  /** Where to read on: an entry that is missing is the start, an unresolved one is found by its time. */
  positionOf(next: number | undefined): number {
    if (next === undefined) return this.#start
    return isUnresolved(next) ? this.offsetOf(-next) : next
  }

  /** What a fetch at `from` gives: up to `bytesMax` of records, but at least one where there is one. */
  read(partition: number, from: number, bytesMax: number): Slice {
    if (from > this.#end) return this.#truncated(partition, from)
    const begin = Math.max(from, this.#start)
    const records = this.#collect(begin, bytesMax)
    const last = records.at(-1)
    const more = last !== undefined && this.#hasBeyond(last.offset)
    const next = more ? last.offset + 1 : this.#end
    const slice: Slice = { partition, from: begin, records, next, end: this.#end }
    return begin === from ? slice : { ...slice, lost: { reason: 'retention', from, to: begin } }
  }

  #truncated(partition: number, from: number): Slice {
    const end = this.#end
    return { partition, from, records: [], next: end, end, lost: { reason: 'truncated', from, to: end } }
  }

  #collect(begin: number, bytesMax: number): Record[] {
    const records: Record[] = []
    let bytes = 0
    let s = this.#segmentOf(begin)
    let i = s < this.#segments.length ? firstOffsetAtLeast(this.#segments[s]!.records, begin) : 0
    for (; s < this.#segments.length; s++, i = 0) {
      const source = this.#segments[s]!.records
      for (; i < source.length; i++) {
        bytes += weightOf(source[i]!)
        if (bytes > bytesMax && records.length > 0) return records
        records.push(source[i]!)
      }
    }
    return records
  }

  /** The segment that holds the first record at or after `offset`, by halving. */
  #segmentOf(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.records.at(-1)!.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first segment's running maximum counts records that are dropped by now, so it is walked. */
  #walk(segment: Segment, time: number): Record | undefined {
    for (let i = this.#head; i < segment.records.length; i++) {
      if (segment.records[i]!.time >= time) return segment.records[i]
    }
    return undefined
  }

  #hasBeyond(offset: number): boolean {
    return this.#segments.at(-1)!.records.at(-1)!.offset > offset
  }

  #first(): Record | undefined {
    return this.#segments[0]?.records[this.#head]
  }

  #isPast(record: Record, retention: Retention, now: number): boolean {
    if (!this.#hasBeyond(record.offset)) return record.time < now - retention.ageMsMax
    return this.#bytes > retention.partitionBytesMax || record.time < now - retention.ageMsMax
  }

  #dropFirst(record: Record): void {
    this.#bytes -= weightOf(record)
    this.#head++
    if (this.#head === this.#segments[0]!.records.length) {
      this.#segments.shift()
      this.#head = 0
    }
    this.#start = record.offset + 1
  }
}

function firstAtLeast(ascending: readonly number[], value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

function firstOffsetAtLeast(records: readonly Record[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
