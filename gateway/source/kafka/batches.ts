import { COMPRESSION, unpack } from '../../drivers/kafka/codecs.ts'
import type { AbortedTransaction } from '../../drivers/kafka/fetch.ts'
import type { Record } from '../../stream/record.ts'
import { readRecords } from './records.ts'

/** What one partition's fetched bytes hold for a reader. */
export interface Decoded {
  /** In offset order, from the fetch offset on; nothing aborted, no markers. */
  readonly records: Record[]
  /** Beyond the last whole batch, whatever was in it: markers, aborted records and compacted holes are behind it. */
  readonly next: number
  /** Of the last whole batch: under which leader it was written; `null` where there is none. */
  readonly leaderEpoch: number | null
}

/** A record batch's head (KIP-98), as far as reading needs it. */
export interface BatchHead {
  readonly baseOffset: number
  readonly leaderEpoch: number
  readonly attributes: number
  readonly lastOffset: number
  readonly baseTime: number
  readonly maxTime: number
  readonly producerId: bigint
  readonly count: number
  /** Where in the fetched bytes its records begin and end. */
  readonly begin: number
  readonly end: number
}

const HEAD_BYTES = 61
/** `baseOffset` and the length itself stand before what the length counts. */
const LENGTH_END = 12
const MAGIC_AT = 16
const MAGIC = 2
const COMPRESSION_MASK = 0x07
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** Whose memory records are in: they have theirs, and pin nothing of what was fetched; or they share it, and it lives as long as they do. */
export type RecordMemory = 'own' | 'fetched'

/** Throws where the bytes are damaged or in a format that Kafka left in 2017. */
export async function decodeBatches(
  partition: number,
  from: number,
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
  memory: RecordMemory,
): Promise<Decoded> {
  const heads = headsOf(bytes)
  const readable = withoutAborted(heads, bytes, aborted).filter((head) => head.lastOffset >= from && head.count > 0)
  const copy = memory === 'own' ? Buffer.allocUnsafeSlow(plainBytes(readable)) : null
  const records: Record[] = []
  let at = 0
  for (const head of readable) {
    const compression = head.attributes & COMPRESSION_MASK
    const packed = bytes.subarray(head.begin, head.end)
    if (compression !== COMPRESSION.none) {
      readRecords(partition, from, head, await unpack(compression, packed), records)
    } else if (copy === null) {
      readRecords(partition, from, head, packed, records)
    } else {
      const end = at + packed.copy(copy, at)
      readRecords(partition, from, head, copy.subarray(at, end), records)
      at = end
    }
  }
  const last = heads.at(-1)
  const next = Math.max(from, (last?.lastOffset ?? from - 1) + 1)
  return { records, next, leaderEpoch: last?.leaderEpoch ?? null }
}

/** The whole batches; the last one is cut off where the answer had no room for it. */
function headsOf(bytes: Buffer): BatchHead[] {
  const heads: BatchHead[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const magic = bytes.readInt8(at + MAGIC_AT)
    if (magic !== MAGIC) {
      throw new Error(
        `the log holds messages of format v${magic}, from before Kafka 0.11: rewrite the topic to read it`,
      )
    }
    const end = at + LENGTH_END + bytes.readInt32BE(at + 8)
    if (end < at + HEAD_BYTES) throw new Error('a batch is shorter than its head')
    if (end > bytes.length) break
    heads.push(headAt(bytes, at, end))
    at = end
  }
  return heads
}

function headAt(bytes: Buffer, at: number, end: number): BatchHead {
  const baseOffset = Number(bytes.readBigInt64BE(at))
  return {
    baseOffset,
    leaderEpoch: bytes.readInt32BE(at + 12),
    attributes: bytes.readInt16BE(at + 21),
    lastOffset: baseOffset + bytes.readInt32BE(at + 23),
    baseTime: Number(bytes.readBigInt64BE(at + 27)),
    maxTime: Number(bytes.readBigInt64BE(at + 35)),
    producerId: bytes.readBigInt64BE(at + 43),
    count: bytes.readInt32BE(at + 57),
    begin: at + HEAD_BYTES,
    end,
  }
}

/**
 * Leaves out control batches and what belongs to an aborted transaction: one begins at its first offset, as the broker
 * lists it, and ends at its producer's abort marker; several of one producer may lie in one answer, and one may begin
 * before it and end behind it.
 */
function withoutAborted(heads: BatchHead[], bytes: Buffer, aborted: readonly AbortedTransaction[]): BatchHead[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<bigint>()
  const readable: BatchHead[] = []
  let begun = 0
  for (const head of heads) {
    while (begun < waiting.length && waiting[begun]!.firstOffset <= head.lastOffset) {
      open.add(waiting[begun++]!.producerId)
    }
    if ((head.attributes & CONTROL) !== 0) {
      if (isAbortMarker(head, bytes)) open.delete(head.producerId)
    } else if ((head.attributes & TRANSACTIONAL) === 0 || !open.has(head.producerId)) {
      readable.push(head)
    }
  }
  return readable
}

/** A marker's only record has a key of two 16-bit numbers, version and type; type 0 is an abort. */
function isAbortMarker(head: BatchHead, bytes: Buffer): boolean {
  const [marker] = readRecords(0, head.baseOffset, head, bytes.subarray(head.begin, head.end), [])
  const key = marker?.key
  return key != null && key.byteLength >= 4 && key[2] === 0 && key[3] === 0
}

function plainBytes(heads: readonly BatchHead[]): number {
  let bytes = 0
  for (const head of heads) {
    if ((head.attributes & COMPRESSION_MASK) === COMPRESSION.none) bytes += head.end - head.begin
  }
  return bytes
}
