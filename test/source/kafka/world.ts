import { type Admin, Kafka, type IHeaders, logLevel, type Message, Partitioners, type Producer } from 'kafkajs'
import { systemClock, type Clock } from '../../../gateway/clock.ts'
import { registerCodecs } from '../../../gateway/drivers/kafka/codecs.ts'
import { silentLog } from '../../../gateway/log.ts'
import { KafkaSource } from '../../../gateway/source/kafka/source.ts'
import type { KafkaSourceLimits } from '../../../gateway/source/kafka/limits.ts'
import type { SourceWorld, Written } from '../../suites/source/world.ts'

/** A real cluster, written to by kafkajs's public clients and read by ours. */
export interface KafkaWorld extends SourceWorld {
  readonly source: KafkaSource
  readonly client: Kafka
  readonly admin: Admin
}

export interface WorldOptions {
  readonly limits?: Partial<KafkaSourceLimits>
  readonly replicationFactor?: number
}

const HOLE_RECORDS = 3
let made = 0

export async function openKafka(brokers: readonly string[], options: WorldOptions = {}): Promise<KafkaWorld> {
  registerCodecs()
  const client = new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, maxRetryTime: 500 },
  })
  const admin = client.admin()
  const newProducer = (): Producer => client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  let producer = newProducer()
  await Promise.all([admin.connect(), producer.connect()])
  const source = openSource(brokers, options.limits)
  return {
    source,
    client,
    admin,
    createTopic: (partitions) => createTopic(admin, partitions, options.replicationFactor ?? 1),
    append: async (topic, records) => {
      const sent = await producer.send({ topic, acks: -1, messages: records.map(messageOf) })
      const next = new Map(sent.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]))
      return records.map(({ partition }) => {
        const offset = next.get(partition)!
        next.set(partition, offset + 1)
        return offset
      })
    },
    hole: async (topic, partition) => {
      const { vector } = await source.locate(topic, 'latest')
      await abortSome(client, topic, partition, HOLE_RECORDS)
      await untilEnd(source, topic, partition, vector[partition]! + HOLE_RECORDS + 1)
    },
    deleteBefore: async (topic, partition, offset) => {
      // Makes kafkajs look up the leaders, which deleting does not.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
    },
    addPartitions: async (topic, total) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count: total }] })
      await untilLed(admin, topic, total)
      // kafkajs's producer drops what goes to a partition that it has not heard of.
      await producer.disconnect()
      producer = newProducer()
      await producer.connect()
    },
    recreate: async (topic, partitions) => {
      await admin.deleteTopics({ topics: [topic] })
      await makeTopic(admin, topic, partitions, options.replicationFactor ?? 1)
      // kafkajs's producer does not notice that the topic is another one.
      await producer.disconnect()
      producer = newProducer()
      await producer.connect()
    },
    close: async () => {
      await source.close()
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
}

/** The end of a transaction is acknowledged before its marker stands in the log. */
export async function untilEnd(source: KafkaSource, topic: string, partition: number, end: number): Promise<void> {
  while ((await source.locate(topic, 'latest')).vector[partition]! < end);
}

/** A produce that meets a partition without its leader is retried whole, and writes the others twice. */
async function untilLed(admin: Admin, topic: string, partitions: number): Promise<void> {
  const ready = async (): Promise<boolean> => {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const led = topics[0]?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
      // Metadata names a leader before that broker has heard of it.
      return led >= partitions && (await admin.fetchTopicOffsets(topic)).length >= partitions
    } catch (error) {
      if (/leader|topic|partition/i.test((error as Error).message)) return false
      throw error
    }
  }
  while (!(await ready()));
}

export function openSource(
  brokers: readonly string[],
  limits: Partial<KafkaSourceLimits> = {},
  clock: Clock = systemClock,
): KafkaSource {
  return new KafkaSource({ name: 'test', brokers, clientId: 'weir-test', clock, log: silentLog, limits })
}

export async function createTopic(admin: Admin, partitions: number, replicationFactor: number): Promise<string> {
  const topic = `source-${process.pid}-${made++}`
  await makeTopic(admin, topic, partitions, replicationFactor)
  return topic
}

export async function makeTopic(
  admin: Admin,
  topic: string,
  numPartitions: number,
  replicationFactor: number,
  config: { readonly [name: string]: string } = {},
): Promise<void> {
  // The tests' timestamps are of any age, so nothing may be dropped for it.
  const all = { 'retention.ms': '-1', ...config }
  const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }))
  const topics = [{ topic, numPartitions, replicationFactor, configEntries }]
  // kafkajs answers false where the topic is there, as it is for a moment after its deletion.
  while (!(await admin.createTopics({ topics, waitForLeaders: false })));
  await untilLed(admin, topic, numPartitions)
}

/** Records of a transaction that is aborted: they take offsets and are never seen. */
export async function abortSome(client: Kafka, topic: string, partition: number, count: number): Promise<void> {
  const producer = client.producer({
    transactionalId: `${topic}-${partition}-${made++}`,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  const transaction = await producer.transaction()
  const messages = Array.from({ length: count }, (_, i) => ({ partition, value: `aborted ${i}` }))
  await transaction.send({ topic, messages })
  await transaction.abort()
  await producer.disconnect()
}

export function messageOf({ partition, key, value, headers, time }: Written): Message {
  return {
    partition,
    key: key == null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    ...(headers === undefined ? {} : { headers: headersOf(headers) }),
    ...(time === undefined ? {} : { timestamp: String(time) }),
  }
}

function headersOf(headers: NonNullable<Written['headers']>): IHeaders {
  const all: { [name: string]: Buffer[] } = {}
  for (const [name, value] of headers) (all[name] ??= []).push(Buffer.from(value))
  return all
}
