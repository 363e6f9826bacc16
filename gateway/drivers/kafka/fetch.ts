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
  /** Where the broker keeps what was asked for (KIP-227), `topics` are what is new or other than before. */
  readonly session?: SessionStep
}

export interface TopicName {
  readonly topic: string
  /** Where it is known, no other topic that has come under the name can answer; `null`: whatever the name stands for. */
  readonly id: string | null
}

export interface FetchTopic extends TopicName {
  readonly partitions: readonly FetchPartition[]
}

export interface SessionStep {
  /** 0: there is none. */
  readonly id: number
  /** 0 begins one, -1 does without; each further fetch of it has the next number. */
  readonly epoch: number
  /** Asked for until now, and no longer. */
  readonly forgotten: readonly ForgottenTopic[]
}

export interface ForgottenTopic extends TopicName {
  readonly partitions: readonly number[]
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
  /** 0: the broker keeps nothing of what was asked for. */
  readonly sessionId: number
  readonly topics: readonly FetchedTopic[]
}

export interface FetchedTopic {
  /** The id where topics were asked for by their ids, else the name. */
  readonly key: string
  readonly partitions: readonly FetchedPartition[]
}

export interface FetchedPartition {
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
  return (versions) => fetchBy(canFetchById(versions) && query.topics.every(({ id }) => id !== null), query)
}

/** What a fetch of one topic came to. */
export function partitionsOf({ topics }: Fetched): readonly FetchedPartition[] {
  return topics.flatMap(({ partitions }) => partitions)
}

export function canFetchById(versions: ApiVersions): boolean {
  return speaks(versions, FETCH, BY_ID)
}

/** `byId`: all topics have theirs, and the broker takes them. */
export function fetchBy(byId: boolean, query: FetchQuery): Exchange<Fetched> {
  return exchange(
    FETCH,
    byId ? BY_ID : BY_NAME,
    byId,
    (writer) => write(writer, query, byId),
    (reader) => read(reader, byId),
  )
}

const NO_SESSION: SessionStep = { id: 0, epoch: -1, forgotten: [] }
const UNKNOWN = -1

function write(writer: Writer, query: FetchQuery, byId: boolean): void {
  const { maxWaitMs, minBytes, maxBytes, topics, session = NO_SESSION } = query
  writer.int32(NOT_A_REPLICA).int32(maxWaitMs).int32(minBytes).int32(maxBytes).int8(READ_COMMITTED)
  writer.int32(session.id).int32(session.epoch)
  writer.array(topics, (one) => {
    writeTopic(writer, one, byId)
    writer.array(one.partitions, (partition) => writePartition(writer, partition, byId)).tags()
  })
  writer.array(session.forgotten, (one) => {
    writeTopic(writer, one, byId)
    writer.array(one.partitions, (partition) => void writer.int32(partition)).tags()
  })
  const rack = ''
  writer.string(rack).tags()
}

function writeTopic(writer: Writer, { topic, id }: TopicName, byId: boolean): void {
  if (byId) writer.uuid(Buffer.from(id!, 'base64url'))
  else writer.string(topic)
}

function writePartition(writer: Writer, one: FetchPartition, byId: boolean): void {
  writer.int32(one.partition).int32(one.leaderEpoch).int64(one.fetchOffset)
  // The epoch of the last record is for replicas; ours is looked at by `epochEnds`.
  if (byId) writer.int32(UNKNOWN)
  const logStartOffset = UNKNOWN
  writer.int64(logStartOffset).int32(one.maxBytes).tags()
}

function read(reader: Reader, byId: boolean): Fetched {
  const throttleMs = reader.int32()
  const code = reader.int16()
  const sessionId = reader.int32()
  const topics = reader.array((one) => {
    const key = byId ? one.uuid().toString('base64url') : one.string()
    const partitions = one.array(readPartition)
    one.tags()
    return { key: key ?? '', partitions }
  })
  return { throttleMs, code, byId, sessionId, topics }
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = reader.int32()
  const code = reader.int16()
  reader.int64()
  const lastStableOffset = reader.int64()
  reader.int64()
  const aborted = reader.array(readAborted)
  reader.int32()
  const batches = reader.bytes()
  reader.tags()
  return { partition, code, lastStableOffset, aborted, batches }
}

function readAborted(reader: Reader): AbortedTransaction {
  const aborted = { producerId: reader.bigint64(), firstOffset: reader.int64() }
  reader.tags()
  return aborted
}
