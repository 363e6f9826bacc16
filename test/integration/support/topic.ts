import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, Partitioners, logLevel, type Producer } from 'kafkajs'
import { packageRoot } from '../../../gateway/package.ts'
import { rawMember } from '../../../gateway/rawMember.ts'
import { until } from './until.ts'

export interface TopicSettings {
  readonly [name: string]: string
}

/** Compacts as soon as it can; what stands in the last segment never is, so it has to be written to. */
export const COMPACTED: TopicSettings = {
  'cleanup.policy': 'compact',
  'segment.ms': '100',
  'min.cleanable.dirty.ratio': '0.01',
  'min.compaction.lag.ms': '0',
  'delete.retention.ms': '0',
}

/** A topic of one test's own, and a producer for it. */
export class Topic {
  readonly name: string
  readonly #kafka: Kafka
  readonly #producer: Producer

  private constructor(name: string, kafka: Kafka, producer: Producer) {
    this.name = name
    this.#kafka = kafka
    this.#producer = producer
  }

  static async create(brokers: readonly string[], partitions = 4, settings: TopicSettings = {}): Promise<Topic> {
    const name = `e2e.${randomBytes(6).toString('hex')}`
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    const topic = new Topic(name, kafka, producer)
    await topic.#admin(async (admin) => {
      const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
      const topics = [{ topic: name, numPartitions: partitions, configEntries }]
      // Its own wait for leaders fails where a broker does not know the topic yet.
      await admin.createTopics({ topics, waitForLeaders: false })
      const known = async (): Promise<boolean> => (await admin.fetchTopicOffsets(name)).length === partitions
      await until('the topic to have leaders', () => known().catch(() => false))
    })
    // Last, so that a failure leaves no connection that keeps the process.
    await producer.connect()
    return topic
  }

  async produce(messages: readonly Message[]): Promise<void> {
    await this.#producer.send({ topic: this.name, messages: [...messages] })
  }

  /** End of each partition, by number. */
  async ends(): Promise<number[]> {
    const ends: number[] = []
    await this.#admin(async (admin) => {
      for (const { partition, high } of await admin.fetchTopicOffsets(this.name)) ends[partition] = Number(high)
    })
    return ends
  }

  /** As the topic's retention does. */
  async deleteBefore(partition: number, offset: number): Promise<void> {
    const partitions = [{ partition, offset: String(offset) }]
    await this.#admin(async (admin) => {
      // Makes kafkajs look up the leaders, which deleting does not.
      await admin.fetchTopicOffsets(this.name)
      await admin.deleteTopicRecords({ topic: this.name, partitions })
    })
  }

  async close(): Promise<void> {
    await this.#admin((admin) => admin.deleteTopics({ topics: [this.name] }))
    await this.disconnect()
  }

  /** Leaves the topic where it is. */
  async disconnect(): Promise<void> {
    await this.#producer.disconnect()
  }

  async #admin(work: (admin: ReturnType<Kafka['admin']>) => Promise<void>): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      await work(admin)
    } finally {
      await admin.disconnect()
    }
  }
}

export interface Message {
  readonly key: string
  readonly value: string
  readonly partition?: number
}

/** The 1,707 recorded earthquakes, each value as its text stands in the recording. */
export function earthquakes(): Message[] {
  const text = readFileSync(join(packageRoot, 'specs/earthquakes/earthquakes.events.ndjson'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ key: (JSON.parse(line) as { key: string }).key, value: rawMember(line, 'value') as string }))
}
