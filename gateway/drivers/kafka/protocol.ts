import type { Request } from 'kafkajs/src/protocol/request.js'
import apiVersionsRequest from 'kafkajs/src/protocol/requests/apiVersions/v0/request.js'
import fetchRequest from 'kafkajs/src/protocol/requests/fetch/v11/request.js'
import listOffsetsRequest from 'kafkajs/src/protocol/requests/listOffsets/v3/request.js'
import metadataRequest from 'kafkajs/src/protocol/requests/metadata/v6/request.js'
import { Reader } from './reader.ts'

/**
 * The few requests that reading needs, in the versions that every broker since Kafka 2.3 speaks. kafkajs writes them; its
 * answers are read here, because it turns the error of one partition into a failure of the whole answer.
 */
export interface Exchange<T> {
  readonly request: Request
  decode(payload: Buffer): T
}

/** An answer that may ask to be left alone for a while (KIP-219). */
export interface Throttled {
  readonly throttleMs: number
}

const READ_COMMITTED = 1
const NOT_A_REPLICA = -1

export interface ApiVersion {
  readonly minVersion: number
  readonly maxVersion: number
}

export type ApiVersions = { readonly [apiKey: number]: ApiVersion }

export function apiVersions(): Exchange<ApiVersions> {
  return { request: apiVersionsRequest(), decode: (payload) => readApiVersions(new Reader(payload)) }
}

function readApiVersions(reader: Reader): ApiVersions {
  reader.int16()
  const versions: { [apiKey: number]: ApiVersion } = {}
  reader.array((one) => {
    const apiKey = one.int16()
    versions[apiKey] = { minVersion: one.int16(), maxVersion: one.int16() }
  })
  return versions
}

/** What must be in `ApiVersions`, by API key. */
export const NEEDED: readonly { readonly apiKey: number; readonly name: string; readonly version: number }[] = [
  { apiKey: 1, name: 'Fetch', version: 11 },
  { apiKey: 2, name: 'ListOffsets', version: 3 },
  { apiKey: 3, name: 'Metadata', version: 6 },
]

export interface Metadata extends Throttled {
  readonly nodes: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly topics: readonly TopicMetadata[]
}

export interface TopicMetadata {
  readonly name: string
  /** `KAFKA_CODE`. */
  readonly code: number
  readonly partitions: readonly { readonly partition: number; readonly code: number; readonly leader: number }[]
}

/** Never creates a topic, whatever the broker's own setting. */
export function metadata(topics: readonly string[]): Exchange<Metadata> {
  const request = metadataRequest({ topics, allowAutoTopicCreation: false })
  return { request, decode: (payload) => readMetadata(new Reader(payload)) }
}

function readMetadata(reader: Reader): Metadata {
  const throttleMs = reader.int32()
  const nodes = reader.array((one) => {
    const node = { id: one.int32(), host: one.string() ?? '', port: one.int32() }
    one.string()
    return node
  })
  reader.string()
  reader.int32()
  return { throttleMs, nodes, topics: reader.array(readTopic) }
}

function readTopic(reader: Reader): TopicMetadata {
  const code = reader.int16()
  const name = reader.string() ?? ''
  reader.int8()
  return { name, code, partitions: reader.array(readPartition) }
}

function readPartition(reader: Reader): TopicMetadata['partitions'][number] {
  const code = reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  for (let lists = 0; lists < 3; lists++) reader.array((one) => one.int32())
  return { partition, code, leader }
}

/** `timestamp` for `listOffsets`, beside ms since 1970. */
export const EARLIEST = -2
export const LATEST = -1

export interface OffsetQuery {
  readonly partition: number
  readonly timestamp: number
}

export interface ListedOffset {
  readonly partition: number
  readonly code: number
  /** -1: no record is that late. */
  readonly offset: number
}

export interface ListedOffsets extends Throttled {
  readonly offsets: readonly ListedOffset[]
}

/** With READ_COMMITTED, so the latest is the last stable offset. */
export function listOffsets(topic: string, partitions: readonly OffsetQuery[]): Exchange<ListedOffsets> {
  const topics = [{ topic, partitions }]
  const request = listOffsetsRequest({ replicaId: NOT_A_REPLICA, isolationLevel: READ_COMMITTED, topics })
  return { request, decode: (payload) => readListedOffsets(new Reader(payload)) }
}

function readListedOffsets(reader: Reader): ListedOffsets {
  const throttleMs = reader.int32()
  const topics = reader.array((one) => {
    one.string()
    return one.array(readListedOffset)
  })
  return { throttleMs, offsets: topics.flat() }
}

function readListedOffset(reader: Reader): ListedOffset {
  const partition = reader.int32()
  const code = reader.int16()
  reader.int64()
  return { partition, code, offset: reader.int64() }
}

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
  readonly partitions: readonly {
    readonly partition: number
    readonly fetchOffset: number
    readonly maxBytes: number
  }[]
}

export interface Fetched extends Throttled {
  readonly code: number
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

export function fetch({ maxWaitMs, minBytes, maxBytes, topics }: FetchQuery): Exchange<Fetched> {
  const request = fetchRequest({
    replicaId: NOT_A_REPLICA,
    isolationLevel: READ_COMMITTED,
    maxWaitTime: maxWaitMs,
    minBytes,
    maxBytes,
    topics,
  })
  return { request, decode: (payload) => readFetched(new Reader(payload)) }
}

function readFetched(reader: Reader): Fetched {
  const throttleMs = reader.int32()
  const code = reader.int16()
  reader.int32()
  const partitions = reader.array((one) => {
    const topic = one.string() ?? ''
    return one.array((inner) => readFetchedPartition(inner, topic))
  })
  return { throttleMs, code, partitions: partitions.flat() }
}

function readFetchedPartition(reader: Reader, topic: string): FetchedPartition {
  const partition = reader.int32()
  const code = reader.int16()
  reader.int64()
  const lastStableOffset = reader.int64()
  reader.int64()
  const aborted = reader.array(readAborted)
  reader.int32()
  return { topic, partition, code, lastStableOffset, aborted, batches: reader.bytes() }
}

function readAborted(reader: Reader): AbortedTransaction {
  return { producerId: reader.bigint64(), firstOffset: reader.int64() }
}
