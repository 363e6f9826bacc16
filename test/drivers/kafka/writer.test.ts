import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, assert as check, boolean, integer, maxSafeInteger, property, string, uint8Array } from 'fast-check'
import { Reader } from '../../../gateway/drivers/kafka/reader.ts'
import { Writer } from '../../../gateway/drivers/kafka/writer.ts'

describe('kafka wire types', () => {
  test('whatever is written is read again, in the old form and in the flexible one', () => {
    const small = integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })
    const texts = array(string({ maxLength: 300 }), { maxLength: 200 })
    const one = property(boolean(), small, maxSafeInteger(), texts, uint8Array({ maxLength: 20_000 }), (...values) => {
      const [flexible, number, large, names, bytes] = values
      const writer = new Writer(flexible).int16(number).int64(large)
      writer.array(names, (name) => void writer.string(name).tags()).bytes(bytes)
      writer.int8(-1).int32(number).tags()
      const reader = new Reader(Buffer.from(writer.buffer), flexible)
      assert.deepEqual([reader.int16(), reader.int64()], [number, large])
      const read = reader.array((inner) => {
        const name = inner.string()
        inner.tags()
        return name
      })
      assert.deepEqual(
        read,
        names.map((name) => Buffer.from(name).toString()),
      )
      assert.ok(reader.bytes().equals(bytes))
      assert.deepEqual([reader.int8(), reader.int32()], [-1, number])
      reader.tags()
      assert.throws(() => reader.int8(), RangeError)
    })
    check(one, { numRuns: 200 })
  })

  test('tagged fields that are not known are passed over', () => {
    // Two of them: tag 0 with three bytes, tag 300 with none; then the number 7.
    const reader = new Reader(Buffer.from([2, 0, 3, 1, 2, 3, 0xac, 2, 0, 7]), true)
    reader.tags()
    assert.equal(reader.int8(), 7)
  })

  test('an answer that is cut off or claims too much is an error, not an endless loop', () => {
    const flexible = (bytes: number[]): Reader => new Reader(Buffer.from(bytes), true)
    assert.throws(() => flexible([200, 1, 65]).string(), RangeError)
    assert.throws(() => flexible([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).bytes(), RangeError)
    assert.throws(() => flexible([0xff, 0xff, 0xff, 0x7f]).array((one) => one.int32()), RangeError)
    assert.throws(() => flexible([0xff, 0xff, 0xff, 0x7f, 0]).tags(), RangeError)
  })
})
