import { METADATA, exchange, speaks, type ApiVersions, type Exchange, type Throttled } from './protocol.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

export interface Metadata extends Throttled {
  readonly nodes: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly topics: readonly TopicMetadata[]
}

export interface TopicMetadata {
  readonly name: string
  /** `KAFKA_CODE`. */
  readonly code: number
  /** As Kafka's tools print it; `null` where the broker is too old to tell, or the topic has none. */
  readonly id: string | null
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  readonly code: number
  readonly leader: number
  /** Rises with each leader; -1 unknown. */
  readonly leaderEpoch: number
}

/** Kafka 2.8 and later tell a topic's id (KIP-516). */
const WITH_IDS = 10
const WITHOUT_IDS = 7

/** Never creates a topic, whatever the broker's own setting. */
export function metadata(topics: readonly string[]): (versions: ApiVersions) => Exchange<Metadata> {
  return (versions) => {
    const withIds = speaks(versions, METADATA, WITH_IDS)
    return exchange(
      METADATA,
      withIds ? WITH_IDS : WITHOUT_IDS,
      withIds,
      (writer) => write(writer, topics, withIds),
      (reader) => read(reader, withIds),
    )
  }
}

const NO_ID = Buffer.alloc(16)

function write(writer: Writer, topics: readonly string[], withIds: boolean): void {
  writer.array(topics, (topic) => {
    if (withIds) writer.uuid(NO_ID)
    writer.string(topic).tags()
  })
  const allowAutoTopicCreation = 0
  writer.int8(allowAutoTopicCreation)
  // Nobody asks what we would be allowed to do.
  if (withIds) writer.int8(0).int8(0)
  writer.tags()
}

function read(reader: Reader, withIds: boolean): Metadata {
  const throttleMs = reader.int32()
  const nodes = reader.array((one) => {
    const node = { id: one.int32(), host: one.string() ?? '', port: one.int32() }
    one.string()
    one.tags()
    return node
  })
  reader.string()
  reader.int32()
  return { throttleMs, nodes, topics: reader.array((one) => readTopic(one, withIds)) }
}

function readTopic(reader: Reader, withIds: boolean): TopicMetadata {
  const code = reader.int16()
  const name = reader.string() ?? ''
  const id = withIds ? idOf(reader.uuid()) : null
  reader.int8()
  const partitions = reader.array(readPartition)
  if (withIds) reader.int32()
  reader.tags()
  return { name, code, id, partitions }
}

function readPartition(reader: Reader): PartitionMetadata {
  const code = reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  const leaderEpoch = reader.int32()
  for (let lists = 0; lists < 3; lists++) reader.array((one) => one.int32())
  reader.tags()
  return { partition, code, leader, leaderEpoch }
}

function idOf(bytes: Buffer): string | null {
  return bytes.equals(NO_ID) ? null : bytes.toString('base64url')
}
