import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeBatches } from '../../../gateway/source/kafka/batches.ts'
import { batch } from './batch.ts'

const ABORT = { key: Buffer.from([0, 0, 0, 0]), value: Buffer.alloc(6) }
const COMMIT = { key: Buffer.from([0, 0, 0, 1]), value: Buffer.alloc(6) }
const value = (text: string): { value: Buffer } => ({ value: Buffer.from(text) })

const decoded = async (
  from: number,
  bytes: Buffer,
  aborted: { producerId: bigint; firstOffset: number }[] = [],
): Promise<unknown> => {
  const { records, next } = await decodeBatches(0, from, bytes, aborted, 'own')
  return { records: records.map((record) => `${record.offset}=${Buffer.from(record.value!).toString()}`), next }
}

describe('record batches', () => {
  test('the position goes beyond what compaction took from the end of a batch, and beyond an empty batch', async () => {
    const compacted = batch({ baseOffset: 10, lastOffset: 19, records: [value('a'), value('b')] })
    const empty = batch({ baseOffset: 20, lastOffset: 29, records: [] })
    assert.deepEqual(await decoded(10, compacted), { records: ['10=a', '11=b'], next: 20 })
    assert.deepEqual(await decoded(15, Buffer.concat([compacted, empty])), { records: [], next: 30 })
  })

  test('a batch that is cut off is left for the next fetch', async () => {
    const whole = batch({ baseOffset: 0, records: [value('a')] })
    const cut = batch({ baseOffset: 1, records: [value('b')] })
    for (const bytes of [1, 30, 62, cut.length - 1]) {
      assert.deepEqual(await decoded(0, Buffer.concat([whole, cut.subarray(0, bytes)])), { records: ['0=a'], next: 1 })
    }
    assert.deepEqual(await decoded(1, cut.subarray(0, 40)), { records: [], next: 1 })
  })

  test('records before the fetch offset are left out', async () => {
    const bytes = batch({ baseOffset: 5, records: [value('a'), value('b'), value('c')] })
    assert.deepEqual(await decoded(6, bytes), { records: ['6=b', '7=c'], next: 8 })
  })

  test('only what its producer aborted is left out, from the first offset to its marker', async () => {
    const of = (baseOffset: number, producerId: bigint, text: string): Buffer =>
      batch({ baseOffset, producerId, transactional: true, records: [value(text)] })
    const mark = (baseOffset: number, producerId: bigint, marker: typeof ABORT): Buffer =>
      batch({ baseOffset, producerId, transactional: true, control: true, records: [marker] })
    const bytes = Buffer.concat([
      of(0, 1n, 'x'),
      of(1, 2n, 'b'),
      mark(2, 1n, ABORT),
      of(3, 1n, 'a'),
      mark(4, 2n, COMMIT),
      mark(5, 1n, COMMIT),
      of(6, 1n, 'y'),
      mark(7, 1n, ABORT),
      batch({ baseOffset: 8, records: [value('p')] }),
    ])
    const aborted = [
      { producerId: 1n, firstOffset: 6 },
      { producerId: 1n, firstOffset: 0 },
    ]
    assert.deepEqual(await decoded(0, bytes, aborted), { records: ['1=b', '3=a', '8=p'], next: 9 })
  })

  test('records pin nothing of what was fetched', async () => {
    const bytes = batch({ baseOffset: 0, records: [value('a'), value('b')] })
    const { records } = await decodeBatches(0, 0, bytes, [], 'own')
    bytes.fill(0)
    assert.deepEqual(
      records.map((record) => Buffer.from(record.value!).toString()),
      ['a', 'b'],
    )
    const [first, second] = records.map((record) => record.value!.buffer)
    assert.equal(first, second, 'one buffer for all')
    assert.ok(first!.byteLength < bytes.length)
  })

  test('records that live as short as what was fetched are in its memory, and the same records', async () => {
    const bytes = batch({ baseOffset: 0, records: [value('a'), value('b')] })
    const { records } = await decodeBatches(0, 0, bytes, [], 'fetched')
    assert.deepEqual(records, (await decodeBatches(0, 0, bytes, [], 'own')).records)
    for (const { value } of records) assert.equal(value!.buffer, bytes.buffer)
  })

  test("with append time every record has the batch's", async () => {
    const bytes = batch({ baseOffset: 0, appendTime: 1234, records: [value('a'), value('b')] })
    const { records } = await decodeBatches(0, 0, bytes, [], 'own')
    assert.deepEqual(
      records.map((record) => record.time),
      [1234, 1234],
    )
  })

  test('damaged bytes and old formats fail, they do not give wrong records', async () => {
    const bytes = batch({ baseOffset: 0, records: [value('abc')] })
    const old = Buffer.from(bytes)
    old.writeInt8(1, 16)
    await assert.rejects(decodeBatches(0, 0, old, [], 'own'), /format v1/)
    const many = Buffer.from(bytes)
    many.writeInt32BE(9, 57)
    await assert.rejects(decodeBatches(0, 0, many, [], 'own'), RangeError)
    const unknown = Buffer.from(bytes)
    unknown.writeInt16BE(7, 21)
    await assert.rejects(decodeBatches(0, 0, unknown, [], 'own'), /compression 7/)
    const short = Buffer.from(bytes)
    short.writeInt32BE(3, 8)
    await assert.rejects(decodeBatches(0, 0, short, [], 'own'), /shorter than its head/)
  })
})
