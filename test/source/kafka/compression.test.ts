import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { CompressionTypes, Partitioners } from 'kafkajs'
import { spawnKafkaTool } from '../../services/kafka/tool.ts'
import { kafkaBrokers } from '../../services/use.ts'
import { readAll } from '../../suites/source/world.ts'
import { openKafka, type KafkaWorld } from './world.ts'

const CODECS = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}
const VALUES = Array.from({ length: 500 }, (_, i) => `${i}:${'weir '.repeat(i % 90)}${Math.sin(i)}`)

describe('kafka compression', () => {
  let world: KafkaWorld
  before(async () => {
    world = await openKafka(kafkaBrokers())
  })
  after(() => world.close())

  async function assertAll(topic: string): Promise<void> {
    const { records } = await readAll(world.source, topic, [0], 16_000)
    assert.deepEqual(
      records.map((record) => Buffer.from(record.value!).toString()),
      VALUES,
    )
    assert.deepEqual(
      records.map((record) => record.offset),
      VALUES.map((_, i) => i),
    )
    // A start in the middle of a batch is exact.
    const from = await readAll(world.source, topic, [123], 1_000_000)
    assert.equal(from.records[0]?.offset, 123)
  }

  for (const [codec, compression] of Object.entries(CODECS)) {
    test(`what kafkajs packed by ${codec} is read whole`, async () => {
      const topic = await world.createTopic(1)
      const producer = world.client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
      await producer.connect()
      await producer.send({ topic, compression, messages: VALUES.map((value) => ({ partition: 0, value })) })
      await producer.disconnect()
      await assertAll(topic)
    })

    test(`what Kafka's own producer packed by ${codec} is read whole`, async () => {
      const topic = await world.createTopic(1)
      await produceByJava(topic, codec)
      await assertAll(topic)
    })
  }
})

async function produceByJava(topic: string, codec: string): Promise<void> {
  const tool = 'org.apache.kafka.tools.ConsoleProducer'
  const options = ['--bootstrap-server', kafkaBrokers()[0]!, '--topic', topic, '--compression-codec', codec]
  const properties = ['--producer-property', 'linger.ms=200', '--producer-property', 'batch.size=131072']
  const child = spawnKafkaTool(tool, [...options, ...properties])
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdin?.end(`${VALUES.join('\n')}\n`)
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, errors)
}
