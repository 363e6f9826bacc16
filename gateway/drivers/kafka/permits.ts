import { METADATA, exchange, type Api, type Exchange, type Throttled } from './protocol.ts'
import type { Reader } from './reader.ts'

/** What Kafka's access rules speak of, by its number. */
const OPERATIONS = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const

export type Operation = keyof typeof OPERATIONS

/** What stands under names of topics, and what whoever asks may do there. Asking changes nothing. */
export interface Permits extends Throttled {
  readonly topics: readonly PermittedTopic[]
}

export interface PermittedTopic {
  readonly name: string
  /** `KAFKA_CODE`. */
  readonly code: number
  readonly partitions: readonly PermittedPartition[]
  /** `null`: the broker does not tell. */
  readonly operations: ReadonlySet<Operation> | null
}

export interface PermittedPartition {
  readonly partition: number
  /** -1: nobody leads it. */
  readonly leader: number
  readonly replicas: number
}

/** Kafka 2.3 and later tell what is permitted (KIP-430). */
const VERSION = 8

/** `topics`: null asks for all that may be seen. Never creates one. */
export function permits(topics: readonly string[] | null): Exchange<Permits> {
  return exchange(
    METADATA,
    VERSION,
    false,
    (writer) => {
      if (topics === null) writer.int32(-1)
      else writer.array(topics, (topic) => writer.string(topic))
      const [allowAutoTopicCreation, withClusterOperations, withTopicOperations] = [0, 0, 1] as const
      writer.int8(allowAutoTopicCreation).int8(withClusterOperations).int8(withTopicOperations)
    },
    read,
  )
}

function read(reader: Reader): Permits {
  const throttleMs = reader.int32()
  reader.array((one) => [one.int32(), one.string(), one.int32(), one.string()])
  reader.string()
  reader.int32()
  return { throttleMs, topics: reader.array(readTopic) }
}

function readTopic(reader: Reader): PermittedTopic {
  const code = reader.int16()
  const name = reader.string() ?? ''
  reader.int8()
  const partitions = reader.array(readPartition)
  return { name, code, partitions, operations: operationsOf(reader.int32()) }
}

function readPartition(reader: Reader): PermittedPartition {
  reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  reader.int32()
  const [replicas] = [0, 1, 2].map(() => reader.array((one) => one.int32()))
  return { partition, leader, replicas: replicas?.length ?? 0 }
}

const NOT_TOLD = -(2 ** 31)

function operationsOf(bits: number): ReadonlySet<Operation> | null {
  if (bits === NOT_TOLD) return null
  const names = Object.keys(OPERATIONS) as Operation[]
  return new Set(names.filter((name) => (bits >> OPERATIONS[name]) & 1))
}

const INIT_PRODUCER_ID: Api = { key: 22, name: 'InitProducerId' }
const NO_TRANSACTION = -1
const NO_TIMEOUT = 0

export interface ProducerId extends Throttled {
  readonly code: number
}

/** Whether we may write idempotently: the question that such a producer begins with. It takes a number from a counter, and nothing is kept of it. */
export function producerId(): Exchange<ProducerId> {
  return exchange(
    INIT_PRODUCER_ID,
    1,
    false,
    (writer) => writer.int16(NO_TRANSACTION).int32(NO_TIMEOUT),
    (reader) => ({ throttleMs: reader.int32(), code: reader.int16() }),
  )
}
