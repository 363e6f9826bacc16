import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Vector } from '../../../gateway/stream/source.ts'
import { Heard, eventually } from './heard.ts'
import { MIB, T0, numbered, text, type SourceTests } from './world.ts'

/** Where `Source.locate` says that a place is, and what is refused. */
export function locateTests(suite: SourceTests): void {
  test('an empty topic begins and ends at 0 in every partition, whatever is asked', async () => {
    const topic = await suite.world.createTopic(3)
    for (const at of ['earliest', 'latest', { time: 1 }, { time: T0 }, { time: Date.now() + 3_600_000 }] as const) {
      const { epoch, vector } = await suite.world.source.locate(topic, at)
      assert.deepEqual(vector, [0, 0, 0])
      assert.ok(Number.isSafeInteger(epoch) && epoch >= 0)
    }
  })

  test('a place is found by earliest, latest and time, in each partition by itself', async () => {
    const topic = await suite.world.createTopic(3)
    await suite.world.append(topic, [...numbered(0, 10), ...numbered(1, 3)])
    const at = async (where: 'earliest' | 'latest' | { time: number }): Promise<Vector> =>
      (await suite.world.source.locate(topic, where)).vector
    assert.deepEqual(await at('earliest'), [0, 0, 0])
    assert.deepEqual(await at('latest'), [10, 3, 0])
    assert.deepEqual(await at({ time: T0 - 1000 }), [0, 0, 0], 'before everything')
    assert.deepEqual(await at({ time: T0 + 2 }), [2, 2, 0], 'at a record')
    assert.deepEqual(await at({ time: T0 + 5 }), [5, 3, 0], 'past one partition')
    assert.deepEqual(await at({ time: T0 + 100_000 }), [10, 3, 0], 'after everything')
  })

  test('a time finds the first record that late in the order of offsets, though timestamps go back', async () => {
    const topic = await suite.world.createTopic(1)
    const times = [100, 500, 300, 200, 700, 600]
    await suite.world.append(
      topic,
      times.map((ms) => ({ partition: 0, value: text('x'), time: T0 + ms })),
    )
    for (const [ms, offset] of [
      [100, 0],
      [101, 1],
      [300, 1],
      [501, 4],
      [700, 4],
      [701, 6],
    ] as const) {
      assert.deepEqual((await suite.world.source.locate(topic, { time: T0 + ms })).vector, [offset], `at ${ms}`)
    }
  })

  test('a topic that does not exist is refused by name, and told to who follows it', async () => {
    const topic = `no-such-${Date.now()}`
    const refused = { name: 'SourceError', code: 'no-such-topic' }
    await assert.rejects(suite.world.source.locate(topic, 'latest'), refused)
    await assert.rejects(suite.world.source.read(topic, [0], MIB), refused)
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    await eventually(() => heard.downs.length === 1, 'down')
    assert.equal(heard.downs[0]?.error.code, 'no-such-topic')
    following.close()
  })

  test('a read that was given up throws the reason', async () => {
    const topic = await suite.world.createTopic(1)
    const reason = new Error('given up')
    const signal = AbortSignal.abort(reason)
    await assert.rejects(suite.world.source.read(topic, [0], MIB, signal), reason)
    await assert.rejects(suite.world.source.locate(topic, 'latest', signal), reason)
  })
}
