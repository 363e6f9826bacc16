import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUnresolved } from '../../../gateway/stream/source.ts'
import { Heard, eventually } from './heard.ts'
import { MIB, T0, numbered, plain, readAll, type SourceTests } from './world.ts'

/** What `Source.follow` hands over, and when. */
export function followTests(suite: SourceTests): void {
  test('everything appended is followed in order, over all partitions', async () => {
    const topic = await suite.world.createTopic(4)
    const { vector } = await suite.world.source.locate(topic, 'latest')
    const heard = new Heard()
    const following = suite.world.source.follow(topic, vector, heard)
    for (let round = 0; round < 5; round++) {
      await suite.world.append(
        topic,
        [0, 1, 2, 3].flatMap((partition) => numbered(partition, 20, round * 20)),
      )
    }
    await eventually(() => heard.records.length >= 400, 'all records')
    following.close()
    for (const partition of [0, 1, 2, 3]) {
      const values = heard.of(partition).map((record) => plain(record.value))
      assert.deepEqual(
        values,
        Array.from({ length: 100 }, (_, i) => `${partition}:${i}`),
      )
    }
    heard.assertContinuous(vector)
  })

  test('following hands over what was there before as well, from any offset', async () => {
    const topic = await suite.world.createTopic(2)
    await suite.world.append(topic, [...numbered(0, 10), ...numbered(1, 10)])
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [7, 10], heard)
    await eventually(() => heard.records.length >= 3 && heard.next[1] === 10, 'the rest')
    following.close()
    assert.deepEqual(
      heard.of(0).map((record) => record.offset),
      [7, 8, 9],
    )
    assert.deepEqual(heard.of(1), [])
  })

  test('nothing is called inside follow, and nothing after close', async () => {
    const topic = await suite.world.createTopic(1)
    await suite.world.append(topic, numbered(0, 5))
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    assert.equal(heard.calls, 0)
    await eventually(() => heard.records.length === 5, 'the first five')
    const other = new Heard()
    const stillOpen = suite.world.source.follow(topic, [5], other)
    following.close()
    const { calls } = heard
    await suite.world.append(topic, numbered(0, 5, 5))
    await eventually(() => other.records.length === 5, 'the other follower')
    assert.equal(heard.calls, calls)
    stillOpen.close()
  })

  test('offsets without a record move the position to the end, for who follows and for who reads', async () => {
    const topic = await suite.world.createTopic(1)
    await suite.world.append(topic, numbered(0, 3))
    await suite.world.hole(topic, 0)
    await suite.world.append(topic, numbered(0, 2, 3))
    await suite.world.hole(topic, 0)
    const {
      vector: [end],
    } = await suite.world.source.locate(topic, 'latest')
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    await eventually(() => heard.next[0] === end, 'the end')
    following.close()
    const expected = ['0:0', '0:1', '0:2', '0:3', '0:4']
    assert.deepEqual(
      heard.records.map((record) => plain(record.value)),
      expected,
    )
    heard.assertContinuous([0])
    const { records, next } = await readAll(suite.world.source, topic, [0], MIB)
    assert.deepEqual(
      records.map((record) => plain(record.value)),
      expected,
    )
    assert.deepEqual(next, [end])
  })

  test('the end of each partition is told, and news of it too', async () => {
    const topic = await suite.world.createTopic(2)
    await suite.world.append(topic, numbered(0, 4))
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0, 0], heard)
    await eventually(() => heard.end[0] === 4 && heard.end[1] === 0, 'both ends')
    await suite.world.append(topic, numbered(1, 2))
    await eventually(() => heard.end[1] === 2 && heard.next[1] === 2, 'the new end')
    following.close()
  })

  test('a record of 1 MB comes whole, followed and read, with a small budget too', async () => {
    const topic = await suite.world.createTopic(1)
    const big = new Uint8Array(1_000_000).map((_, i) => i % 251)
    await suite.world.append(topic, [...numbered(0, 1), { partition: 0, value: big, time: T0 }, ...numbered(0, 1, 1)])
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    await eventually(() => heard.records.length === 3, 'all three')
    following.close()
    const { records } = await readAll(suite.world.source, topic, [0], 1000)
    for (const found of [heard.records, records]) {
      assert.equal(found.length, 3)
      assert.ok(Buffer.from(found[1]!.value!).equals(big))
    }
  })

  test('below the start of the log what is lost is said, and it goes on at the start', async () => {
    const topic = await suite.world.createTopic(1)
    await suite.world.append(topic, numbered(0, 10))
    await suite.world.deleteBefore(topic, 0, 6)
    assert.deepEqual((await suite.world.source.locate(topic, 'earliest')).vector, [6])
    const [slice] = await suite.world.source.read(topic, [2], MIB)
    assert.deepEqual(slice?.lost, { reason: 'retention', from: 2, to: 6 })
    assert.deepEqual([slice?.from, slice?.records.map((record) => record.offset)], [6, [6, 7, 8, 9]])
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [2], heard)
    await eventually(() => heard.records.length === 4, 'the rest')
    following.close()
    assert.deepEqual(heard.lost, [{ reason: 'retention', from: 2, to: 6 }])
    assert.deepEqual(
      heard.of(0).map((record) => record.offset),
      [6, 7, 8, 9],
    )
  })

  test('above the end nothing is read and it is said where the end is', async () => {
    const topic = await suite.world.createTopic(1)
    await suite.world.append(topic, numbered(0, 3))
    const lost = { reason: 'truncated', from: 50, to: 3 }
    const [slice] = await suite.world.source.read(topic, [50], MIB)
    assert.deepEqual([slice?.lost, slice?.records.length], [lost, 0])
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [50], heard)
    await eventually(() => heard.lost.length === 1, 'lost')
    assert.deepEqual(heard.lost, [lost])
    await suite.world.append(topic, numbered(0, 1, 3))
    await eventually(() => heard.records.length === 1, 'what comes after the end')
    following.close()
  })

  test('an unresolved position is found by its time, by who follows and by who reads', async () => {
    const topic = await suite.world.createTopic(2)
    await suite.world.append(topic, [...numbered(0, 10), ...numbered(1, 10)])
    const from = [-(T0 + 4), -(T0 + 100_000)]
    const heard = new Heard()
    const following = suite.world.source.follow(topic, from, heard)
    await eventually(() => heard.records.length === 6 && heard.next[1] === 10, 'from the time on')
    following.close()
    assert.equal(heard.of(0)[0]?.offset, 4)
    const slices = await suite.world.source.read(topic, from, MIB)
    assert.equal(slices.find((slice) => slice.partition === 0)?.from, 4)
    assert.equal(slices.find((slice) => slice.partition === 1)?.next, 10)
    assert.ok(slices.every((slice) => !isUnresolved(slice.next)))
  })

  test('a partition that is added is noticed and read from its start', async () => {
    const topic = await suite.world.createTopic(1)
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    await suite.world.append(topic, numbered(0, 1))
    await eventually(() => heard.records.length === 1, 'the first partition')
    await suite.world.addPartitions(topic, 3)
    await suite.world.append(topic, [...numbered(1, 5), ...numbered(2, 5)])
    await eventually(() => heard.records.length === 11, 'the new partitions')
    following.close()
    assert.deepEqual(
      [1, 2].map((partition) => heard.of(partition)[0]?.offset),
      [0, 0],
    )
    const slices = await suite.world.source.read(topic, [1], MIB)
    assert.equal(slices.flatMap((slice) => slice.records).length, 10, 'a read takes partitions that it does not name')
  })

  test('two followers of one topic are independent', async () => {
    const topic = await suite.world.createTopic(2)
    const [first, second] = [new Heard(), new Heard()]
    const one = suite.world.source.follow(topic, [0, 0], first)
    const two = suite.world.source.follow(topic, [0, 0], second)
    await eventually(() => first.end.length === 2 && second.end.length === 2, 'both')
    one.pause()
    await suite.world.append(topic, [...numbered(0, 5), ...numbered(1, 5)])
    await eventually(() => second.records.length === 10, 'the one that goes on')
    two.close()
    one.resume()
    await eventually(() => first.records.length === 10, 'the one that was paused')
    one.close()
    first.assertContinuous([0, 0])
  })

  test('paused, only what is under way arrives; resumed, all the rest does', async () => {
    const topic = await suite.world.createTopic(1)
    const heard = new Heard()
    const following = suite.world.source.follow(topic, [0], heard)
    await eventually(() => heard.end[0] === 0, 'following')
    following.pause()
    await suite.world.append(topic, numbered(0, 1))
    const other = new Heard()
    const witness = suite.world.source.follow(topic, [0], other)
    await eventually(() => other.records.length === 1, 'a poll that was under way may bring it')
    await eventually(() => other.quietMs > 300, 'until no poll is under way')
    const before = heard.records.length
    await suite.world.append(topic, numbered(0, 3, 1))
    await eventually(() => other.records.length === 4, 'the witness')
    assert.equal(heard.records.length, before)
    following.resume()
    await eventually(() => heard.records.length === 4, 'the rest')
    following.close()
    witness.close()
    heard.assertContinuous([0])
  })
}
