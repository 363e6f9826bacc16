import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../../services/scratch.ts'
import { kafkaBrokers } from '../../services/use.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { MIB, numbered } from '../../suites/source/world.ts'
import { openProxy } from './proxy.ts'
import { openKafka, openSource, type KafkaWorld } from './world.ts'

const LIMITS = { connectMsMax: 300, requestMsMax: 500, tailMsMax: 500, downAfterMs: 300, metadataEveryMs: 300 }

/** A cluster that is not there, comes, and goes again: in front of a real one. */
describe('kafka outages', () => {
  let world: KafkaWorld
  before(async () => {
    world = await openKafka(kafkaBrokers())
  })
  after(() => world.close())

  test('a cluster that is away from the start, and later again, is told once each time, and nothing is lost', async () => {
    const topic = await world.createTopic(2)
    await world.append(topic, [...numbered(0, 5), ...numbered(1, 5)])
    const ports = await freePorts(kafkaBrokers().length)
    const brokers = ports.map((port) => `127.0.0.1:${port}`)
    const source = openSource(brokers, LIMITS)
    const heard = new Heard()
    const following = source.follow(topic, [0, 0], heard)
    const failed = { code: 'unavailable' }
    for (let outage = 1; outage <= 3; outage++) {
      await eventually(() => heard.downs.length === outage, `down ${outage}`)
      await eventually(() => heard.quietMs > 2 * LIMITS.downAfterMs, 'until it is sure that nothing more is told')
      assert.equal(heard.downs.length, outage)
      assert.equal(heard.downs[outage - 1]!.error.code, 'unavailable')
      await assert.rejects(source.locate(topic, 'latest'), failed)
      await assert.rejects(source.read(topic, [0, 0], MIB), failed)
      await world.append(topic, numbered(0, 1, 4 + outage))
      const proxy = await openProxy(kafkaBrokers(), {}, ports)
      await eventually(() => heard.ups === outage && heard.records.length === 10 + outage, `up ${outage}`)
      assert.deepEqual((await source.locate(topic, 'latest')).vector, [5 + outage, 5])
      proxy.close()
    }
    await eventually(() => heard.downs.length === 4, 'down at last')
    assert.deepEqual([heard.ups, heard.changes, heard.lost], [3, 0, []])
    heard.assertContinuous([0, 0])
    following.close()
    await source.close()
  })
})
