import {
  FETCH,
  NOT_A_REPLICA,
  READ_COMMITTED,
  exchange,
  speaks,
  type ApiVersions,
  type Exchange,
  type Throttled,
} from './protocol.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

export interface FetchQuery {
  readonly maxWaitMs: number
  readonly minBytes: number
  /** Of the whole answer; one batch of the first partition that has any comes even if it is larger. */
  readonly maxBytes: number
  /** Filled by the broker in this order until `maxBytes`. */
  readonly topics: readonly FetchTopic[]
}

export interface FetchTopic {
  readonly topic: string
  /** Where it is known, no other topic that has come under the name can answer; `null`: whatever the name stands for. */
  readonly id: string | null
  readonly partitions: readonly FetchPartition[]
}

export interface FetchPartition {
  readonly partition: number
  readonly fetchOffset: number
  readonly maxBytes: number
  /** A leader of another epoch refuses; -1 takes any. */
  readonly leaderEpoch: number
}

export interface Fetched extends Throttled {
  readonly code: number
  /** Topics were asked for by their ids. */
  readonly byId: boolean
  readonly partitions: readonly FetchedPartition[]
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly code: number
  /** The end of what READ_COMMITTED may read. */
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches as the log holds them, the last one maybe cut off: a view of the answer's buffer. */
  readonly batches: Buffer
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

/** Kafka 3.1 and later fetch by topic id (KIP-516). */
const BY_ID = 13
const BY_NAME = 11

export function fetch(query: FetchQuery): (versions: ApiVersions) => Exchange<Fetched> {
  return (versions) => {
    const byId = speaks(versions, FETCH, BY_ID) && query.topics.every(({ id }) => id !== null)
    return exchange(
      FETCH,
      byId ? BY_ID : BY_NAME,
      byId,
      (writer) => write(writer, query, byId),
      (reader) => read(reader, byId ? namesById(query.topics) : null),
    )
  }
}

const NO_SESSION = 0
const NO_SESSION_EPOCH = -1
const UNKNOWN = -1

function write(writer: Writer, { maxWaitMs, minBytes, maxBytes, topics }: FetchQuery, byId: boolean): void {
  writer.int32(NOT_A_REPLICA).int32(maxWaitMs).int32(minBytes).int32(maxBytes).int8(READ_COMMITTED)
  writer.int32(NO_SESSION).int32(NO_SESSION_EPOCH)
  writer.array(topics, ({ topic, id, partitions }) => {
    if (byId) writer.uuid(Buffer.from(id!, 'base64url'))
    else writer.string(topic)
    writer.array(partitions, (one) => writePartition(writer, one, byId)).tags()
  })
  const forgotten: readonly never[] = []
  const rack = ''
  writer
    .array(forgotten, () => {})
    .string(rack)
    .tags()
}

function writePartition(writer: Writer, one: FetchPartition, byId: boolean): void {
  writer.int32(one.partition).int32(one.leaderEpoch).int64(one.fetchOffset)
  // The epoch of the last record is for replicas; ours is looked at by `epochEnds`.
  if (byId) writer.int32(UNKNOWN)
  const logStartOffset = UNKNOWN
  writer.int64(logStartOffset).int32(one.maxBytes).tags()
}

function namesById(topics: readonly FetchTopic[]): ReadonlyMap<string, string> {
  return new Map(topics.map(({ topic, id }) => [id!, topic]))
}

function read(reader: Reader, names: ReadonlyMap<string, string> | null): Fetched {
  const throttleMs = reader.int32()
  const code = reader.int16()
  reader.int32()
  const partitions = reader.array((one) => {
    const topic = names === null ? one.string() : names.get(one.uuid().toString('base64url'))
    const answers = one.array((inner) => readPartition(inner, topic ?? ''))
    one.tags()
    return answers
  })
  return { throttleMs, code, byId: names !== null, partitions: partitions.flat() }
}

function readPartition(reader: Reader, topic: string): FetchedPartition {
  const partition = reader.int32()
  const code = reader.int16()
  reader.int64()
  const lastStableOffset = reader.int64()
  reader.int64()
  const aborted = reader.array(readAborted)
  reader.int32()
  const batches = reader.bytes()
  reader.tags()
  return { topic, partition, code, lastStableOffset, aborted, batches }
}

function readAborted(reader: Reader): AbortedTransaction {
  const aborted = { producerId: reader.bigint64(), firstOffset: reader.int64() }
  reader.tags()
  return aborted
}
