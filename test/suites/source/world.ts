import assert from 'node:assert/strict'
import type { Header, Record } from '../../../gateway/stream/record.ts'
import { isUnresolved, type Slice, type Source, type Vector } from '../../../gateway/stream/source.ts'

/** What a test writes. */
export interface Written {
  readonly partition: number
  readonly key?: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly Header[]
  readonly time?: number
}

/** A log with a source in front of it. Topics are each test's own. */
export interface SourceWorld {
  readonly source: Source
  createTopic(partitions: number): Promise<string>
  /** The offsets of the records, in their order; acknowledged, so readable. */
  append(topic: string, records: readonly Written[]): Promise<number[]>
  /** Moves the end of the partition over some offsets that no reader may see a record of. */
  hole(topic: string, partition: number): Promise<void>
  /** Raises the log's start, as retention does. */
  deleteBefore(topic: string, partition: number, offset: number): Promise<void>
  addPartitions(topic: string, total: number): Promise<void>
  /** Deletes the topic and makes another one under its name; whole when it resolves. */
  recreate(topic: string, partitions: number): Promise<void>
  close(): Promise<void>
}

/** What the parts of the suite are given; the world is there once tests run. */
export interface SourceTests {
  readonly world: SourceWorld
}

export const MIB = 1024 * 1024
/** The time of the first record; of any age by now. */
export const T0 = Date.parse('2026-11-01T00:00:00Z')
export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const plain = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

/** Records `first`, `first + 1`, … of a partition, a millisecond apart, each with its own value. */
export function numbered(partition: number, count: number, first = 0): Written[] {
  return Array.from({ length: count }, (_, i) => ({
    partition,
    value: text(`${partition}:${first + i}`),
    time: T0 + first + i,
  }))
}

/** Reads until every partition is at its end, as a replay does. */
export async function readAll(
  source: Source,
  topic: string,
  from: Vector,
  bytesMax: number,
): Promise<{ records: Record[]; next: number[]; slices: Slice[] }> {
  const next = [...from]
  const records: Record[] = []
  const all: Slice[] = []
  for (let turns = 0; turns < 10_000; turns++) {
    const slices = await source.read(topic, next, bytesMax)
    for (const slice of slices) {
      assert.ok(
        slice.lost !== undefined || isUnresolved(next[slice.partition]!) || slice.from === next[slice.partition],
      )
      next[slice.partition] = slice.next
      records.push(...slice.records)
    }
    all.push(...slices)
    if (slices.length === next.length && slices.every((slice) => slice.next >= slice.end))
      return { records, next, slices: all }
  }
  throw new Error('the walk never reached the end')
}
