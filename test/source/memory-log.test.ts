import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, assert as check, double, integer, property, record as shape } from 'fast-check'
import { systemClock, type Clock } from '../../gateway/clock.ts'
import { MemorySource } from '../../gateway/source/memory.ts'
import { PartitionLog } from '../../gateway/source/partition-log.ts'
import { murmur2, partitionOfKey } from '../../gateway/source/partitioner.ts'
import { SourceRecord } from '../../gateway/source/record.ts'
import { Heard, eventually } from '../suites/source/heard.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const DAY_MS = 24 * 3600 * 1000

describe('embedded log', () => {
  test('a key goes where Kafka would put it', () => {
    // The vectors of Kafka's own UtilsTest.
    const vectors = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ] as const
    for (const [key, hash] of vectors) assert.equal(murmur2(bytes(key)), hash, key)
    assert.ok(partitionOfKey(bytes('21'), 7) >= 0)
  })

  test('records of one key share a partition, records without spread over all', () => {
    const source = new MemorySource({ clock: systemClock, epoch: 1 })
    source.createTopic('t', 4)
    const keyed = Array.from({ length: 20 }, () => source.append('t', { key: bytes('k'), value: null }).partition)
    assert.equal(new Set(keyed).size, 1)
    const spread = Array.from({ length: 20 }, () => source.append('t', { value: null }).partition)
    assert.equal(new Set(spread).size, 4)
  })

  test('retention by bytes and by age raises the start and nothing else', async () => {
    let now = 10 * DAY_MS
    const clock: Clock = { ...systemClock, now: () => now }
    const retention = { partitionBytesMax: 10 * 1160, ageMsMax: DAY_MS }
    const source = new MemorySource({ clock, epoch: 1, retention })
    source.createTopic('t', 1)
    for (let i = 0; i < 25; i++) source.append('t', { value: new Uint8Array(1000) })
    assert.deepEqual((await source.locate('t', 'earliest')).vector, [15])
    assert.deepEqual((await source.locate('t', 'latest')).vector, [25])
    now += DAY_MS + 1
    assert.deepEqual((await source.locate('t', 'earliest')).vector, [25])
    const [slice] = await source.read('t', [0], 1_000_000)
    assert.deepEqual(slice?.lost, { reason: 'retention', from: 0, to: 25 })
  })

  test('a topic made again under its name has a higher epoch, and its followers are told', async () => {
    const source = new MemorySource({ clock: systemClock, epoch: 7 })
    source.createTopic('t', 1)
    source.append('t', { value: bytes('old') })
    const heard = new Heard()
    source.follow('t', [0], heard)
    await eventually(() => heard.records.length === 1, 'following')
    source.recreate('t')
    await eventually(() => heard.changes === 1, 'changed')
    const { epoch, vector } = await source.locate('t', 'latest')
    assert.deepEqual([epoch, vector], [8, [0]])
    source.append('t', { value: bytes('new') })
    const other = new Heard()
    source.follow('t', [0], other)
    await eventually(() => other.records.length === 1, 'the new log')
    assert.equal(heard.records.length, 1, 'the old follower has ended')
    source.deleteTopic('t')
    source.createTopic('t', 1)
    assert.equal((await source.locate('t', 'latest')).epoch, 9)
    await source.close()
  })

  test('all records of a turn come in one call', async () => {
    const source = new MemorySource({ clock: systemClock, epoch: 1 })
    source.createTopic('t', 2)
    const heard = new Heard()
    source.follow('t', [0, 0], heard)
    await eventually(() => heard.end.length === 2, 'following')
    const { calls } = heard
    for (let i = 0; i < 100; i++) source.append('t', { value: bytes('x'), partition: i % 2 })
    assert.equal(heard.calls, calls, 'not inside append')
    await eventually(() => heard.records.length === 100, 'all')
    assert.equal(heard.calls, calls + 1)
    await source.close()
  })

  test('what cannot be is refused and says why', () => {
    const source = new MemorySource({ clock: systemClock, epoch: 1 })
    source.createTopic('t', 2)
    assert.throws(() => source.createTopic('t', 1), /exists/)
    assert.throws(() => source.createTopic('u', 0), /0 partitions/)
    assert.throws(() => source.append('nope', { value: null }), /no topic nope/)
    assert.throws(() => source.append('t', { value: null, partition: 2 }), /partitions 0 to 1/)
    assert.throws(() => source.addPartitions('t', 2), /cannot get 2/)
  })

  test('a time is found as by walking the log, whatever the times, the holes and what is dropped', () => {
    const step = shape({ time: integer({ min: 0, max: 50 }), hole: integer({ min: 0, max: 2 }) })
    const likeAWalk = property(
      array(step, { minLength: 1, maxLength: 3000, size: 'max' }),
      double({ min: 0, max: 1, noNaN: true }),
      integer({ min: 0, max: 52 }),
      (steps, cut, time) => {
        const log = new PartitionLog()
        const model: SourceRecord[] = []
        for (const { time: at, hole } of steps) {
          log.skip(hole)
          const record = new SourceRecord(0, log.end, at, null, null, [])
          log.append(record)
          model.push(record)
        }
        log.deleteBefore(Math.trunc(cut * log.end))
        const kept = model.filter((record) => record.offset >= log.start)
        assert.equal(log.offsetOf(time), kept.find((record) => record.time >= time)?.offset ?? log.end)
        assert.deepEqual(log.read(0, log.start, Infinity).records, kept)
      },
    )
    check(likeAWalk, { numRuns: 60 })
  })
})
