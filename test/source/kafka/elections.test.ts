import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { Partitioners, logLevel, Kafka } from 'kafkajs'
import { startKafka, type KafkaCluster } from '../../services/kafka.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { openKafka, untilEnd, type KafkaWorld } from './world.ts'

const LIMITS = { connectMsMax: 1000, requestMsMax: 1000, tailMsMax: 1000, downAfterMs: 1000, metadataEveryMs: 1000 }

const LONGER = { what: 'longer', more: 12 }
/** Its fetches would be refused, so that it is found out either way: run with `--long`. */
const SHORTER = { what: 'shorter', more: 2 }
const LONG = process.argv.includes('--long')

/** Leaders that lack what was read: a replica that was away becomes leader because nobody else is there. */
describe('kafka elections', () => {
  let kafka: KafkaCluster
  let world: KafkaWorld
  before(async () => {
    kafka = await startKafka({
      brokers: 3,
      settings: { 'unclean.leader.election.enable': true, 'unclean.leader.election.interval.ms': 500 },
    })
  })
  after(() => kafka?.stop())
  beforeEach(async () => {
    world = await openKafka(kafka.brokers, { limits: LIMITS })
  })
  afterEach(() => world.close())

  /** One partition with replicas on brokers 0 and 1, led by 0. The quorum keeps broker 2, whatever happens to these. */
  async function onTwo(topic: string): Promise<void> {
    const replicaAssignment = [{ partition: 0, replicas: [0, 1] }]
    const configEntries = [
      { name: 'unclean.leader.election.enable', value: 'true' },
      { name: 'min.insync.replicas', value: '1' },
    ]
    await world.admin.createTopics({ topics: [{ topic, replicaAssignment, configEntries }], waitForLeaders: true })
  }

  async function leaderOf(topic: string): Promise<number> {
    const { topics } = await world.admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]!.partitions[0]!.leader
  }

  async function untilLedBy(topic: string, leader: number): Promise<void> {
    const until = performance.now() + 30_000
    while ((await leaderOf(topic)) !== leader) assert.ok(performance.now() < until, `broker ${leader} never led`)
  }

  /** A producer of its own: another one would still write to the leader before. */
  async function write(topic: string, values: readonly string[]): Promise<void> {
    const client = new Kafka({
      brokers: [...kafka.brokers],
      logLevel: logLevel.NOTHING,
      retry: { retries: 20, maxRetryTime: 500 },
    })
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    // One batch a value, and only the leader's word for it.
    for (const value of values) await producer.send({ topic, acks: 1, messages: [{ partition: 0, value }] })
    await producer.disconnect()
  }

  const valuesOf = (heard: Heard): string[] => heard.records.map(({ value }) => Buffer.from(value!).toString())
  const named = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`)

  const cases = LONG ? [LONGER, SHORTER] : [LONGER]
  for (const { what, more } of cases) {
    test(`records that an unclean election took back are told where the log parted, though the new one is ${what}`, async () => {
      const topic = `unclean-${what}-${process.pid}`
      await onTwo(topic)
      const heard = new Heard()
      const following = world.source.follow(topic, [0], heard)
      await write(topic, named('both', 3))
      await eventually(() => heard.records.length === 3, 'what both have')
      await kafka.kill(1)
      await write(topic, named('lost', 5))
      await eventually(() => heard.records.length === 8, 'what one has')
      await kafka.kill(0)
      await kafka.restart(1)
      await untilLedBy(topic, 1)
      await write(topic, named('new', more))
      await eventually(() => valuesOf(heard).includes(`new${more - 1}`), 'the new log')
      assert.deepEqual(heard.lost, [{ reason: 'truncated', from: 8, to: 3 }])
      assert.deepEqual(valuesOf(heard), [...named('both', 3), ...named('lost', 5), ...named('new', more)])
      assert.deepEqual(
        heard.records.slice(8).map(({ offset }) => offset),
        Array.from({ length: more }, (_, i) => 3 + i),
      )
      assert.equal(heard.changes, 0)
      following.close()
      await kafka.restart(0)
    })
  }

  test('a leader that changes with nothing lost is no truncation, also for who has read nothing yet', async () => {
    const topic = `clean-${process.pid}`
    await onTwo(topic)
    await write(topic, named('a', 5))
    const heard = new Heard()
    const waiting = new Heard()
    await untilEnd(world.source, topic, 0, 5)
    const { vector } = await world.source.locate(topic, 'latest')
    const followings = [world.source.follow(topic, [0], heard), world.source.follow(topic, vector, waiting)]
    await eventually(() => heard.records.length === 5 && waiting.end[0] === 5, 'following')
    for (const leader of [0, 1]) {
      if ((await leaderOf(topic)) !== leader) continue
      await kafka.kill(leader, 'SIGTERM')
      await untilLedBy(topic, 1 - leader)
      await write(topic, named('b', 5))
      await eventually(() => heard.records.length === 10 && waiting.records.length === 5, 'the next leader')
      await kafka.restart(leader)
      break
    }
    assert.deepEqual([heard.lost, waiting.lost], [[], []])
    heard.assertContinuous([0])
    waiting.assertContinuous(vector)
    for (const following of followings) following.close()
  })
})
