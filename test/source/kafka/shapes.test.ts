import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Partitioners } from 'kafkajs'
import { kafkaBrokers } from '../../services/use.ts'
import { Heard, eventually } from '../../suites/source/heard.ts'
import { numbered, plain, readAll, text } from '../../suites/source/world.ts'
import { SourceError } from '../../../gateway/stream/source.ts'
import { makeTopic, openKafka, type KafkaWorld } from './world.ts'

const MIB = 1024 * 1024

/** Logs that are not simply one record after the other, and topics that come and go. */
describe('kafka shapes', () => {
  let world: KafkaWorld
  before(async () => {
    world = await openKafka(kafkaBrokers(), { limits: { metadataEveryMs: 500 } })
  })
  after(() => world.close())

  test('a compacted topic is read to its end over its holes, from anywhere in them', async () => {
    const topic = `compacted-${process.pid}`
    await makeTopic(world.admin, topic, 1, 1, {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'min.compaction.lag.ms': '0',
      'delete.retention.ms': '0',
    })
    const write = (key: string, value: string | null): Promise<number[]> =>
      world.append(topic, [{ partition: 0, key: text(key), value: value === null ? null : text(value) }])
    for (let i = 0; i < 40; i++) await write(`k${i % 4}`, `v${i}`)
    await write('k0', null)
    // What is behind the last segment's start is never compacted: it is rolled until it has been.
    let left = 41
    for (let i = 0; left > 20; i++) {
      await write('roll', `r${i}`)
      const { records } = await readAll(world.source, topic, [0], MIB)
      left = records.filter(({ key }) => plain(key) !== 'roll').length
    }
    const { vector } = await world.source.locate(topic, 'latest')
    for (const from of [0, 1, 7, 20, 39]) {
      const { records, next } = await readAll(world.source, topic, [from], MIB)
      assert.deepEqual(next, vector)
      assert.ok(records.some(({ value }) => plain(value) === 'v39'))
      const offsets = records.map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        [...new Set(offsets)].sort((a, b) => a - b),
      )
    }
    const heard = new Heard()
    const following = world.source.follow(topic, [3], heard)
    await eventually(() => heard.next[0] === vector[0], 'the end')
    following.close()
    heard.assertContinuous([3])
  })

  test('records deleted under a live tail and before a resting position are told with their numbers', async () => {
    const topic = await world.createTopic(2)
    await world.append(topic, [...numbered(0, 5), ...numbered(1, 5)])
    const heard = new Heard()
    const following = world.source.follow(topic, [0, 0], heard)
    await eventually(() => heard.records.length === 10, 'following')
    following.pause()
    await eventually(() => heard.quietMs > 400, 'until no poll is under way')
    await world.append(topic, [...numbered(0, 15, 5), ...numbered(1, 15, 5)])
    const known = heard.records.filter(({ partition }) => partition === 0).length
    await world.deleteBefore(topic, 0, 12)
    following.resume()
    await eventually(() => heard.next[0] === 20 && heard.next[1] === 20, 'the rest')
    following.close()
    assert.deepEqual(heard.lost, known >= 12 ? [] : [{ reason: 'retention', from: known, to: 12 }])
    assert.deepEqual(
      heard.of(1).map(({ offset }) => offset),
      Array.from({ length: 20 }, (_, i) => i),
    )
    const slices = await world.source.read(topic, [3, 18], MIB)
    const [first, second] = [0, 1].map((partition) => slices.find((slice) => slice.partition === partition)!)
    assert.deepEqual(first!.lost, { reason: 'retention', from: 3, to: 12 })
    assert.equal(first!.from, 12)
    assert.deepEqual((await readAll(world.source, topic, [first!.next, 20], MIB)).next, [20, 20])
    assert.deepEqual([second!.lost, second!.records.length], [undefined, 2])
  })

  test('records of a megabyte, and larger than any fetch, arrive whole and hold up nobody', async () => {
    const topic = await world.createTopic(2)
    const sizes = [10, MIB - 2000, 3 * MIB, 10]
    for (const [i, size] of sizes.entries()) {
      await world.append(topic, [
        { partition: 0, value: new Uint8Array(size).fill(97 + i) },
        { partition: 1, value: text(`small ${i}`) },
      ])
    }
    const small = await openKafka(kafkaBrokers(), {
      limits: { tailBytesMax: 200_000, tailPartitionBytesMax: 100_000, readPartitionBytesMin: 1000 },
    })
    const heard = new Heard()
    const following = small.source.follow(topic, [0, 0], heard)
    await eventually(() => heard.records.length === 8, 'all, followed')
    following.close()
    heard.assertContinuous([0, 0])
    const { records } = await readAll(small.source, topic, [0, 0], 50_000)
    for (const all of [heard.of(0), records.filter(({ partition }) => partition === 0)]) {
      assert.deepEqual(
        all.map(({ value }) => value!.byteLength),
        sizes,
      )
      assert.ok(all.every(({ value }, i) => value!.every((byte) => byte === 97 + i)))
    }
    await small.close()
  })

  test('behind a transaction that hangs who reads and who follows wait, others go on, and all go on when it ends', async () => {
    const topic = await world.createTopic(2)
    const producer = world.client.producer({
      transactionalId: `${topic}-hangs`,
      transactionTimeout: 2000,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    const open = await producer.transaction()
    await open.send({ topic, messages: [{ partition: 0, value: 'never seen' }] })
    await world.append(topic, [...numbered(0, 3), ...numbered(1, 3)])
    const heard = new Heard()
    const following = world.source.follow(topic, [0, 0], heard)
    await eventually(() => heard.of(1).length === 3, 'the other partition')
    const slices = await world.source.read(topic, [0, 0], MIB)
    const held = slices.find(({ partition }) => partition === 0)!
    assert.deepEqual([held.records.length, held.next, held.end], [0, 0, 0])
    assert.equal(heard.of(0).length, 0)
    // Its producer says nothing more; the broker ends it after the transaction's timeout.
    await eventually(() => heard.of(0).length === 3, 'what was held up')
    assert.deepEqual(
      heard.of(0).map(({ value }) => plain(value)),
      ['0:0', '0:1', '0:2'],
    )
    const { records } = await readAll(world.source, topic, [0, 0], MIB)
    assert.equal(records.length, 6)
    heard.assertContinuous([0, 0])
    assert.equal(heard.downs.length, 0)
    following.close()
    await producer.disconnect()
  })

  test('while a topic is made anew again and again, no record is ever handed out under the epoch of another log', async () => {
    const topic = await world.createTopic(1)
    const epochs = new Map<number, string>()
    const ending = new AbortController()
    const going = (): boolean => !ending.signal.aborted
    let [reads, changes, follows] = [0, 0, 0]
    const seen = (epoch: number, value: Uint8Array | null): void => {
      const generation = plain(value)!.split(':')[0]!
      assert.equal(epochs.get(epoch) ?? generation, generation, `epoch ${epoch}`)
      epochs.set(epoch, generation)
    }
    /** Reads one log until it is said to have changed, whatever else goes wrong meanwhile. */
    const readOne = async (epoch: number): Promise<void> => {
      while (going()) {
        try {
          const slices = await world.source.read(topic, [0], MIB, undefined, epoch)
          for (const { records } of slices) for (const { value } of records) seen(epoch, value)
          reads++
        } catch (error) {
          if (!(error instanceof SourceError)) throw error
          if (error.code === 'changed') return void changes++
        }
      }
    }
    const reading = async (): Promise<void> => {
      while (going()) {
        const located = await world.source.locate(topic, 'latest').catch(() => null)
        if (located !== null) await readOne(located.epoch)
      }
    }
    const followAgain = async (): Promise<void> => {
      while (going()) {
        const located = await world.source.locate(topic, 'latest').catch(() => null)
        if (located === null) continue
        const heard = new Heard()
        const following = world.source.follow(topic, [0], heard, located.epoch)
        await eventually(() => !going() || heard.changes === 1, 'changed')
        following.close()
        for (const { value } of heard.records) seen(located.epoch, value)
        follows += heard.changes
      }
    }
    const work = [reading(), reading(), followAgain()]
    for (let generation = 0; generation < 6; generation++) {
      const count = 5 + ((generation * 13) % 20)
      await world.append(
        topic,
        Array.from({ length: count }, () => ({ partition: 0, value: text(`${generation}:x`) })),
      )
      await eventually(() => [...epochs.values()].includes(String(generation)), `generation ${generation}`)
      await world.recreate(topic, 1)
    }
    ending.abort()
    await Promise.all(work)
    assert.ok(epochs.size >= 6 && reads > 20 && changes >= 6 && follows > 0, `${reads} reads, ${changes}, ${follows}`)
  })
})
