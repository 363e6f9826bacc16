import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { sleep, systemClock } from '../gateway/clock.ts'
import { type KafkaCluster, startKafka } from './services/kafka.ts'
import { askPostgres } from './services/postgres.ts'
import { askRedis } from './services/redis.ts'
import { kafkaBrokers, postgresUrl, redisUrl } from './services/use.ts'

describe('services', () => {
  it('Kafka keeps a record and hands it out again', async () => {
    const topic = `services-${randomUUID()}`
    const kafka = client(kafkaBrokers())
    await createTopic(kafka, topic, 1)
    await produce(kafka, topic, 'blue')
    assert.equal(await readFirst(kafka, topic), 'blue')
    await withAdmin(kafka, (admin) => admin.deleteTopics({ topics: [topic] }))
  })

  it('Kafka makes no topic that nobody created', async () => {
    const topic = `services-${randomUUID()}`
    await assert.rejects(produce(client(kafkaBrokers()), topic, 'blue'), /does not host this topic-partition/)
  })

  it('Redis answers its protocol and says who it is', async () => {
    assert.equal(await askRedis(redisUrl(), 'PING'), '+PONG')
    assert.match(await askRedis(redisUrl(), 'INFO server'), /^redis_version:[67]\./m)
    await assert.rejects(askRedis(redisUrl(), 'NONSENSE'), /ERR unknown command/)
  })

  it('PostgreSQL answers its protocol and says who it is', async () => {
    assert.match(await askPostgres(postgresUrl(), 'select version()'), /^PostgreSQL 1\d\./)
    assert.equal(await askPostgres(postgresUrl(), "select 1, null, 'ü'"), '1\t\tü')
    await assert.rejects(askPostgres(postgresUrl(), 'select nonsense'), /column "nonsense" does not exist/)
  })

  describe('a cluster of three', () => {
    const topic = 'fleet'
    let cluster: KafkaCluster
    after(() => cluster.stop())

    it('starts with every broker known to every other', async () => {
      cluster = await startKafka({ brokers: 3, settings: { 'message.max.bytes': 3 << 20 } })
      assert.equal(new Set(cluster.pids()).size, 3)
      await createTopic(client(cluster.brokers), topic, 3)
      await produce(client(cluster.brokers), topic, 'blue')
    })

    it('replaces a killed leader and loses nothing', async () => {
      const kafka = client(cluster.brokers)
      const killed = (await partitionOf(kafka, topic)).leader
      await cluster.kill(killed)
      await until(async () => ![killed, -1].includes((await partitionOf(kafka, topic)).leader))
      assert.equal(await readFirst(kafka, topic), 'blue')
      await cluster.restart(killed)
      await until(async () => (await partitionOf(kafka, topic)).isr.length === 3)
    })

    it('replaces a frozen leader, and takes it back when it thaws', async () => {
      const { leader } = await partitionOf(client(cluster.brokers), topic)
      const others = client(cluster.brokers.filter((_, id) => id !== leader))
      cluster.freeze(leader)
      await until(async () => (await partitionOf(others, topic)).leader !== leader)
      cluster.thaw(leader)
      await until(async () => (await partitionOf(others, topic)).isr.length === 3)
    })

    it('leaves no process behind when it stops', async () => {
      const pids = cluster.pids()
      await cluster.stop()
      for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    })
  })
})

type Admin = ReturnType<Kafka['admin']>

function client(brokers: readonly string[]): Kafka {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 }
  return new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 3000,
    retry,
  })
}

async function withAdmin<T>(kafka: Kafka, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

function createTopic(kafka: Kafka, topic: string, replicationFactor: number): Promise<boolean> {
  return withAdmin(kafka, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor }] }))
}

async function produce(kafka: Kafka, topic: string, value: string): Promise<void> {
  const producer = kafka.producer({ retry: { retries: 1 } })
  await producer.connect()
  try {
    await producer.send({ topic, acks: -1, messages: [{ value }] })
  } finally {
    await producer.disconnect()
  }
}

async function readFirst(kafka: Kafka, topic: string): Promise<string | undefined> {
  const consumer = kafka.consumer({ groupId: `services-${randomUUID()}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    return await new Promise((resolve, reject) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> =>
        resolve(message.value?.toString())
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}

async function partitionOf(
  kafka: Kafka,
  topic: string,
): Promise<{ readonly leader: number; readonly isr: readonly number[] }> {
  const { topics } = await withAdmin(kafka, (admin) => admin.fetchTopicMetadata({ topics: [topic] }))
  const partition = topics[0]?.partitions[0]
  return { leader: partition?.leader ?? -1, isr: partition?.isr ?? [] }
}

/** Asks until it is so; the runner's limit for a file ends what never comes. An answer that fails is no answer yet. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await sleep(systemClock, 100)
}
