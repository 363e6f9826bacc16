import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Partitioners, type Producer } from 'kafkajs'
import { kafkaBrokers } from '../../services/use.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { readAll } from '../../suites/source/world.ts'
import { openKafka, untilEnd, type KafkaWorld } from './world.ts'

/** From one batch in a fetch to all of them: aborted stretches are cut at every place. */
const BUDGETS_BYTES = [1, 300, 1000, 4000, 1_048_576]

describe('kafka transactions', () => {
  let world: KafkaWorld
  before(async () => {
    world = await openKafka(kafkaBrokers())
  })
  after(() => world.close())

  async function transactional(topic: string, id: string): Promise<Producer> {
    const producer = world.client.producer({
      transactionalId: `${topic}-${id}`,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    return producer
  }

  /** One batch a value, so that a transaction spreads over batches and may be cut by a fetch. */
  async function transaction(
    producer: Producer,
    topic: string,
    values: string[],
    end: 'commit' | 'abort',
  ): Promise<void> {
    const open = await producer.transaction()
    for (const value of values) await open.send({ topic, messages: [{ partition: 0, value }] })
    await open[end]()
  }

  async function assertOnly(topic: string, values: readonly string[], end: number): Promise<void> {
    await untilEnd(world.source, topic, 0, end)
    for (const bytesMax of BUDGETS_BYTES) {
      const { records } = await readAll(world.source, topic, [0], bytesMax)
      assert.deepEqual(
        records.map((record) => Buffer.from(record.value!).toString()),
        values,
        `at ${bytesMax} bytes`,
      )
    }
    for (const bytesMax of BUDGETS_BYTES) await assertFollowed(topic, values, bytesMax)
  }

  async function assertFollowed(topic: string, values: readonly string[], bytesMax: number): Promise<void> {
    const small = await openKafka(kafkaBrokers(), {
      limits: { tailBytesMax: bytesMax, tailPartitionBytesMax: bytesMax },
    })
    const { vector } = await small.source.locate(topic, 'latest')
    const heard = new Heard()
    const following = small.source.follow(topic, [0], heard)
    await eventually(() => heard.next[0] === vector[0], 'the end')
    following.close()
    assert.deepEqual(
      heard.records.map((record) => Buffer.from(record.value!).toString()),
      values,
    )
    heard.assertContinuous([0])
    await small.close()
  }

  test('two aborted transactions of one producer in one fetch are never seen', async () => {
    const topic = await world.createTopic(1)
    const producer = await transactional(topic, 'a')
    await transaction(producer, topic, ['c0'], 'commit')
    await transaction(producer, topic, ['x0', 'x1'], 'abort')
    await transaction(producer, topic, ['c1'], 'commit')
    await transaction(producer, topic, ['x2', 'x3'], 'abort')
    await transaction(producer, topic, ['c2'], 'commit')
    await producer.disconnect()
    await assertOnly(topic, ['c0', 'c1', 'c2'], 12)
  })

  test('an aborted transaction that is split over fetches is never seen', async () => {
    const topic = await world.createTopic(1)
    const producer = await transactional(topic, 'a')
    await world.append(topic, [{ partition: 0, value: Buffer.from('first') }])
    await transaction(
      producer,
      topic,
      Array.from({ length: 12 }, (_, i) => `x${i}-${'x'.repeat(100)}`),
      'abort',
    )
    await transaction(producer, topic, ['last'], 'commit')
    await producer.disconnect()
    await assertOnly(topic, ['first', 'last'], 16)
  })

  test('transactions that lie between each other keep theirs apart', async () => {
    const topic = await world.createTopic(1)
    const [a, b] = [await transactional(topic, 'a'), await transactional(topic, 'b')]
    const send = (open: Awaited<ReturnType<Producer['transaction']>>, value: string): Promise<unknown> =>
      open.send({ topic, messages: [{ partition: 0, value }] })
    const [ta, tb] = [await a.transaction(), await b.transaction()]
    await send(ta, 'x0')
    await send(tb, 'b0')
    await world.append(topic, [{ partition: 0, value: Buffer.from('plain') }])
    await send(ta, 'x1')
    await send(tb, 'b1')
    await tb.commit()
    await send(ta, 'x2')
    await ta.abort()
    await transaction(a, topic, ['a0'], 'commit')
    await Promise.all([a.disconnect(), b.disconnect()])
    await assertOnly(topic, ['b0', 'plain', 'b1', 'a0'], 10)
  })

  test('records behind an open transaction wait for it, and come in order when it ends', async () => {
    const topic = await world.createTopic(1)
    const producer = await transactional(topic, 'a')
    const open = await producer.transaction()
    await open.send({ topic, messages: [{ partition: 0, value: 't' }] })
    await world.append(topic, [{ partition: 0, value: Buffer.from('behind') }])
    assert.deepEqual((await world.source.locate(topic, 'latest')).vector, [0])
    const heard = new Heard()
    const following = world.source.follow(topic, [0], heard)
    await eventually(() => heard.end[0] === 0, 'the stable end')
    assert.equal(heard.records.length, 0)
    await open.commit()
    await eventually(() => heard.records.length === 2, 'both')
    assert.deepEqual(
      heard.records.map((record) => Buffer.from(record.value!).toString()),
      ['t', 'behind'],
    )
    following.close()
    await producer.disconnect()
  })
})
