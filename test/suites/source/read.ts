import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, asyncProperty, integer, tuple } from 'fast-check'
import type { Header } from '../../../gateway/stream/record.ts'
import { MIB, T0, numbered, plain, readAll, text, type SourceTests, type Written } from './world.ts'

/** More than 32 bits of milliseconds, as a difference within one batch. */
const FORTY_DAYS_MS = 40 * 24 * 3600 * 1000

/** What replay by `Source.read` gives. */
export function readTests(suite: SourceTests): void {
  test('who stands before nothing but a hole gets to the end', async () => {
    const topic = await suite.world.createTopic(1)
    await suite.world.hole(topic, 0)
    const {
      vector: [end],
    } = await suite.world.source.locate(topic, 'latest')
    assert.ok(end! > 0)
    const { records, next } = await readAll(suite.world.source, topic, [0], MIB)
    assert.deepEqual([records.length, next], [0, [end]])
  })

  test('with nothing beyond it a read answers at once, with empty slices', async () => {
    const topic = await suite.world.createTopic(2)
    await suite.world.append(topic, numbered(0, 3))
    await suite.world.source.read(topic, [3, 0], MIB)
    const begun = performance.now()
    const slices = await suite.world.source.read(topic, [3, 0], MIB)
    assert.ok(performance.now() - begun < 400, 'no long poll')
    const seen = slices
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ partition, records, next, end }) => [partition, records.length, next, end])
    assert.deepEqual(seen, [
      [0, 0, 3, 3],
      [1, 0, 0, 0],
    ])
  })

  test('a read keeps about its bytes, gives at least one record, and a walk of reads gives the whole log', async () => {
    const topic = await suite.world.createTopic(2)
    const value = new Uint8Array(10_000).fill(120)
    for (let i = 0; i < 30; i++) {
      await suite.world.append(topic, [
        { partition: 0, value, time: T0 },
        { partition: 1, value, time: T0 },
      ])
    }
    const slices = await suite.world.source.read(topic, [0, 0], 100_000)
    const bytes = slices.flatMap((slice) => slice.records).reduce((sum, record) => sum + record.value!.byteLength, 0)
    assert.ok(bytes > 0 && bytes < 250_000, `${bytes} bytes`)
    const one = await suite.world.source.read(topic, [0, 0], 1)
    assert.ok(one.flatMap((slice) => slice.records).length >= 1)
    const { records } = await readAll(suite.world.source, topic, [0, 0], 50_000)
    assert.equal(records.length, 60)
  })

  test('keys, tombstones, headers and timestamps arrive as they were written', async () => {
    const topic = await suite.world.createTopic(1)
    const headers: Header[] = [
      ['trace', text('a')],
      ['trace', text('b')],
      ['leer', new Uint8Array(0)],
      ['ü', text('ö')],
    ]
    const written: Written[] = [
      { partition: 0, key: text('k'), value: text('v'), headers, time: T0 - FORTY_DAYS_MS },
      { partition: 0, key: null, value: text(''), time: T0 },
      { partition: 0, key: text(''), value: null, time: T0 - 2 * FORTY_DAYS_MS },
    ]
    await suite.world.append(topic, written)
    const { records } = await readAll(suite.world.source, topic, [0], MIB)
    const seen = records.map(({ key, value, time }) => [plain(key), plain(value), time])
    assert.deepEqual(seen, [
      ['k', 'v', T0 - FORTY_DAYS_MS],
      [null, '', T0],
      ['', null, T0 - 2 * FORTY_DAYS_MS],
    ])
    const pairs = records[0]!.headers.map(([name, value]) => [name, plain(value)])
    assert.deepEqual(pairs, [
      ['trace', 'a'],
      ['trace', 'b'],
      ['leer', ''],
      ['ü', 'ö'],
    ])
    assert.deepEqual(records[1]!.headers, [])
  })

  test('a replay of 10,000 records is the set that was written', async () => {
    const topic = await suite.world.createTopic(4)
    const written = [0, 1, 2, 3].flatMap((partition) => numbered(partition, 2500))
    await suite.world.append(topic, written)
    const { records } = await readAll(suite.world.source, topic, [0, 0, 0, 0], 256 * 1024)
    assert.equal(records.length, 10_000)
    const values = new Set(records.map((record) => plain(record.value)))
    assert.ok(written.every((record) => values.has(plain(record.value))))
  })

  test('any walk of reads, from anywhere and with any budget, gives what was written from there on', async () => {
    const topic = await suite.world.createTopic(2)
    const log: Map<number, string>[] = [new Map(), new Map()]
    for (let round = 0; round < 12; round++) {
      for (const partition of [0, 1]) {
        const batch = numbered(partition, 1 + ((round * 7 + partition) % 9), round * 100)
        const offsets = await suite.world.append(topic, batch)
        for (const [i, offset] of offsets.entries()) log[partition]!.set(offset, plain(batch[i]!.value)!)
      }
      if (round % 4 === 1) await suite.world.hole(topic, round % 8 === 1 ? 0 : 1)
    }
    const { vector: ends } = await suite.world.source.locate(topic, 'latest')
    const place = tuple(integer({ min: 0, max: ends[0]! }), integer({ min: 0, max: ends[1]! }))
    const walk = asyncProperty(place, integer({ min: 1, max: 5000 }), async (from, bytesMax) => {
      const { records, next } = await readAll(suite.world.source, topic, from, bytesMax)
      assert.deepEqual(next, ends)
      for (const partition of [0, 1]) {
        const expected = [...log[partition]!].filter(([offset]) => offset >= from[partition]!)
        const seen = records.filter((record) => record.partition === partition)
        assert.deepEqual(
          seen.map((record) => [record.offset, plain(record.value)]),
          expected,
        )
      }
    })
    await check(walk, { numRuns: 25 })
  })
}
