import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isUnresolved } from '../../../gateway/stream/source.ts'
import { startKafka, type KafkaCluster } from '../../services/kafka.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { MIB, numbered, type Written } from '../../suites/source/world.ts'
import { API, openProxy } from './proxy.ts'
import { makeTopic, openKafka, openSource, type KafkaWorld } from './world.ts'

const LIMITS = { connectMsMax: 1000, requestMsMax: 1000, tailMsMax: 1000, downAfterMs: 1000, readPatienceMs: 500 }
const PATIENT = { ...LIMITS, connectMsMax: 20_000, requestMsMax: 20_000, readMsMax: 20_000 }
/** Enough for what is not held up, far below what a broker that is away takes. */
const PROMPT_MS = 3000

describe('kafka brokers', () => {
  let kafka: KafkaCluster
  let world: KafkaWorld
  before(async () => {
    kafka = await startKafka({ brokers: 3 })
  })
  after(() => kafka?.stop())
  // kafkajs writes nothing while any topic that it wrote to before has a partition without a leader.
  beforeEach(async () => {
    world = await openKafka(kafka.brokers, { limits: LIMITS, replicationFactor: 3 })
  })
  afterEach(() => world.close())

  /** One partition on each broker, with no other replica: partition `p` is led by broker `p` or by nobody. */
  async function onePerBroker(): Promise<string> {
    const topic = `apart-${process.pid}-${Math.trunc(performance.now())}`
    const replicaAssignment = [0, 1, 2].map((id) => ({ partition: id, replicas: [id] }))
    await world.admin.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: true })
    return topic
  }

  async function leaderOf(topic: string, partition: number): Promise<number> {
    const { topics } = await world.admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader
  }

  const one = (partition: number, value: string): Written => ({ partition, value: Buffer.from(value) })

  test('a frozen broker delays its own partitions alone, for who follows, reads and locates', async () => {
    const topic = await onePerBroker()
    await world.append(topic, [one(0, 'a0'), one(1, 'a1'), one(2, 'a2')])
    const heard = new Heard()
    const following = world.source.follow(topic, [0, 0, 0], heard)
    await eventually(() => heard.records.length === 3, 'all three')
    // Its own deadlines are far away: what answers promptly does not owe it to them.
    const patient = openSource(kafka.brokers, PATIENT)
    await patient.read(topic, [0, 0, 0], 1000)
    kafka.freeze(2)
    try {
      await world.append(topic, [one(0, 'b0'), one(1, 'b1')])
      await eventually(() => heard.records.length === 5, 'the others, followed', PROMPT_MS)
      const slices = await within(PROMPT_MS, patient.read(topic, [0, 0, 0], 1000))
      assert.deepEqual(
        slices.map((slice) => slice.partition).sort((a, b) => a - b),
        [0, 1],
      )
      assert.equal(slices.flatMap((slice) => slice.records).length, 4)
      const atEnd = await within(PROMPT_MS, patient.read(topic, [2, 2, 1], 1000))
      assert.deepEqual(
        atEnd.map((slice) => slice.partition).sort((a, b) => a - b),
        [0, 1],
      )
      const { vector } = await within(PROMPT_MS, patient.locate(topic, 'latest'))
      assert.deepEqual(vector.slice(0, 2), [2, 2])
      assert.ok(isUnresolved(vector[2]!), 'the frozen one is unresolved')
      assert.equal(heard.downs.length, 0)
    } finally {
      kafka.thaw(2)
    }
    await eventually(() => heard.end.length === 3, 'the thawed broker')
    await world.append(topic, [one(2, 'b2')])
    await eventually(() => heard.records.length === 6, 'what came to the thawed broker')
    heard.assertContinuous([0, 0, 0])
    following.close()
    await patient.close()
  })

  test('who follows and who reads lose nothing and see nothing twice when a leader is killed', async () => {
    const topic = await world.createTopic(3)
    const heard = new Heard()
    const following = world.source.follow(topic, [0, 0, 0], heard)
    await world.append(topic, [one(0, '0:0'), one(1, '1:0'), one(2, '2:0')])
    await eventually(() => heard.records.length === 3, 'following')
    const victim = await leaderOf(topic, 0)
    await kafka.kill(victim)
    const written = ['0:0', '1:0', '2:0']
    for (let i = 1; i <= 20; i++) {
      for (const partition of [0, 1, 2]) {
        await world.append(topic, [one(partition, `${partition}:${i}`)])
        written.push(`${partition}:${i}`)
      }
    }
    const values = (): Set<string> => new Set(heard.records.map((record) => Buffer.from(record.value!).toString()))
    await eventually(() => written.every((value) => values().has(value)), 'everything that was acknowledged')
    heard.assertContinuous([0, 0, 0])
    assert.notEqual(await leaderOf(topic, 0), victim)
    const { vector } = await world.source.locate(topic, 'latest')
    let next = [0, 0, 0]
    const read = new Set<string>()
    while (next.some((offset, partition) => offset < vector[partition]!)) {
      for (const slice of await world.source.read(topic, next, 1000)) {
        next = next.with(slice.partition, slice.next)
        for (const record of slice.records) read.add(Buffer.from(record.value!).toString())
      }
    }
    assert.deepEqual(read, values())
    following.close()
    await kafka.restart(victim)
  })

  test('a partition without a leader holds up nothing, and is read from where it stood when it has one', async () => {
    const topic = await onePerBroker()
    await world.append(topic, [one(0, 'a0'), one(1, 'a1'), one(2, 'a2')])
    await kafka.kill(1)
    const { vector } = await world.source.locate(topic, 'latest')
    assert.ok(isUnresolved(vector[1]!), 'unresolved since now')
    assert.deepEqual([vector[0], vector[2]], [1, 1])
    const heard = new Heard()
    const following = world.source.follow(topic, vector, heard)
    await world.append(topic, [one(0, 'b0'), one(2, 'b2')])
    await eventually(() => heard.records.length === 2, 'the others', PROMPT_MS)
    const slices = await world.source.read(topic, vector, 1000)
    const waiting = slices.find((slice) => slice.partition === 1)
    assert.deepEqual([waiting?.next, waiting?.records.length, waiting?.end], [vector[1], 0, 0])
    await kafka.restart(1)
    await world.append(topic, [one(1, 'b1')])
    await eventually(() => heard.of(1).length > 0, 'the one that came back')
    assert.deepEqual(
      heard.of(1).map((record) => [record.offset, Buffer.from(record.value!).toString()]),
      [[1, 'b1']],
    )
    assert.equal(heard.downs.length, 0)
    following.close()
  })

  test('when nothing answers it is told once that it is down, since when, and that it is up', async () => {
    const topic = await world.createTopic(3)
    const heard = new Heard()
    const following = world.source.follow(topic, [0, 0, 0], heard)
    await eventually(() => heard.end.length === 3, 'following')
    const cold = openSource(kafka.brokers, LIMITS)
    const begun = Date.now()
    for (const id of [0, 1, 2]) kafka.freeze(id)
    try {
      await assert.rejects(within(6000, cold.locate(topic, 'latest')), { code: 'unavailable' })
      await assert.rejects(within(12_000, world.source.read(topic, [0, 0, 0], 1000)), { code: 'unavailable' })
      await eventually(() => heard.downs.length === 1, 'down')
      const { error, since } = heard.downs[0]!
      assert.equal(error.code, 'unavailable')
      assert.ok(since >= begun - 1000 && since <= Date.now() - LIMITS.downAfterMs, 'since the last answer')
      assert.equal(heard.ups, 0)
    } finally {
      for (const id of [0, 1, 2]) kafka.thaw(id)
    }
    await eventually(() => heard.ups === 1, 'up')
    await world.append(topic, [one(0, 'x')])
    await eventually(() => heard.records.length === 1, 'records again')
    assert.equal(heard.downs.length, 1)
    following.close()
    await cold.close()
  })

  test('a thousand partitions are found, followed and read in few requests and bounded time', async () => {
    const partitions = 1000
    const topic = `wide-${process.pid}`
    await makeTopic(world.admin, topic, partitions, 1)
    // The broker makes their folders one after the other.
    while ((await world.source.read(topic, [], MIB)).length < partitions);
    const proxy = await openProxy(kafka.brokers)
    const source = openSource(proxy.brokers)
    const askedFor = (apiKey: number): number => proxy.asked.get(apiKey) ?? 0
    const begun = performance.now()
    const { epoch, vector } = await source.locate(topic, 'latest')
    assert.equal(vector.length, partitions)
    assert.ok(askedFor(API.listOffsets) <= 2 * proxy.brokers.length, 'one question a leader')
    const heard = new Heard()
    const following = source.follow(topic, vector, heard, epoch)
    await eventually(() => heard.end.filter((end) => end === 0).length === partitions, 'all of them')
    assert.ok(askedFor(API.fetch) <= 20 * proxy.brokers.length, `${askedFor(API.fetch)} fetches`)
    const spread = Array.from({ length: 50 }, (_, i) => numbered(i * 20, 1)[0]!)
    await world.append(topic, spread)
    await eventually(() => heard.records.length === 50, 'the records')
    following.close()
    const before = askedFor(API.fetch)
    const slices = await source.read(topic, vector, MIB, undefined, epoch)
    assert.equal(slices.flatMap((slice) => slice.records).length, 50)
    // A poll of the tail may still be under way.
    assert.ok(askedFor(API.fetch) - before <= 4 * proxy.brokers.length, 'one fetch a leader')
    assert.ok(performance.now() - begun < 10_000, `took ${Math.round(performance.now() - begun)} ms`)
    await source.close()
    proxy.close()
  })
})

async function within<T>(msMax: number, work: Promise<T>): Promise<T> {
  const begun = performance.now()
  try {
    return await work
  } finally {
    const ms = Math.round(performance.now() - begun)
    assert.ok(ms <= msMax, `took ${ms} ms, more than ${msMax}`)
  }
}
