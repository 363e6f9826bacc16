import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { systemClock } from '../../../gateway/clock.ts'
import { Reader } from '../../../gateway/drivers/kafka/reader.ts'
import { silentLog } from '../../../gateway/log.ts'
import { KafkaSource } from '../../../gateway/source/kafka/source.ts'
import { kafkaBrokers } from '../../services/use.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { numbered, plain, readAll } from '../../suites/source/world.ts'
import { API, openProxy, type Proxy } from './proxy.ts'
import { openKafka, openSource, type KafkaWorld } from './world.ts'

/** Kafka 2.3 to 2.7: no topic ids at all. */
const NO_IDS = { [API.metadata]: 9, [API.fetch]: 11 }
/** Kafka 2.8 to 3.0: metadata tells them, fetches do not take them. */
const NO_FETCH_BY_ID = { [API.fetch]: 12 }
const LIMITS = { metadataEveryMs: 500, downAfterMs: 500 }
const MIB = 1024 * 1024

describe('kafka versions', () => {
  let world: KafkaWorld
  let proxy: Proxy
  let source: KafkaSource
  const warned: string[] = []
  before(async () => {
    world = await openKafka(kafkaBrokers())
  })
  after(() => world.close())
  afterEach(async () => {
    await source?.close()
    proxy?.close()
  })

  async function open(versionsMax: { readonly [apiKey: number]: number }): Promise<void> {
    proxy = await openProxy(kafkaBrokers(), versionsMax)
    const log = { ...silentLog, warn: (_fields: object, message: string) => void warned.push(message) }
    const config = { name: 'old', brokers: proxy.brokers, clientId: 'test' }
    source = new KafkaSource({ ...config, clock: systemClock, log, limits: LIMITS })
  }

  async function assertServes(): Promise<void> {
    const topic = await world.createTopic(2)
    await world.append(topic, [...numbered(0, 5), ...numbered(1, 5)])
    const { epoch, vector } = await source.locate(topic, 'earliest')
    const heard = new Heard()
    const following = source.follow(topic, vector, heard, epoch)
    await eventually(() => heard.records.length === 10, 'followed')
    following.close()
    heard.assertContinuous(vector)
    assert.equal((await readAll(source, topic, vector, MIB)).records.length, 10)
  }

  test('brokers that know no topic ids are served under epoch 0, and the operator is told once', async () => {
    warned.length = 0
    await open(NO_IDS)
    await assertServes()
    await assertServes()
    const { epoch, log } = await source.locate(await world.createTopic(1), 'latest')
    assert.deepEqual([epoch, log], [0, 0])
    assert.equal(warned.filter((message) => /topic ids/.test(message)).length, 1)
  })

  test('brokers that know no topic ids show a topic made anew where it shrank, or was seen to be gone', async () => {
    await open(NO_IDS)
    const topic = await world.createTopic(2)
    const heard = new Heard()
    source.follow(topic, [0, 0], heard)
    await eventually(() => heard.end.length === 2, 'following')
    await world.recreate(topic, 1)
    await eventually(() => heard.changes === 1, 'changed')
  })

  test('brokers that fetch by name alone never give records of another log under the old epoch to who reads', async () => {
    await open(NO_FETCH_BY_ID)
    await assertServes()
    const topic = await world.createTopic(1)
    await world.append(topic, numbered(0, 3))
    const { epoch, vector } = await source.locate(topic, 'earliest')
    await source.read(topic, vector, MIB, undefined, epoch)
    await world.recreate(topic, 1)
    await world.append(topic, numbered(0, 9, 100))
    await assert.rejects(source.read(topic, vector, MIB, undefined, epoch), { code: 'changed' })
    const now = await source.locate(topic, 'earliest')
    const slices = await source.read(topic, now.vector, MIB, undefined, now.epoch)
    assert.equal(plain(slices[0]!.records[0]!.value), '0:100')
  })

  test('a topic that is made anew between finding its id and its offsets is found whole: the new one', async () => {
    await open({})
    const topic = await world.createTopic(1)
    await world.append(topic, numbered(0, 3))
    const old = await source.locate(topic, 'latest')
    let once = true
    proxy.meanwhile = async (apiKey) => {
      if (apiKey !== API.listOffsets || !once) return
      once = false
      await world.recreate(topic, 1)
      await world.append(topic, numbered(0, 7))
    }
    const { epoch, log, vector } = await source.locate(topic, 'latest')
    assert.ok(!once)
    assert.deepEqual(vector, [7])
    assert.ok(epoch > old.epoch && log !== old.log)
  })

  test('who follows gets nothing of another log, though nobody has looked since it came', async () => {
    const unaware = openSource(kafkaBrokers(), { metadataEveryMs: 600_000 })
    const topic = await world.createTopic(1)
    await world.append(topic, numbered(0, 3))
    const heard = new Heard()
    const following = unaware.follow(topic, [0], heard)
    await eventually(() => heard.records.length === 3, 'following')
    following.pause()
    await eventually(() => heard.quietMs > 500, 'until no poll is under way')
    await world.recreate(topic, 1)
    await world.append(topic, numbered(0, 9, 100))
    following.resume()
    await eventually(() => heard.changes === 1, 'changed')
    assert.equal(heard.records.length, 3)
    await unaware.close()
  })

  test('a tail of many partitions is asked for once, then for what has changed', async () => {
    await open({})
    const topic = await world.createTopic(60)
    const bytes: number[] = []
    proxy.meanwhile = async (apiKey, frame) => {
      if (apiKey === API.fetch) bytes.push(frame.length)
    }
    const heard = new Heard()
    const following = source.follow(
      topic,
      Array.from({ length: 60 }, () => 0),
      heard,
    )
    await eventually(() => heard.end.length === 60, 'the ends')
    const all = Math.max(...bytes)
    await eventually(() => bytes.slice(-3).every((one) => one < all / 10), 'short fetches')
    await world.append(topic, numbered(0, 300))
    await eventually(() => heard.records.length === 300, 'records of all partitions')
    following.close()
  })

  test('each fetch of a tail names the leader that its position was held against', async () => {
    await open({})
    const topic = await world.createTopic(2)
    const named: number[] = []
    proxy.meanwhile = async (apiKey, frame) => {
      if (apiKey === API.fetch) named.push(...leaderEpochsOf(frame))
    }
    const heard = new Heard()
    const following = source.follow(topic, [0, 0], heard)
    await eventually(() => heard.end.length === 2, 'the ends')
    const first = named.length
    await world.append(topic, numbered(0, 10))
    // Named again where the position has moved.
    await eventually(() => heard.records.length === 10 && named.length > first, 'fetches')
    following.close()
    assert.ok(
      named.every((epoch) => epoch >= 0),
      named.join(),
    )
  })
})

/** Of a Fetch request of version 13. */
function leaderEpochsOf(frame: Buffer): number[] {
  const headBytes = 4 + 8 + 2 + frame.readInt16BE(12) + 1
  const reader = new Reader(frame.subarray(headBytes), true)
  for (let words = 0; words < 4; words++) reader.int32()
  reader.int8()
  for (let words = 0; words < 2; words++) reader.int32()
  const topics = reader.array((topic) => {
    topic.uuid()
    const epochs = topic.array((one) => {
      one.int32()
      const epoch = one.int32()
      one.int64()
      one.int32()
      one.int64()
      one.int32()
      one.tags()
      return epoch
    })
    topic.tags()
    return epochs
  })
  return topics.flat()
}
