import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { systemClock, type Clock, type Timer } from '../../../gateway/clock.ts'
import { kafkaBrokers } from '../../services/use.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { openKafka, openSource, type KafkaWorld } from './world.ts'

const LIMITS = { connectMsMax: 300, requestMsMax: 300, hedgeMs: 100, downAfterMs: 300, metadataEveryMs: 500 }

describe('kafka life cycle', () => {
  let world: KafkaWorld
  before(async () => {
    world = await openKafka(kafkaBrokers(), { limits: LIMITS })
  })
  after(() => world.close())

  test('a deleted topic is told as such once, and made anew it is another one', async () => {
    const topic = await world.createTopic(2)
    await world.append(topic, [{ partition: 0, value: Buffer.from('old') }])
    const heard = new Heard()
    world.source.follow(topic, [0, 0], heard)
    await eventually(() => heard.records.length === 1, 'following')
    await world.admin.deleteTopics({ topics: [topic] })
    await eventually(() => heard.downs.length === 1, 'down')
    assert.equal(heard.downs[0]?.error.code, 'no-such-topic')
    await assert.rejects(world.source.locate(topic, 'latest'), { code: 'no-such-topic' })
    await world.admin.createTopics({
      topics: [{ topic, numPartitions: 2, replicationFactor: 1 }],
      waitForLeaders: true,
    })
    await eventually(() => heard.changes === 1, 'changed')
    assert.deepEqual([heard.downs.length, heard.ups], [1, 0])
  })

  test('says how long a topic keeps its records at least, where the topic says so', async () => {
    const kept = async (settings: { readonly [name: string]: string }): Promise<number | null | undefined> => {
      const topic = `kept-${process.pid}-${Object.values(settings).join('-').replaceAll(',', '.')}`
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
      await world.admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true })
      return (await world.source.locate(topic, 'latest')).keptMs
    }
    assert.equal(await kept({ 'retention.ms': '7200000' }), 7_200_000)
    assert.equal(await kept({ 'retention.ms': '-1' }), null)
    assert.equal(await kept({ 'retention.ms': '7200001', 'retention.bytes': '1000000' }), null, 'it may go sooner')
    assert.equal(await kept({ 'cleanup.policy': 'compact' }), null)
  })

  test('a topic that comes later is followed from then on', async () => {
    const topic = `later-${process.pid}`
    const heard = new Heard()
    const following = world.source.follow(topic, [], heard)
    await eventually(() => heard.downs.length === 1, 'down')
    await world.admin.createTopics({
      topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
      waitForLeaders: true,
    })
    await eventually(() => heard.ups === 1, 'up')
    await world.append(topic, [{ partition: 0, value: Buffer.from('x') }])
    await eventually(() => heard.records.length === 1, 'its record')
    assert.equal(heard.changes, 0)
    following.close()
  })

  test('close leaves no socket and no timer, in the middle of whatever it was doing', async () => {
    const topic = await world.createTopic(4)
    const before = sockets()
    const clock = countingClock()
    const source = openSource(kafkaBrokers(), LIMITS, clock)
    const heard = new Heard()
    source.follow(topic, [0, 0, 0, 0], heard)
    source.follow(`none-${topic}`, [], new Heard())
    await eventually(() => heard.end.length === 4, 'following')
    const reads = [source.read(topic, [0, 0, 0, 0], 1000), source.locate(topic, 'latest')]
    await source.close()
    for (const result of await Promise.allSettled(reads)) {
      assert.equal(result.status === 'rejected' ? (result.reason as { code?: string }).code : 'closed', 'closed')
    }
    await eventually(() => sockets() <= before, 'sockets to be gone')
    await eventually(() => clock.timers.size === 0, 'timers to be gone')
    await assert.rejects(source.read(topic, [0], 1), { code: 'closed' })
    assert.throws(() => source.follow(topic, [0], heard), { code: 'closed' })
  })

  test('a cluster that nobody is at is unavailable within a bounded time', async () => {
    const silent = await listening()
    const { port } = silent.address() as { port: number }
    for (const [brokers, what] of [
      [['127.0.0.1:1'], 'refused'],
      [[`127.0.0.1:${port}`], 'accepted and never answered'],
    ] as const) {
      const source = openSource(brokers, LIMITS)
      const begun = performance.now()
      await assert.rejects(source.locate('x', 'latest'), { name: 'SourceError', code: 'unavailable' }, what)
      await assert.rejects(source.read('x', [0], 1), { code: 'unavailable' }, what)
      assert.ok(performance.now() - begun < 3000)
      await source.close()
    }
    silent.close()
  })

  test('a bad broker among the configured ones does not matter', async () => {
    const topic = await world.createTopic(1)
    const source = openSource(['127.0.0.1:1', ...kafkaBrokers()], LIMITS)
    assert.deepEqual((await source.locate(topic, 'latest')).vector, [0])
    await source.close()
  })
})

const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

/** A clock that knows what has been set and neither run nor cancelled. */
function countingClock(): Clock & { readonly timers: ReadonlySet<Timer> } {
  const timers = new Set<Timer>()
  const kept = (timer: Timer): Timer => {
    const counted = {
      cancel: (): void => {
        timers.delete(counted)
        timer.cancel()
      },
    }
    timers.add(counted)
    return counted
  }
  return {
    ...systemClock,
    timers,
    after: (ms, run) => {
      const timer = kept(
        systemClock.after(ms, () => {
          timers.delete(timer)
          run()
        }),
      )
      return timer
    },
    every: (ms, run) => kept(systemClock.every(ms, run)),
  }
}

async function listening(): Promise<Server> {
  const server = createServer((socket) => void socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return server
}
