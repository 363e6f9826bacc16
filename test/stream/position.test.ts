import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Position } from '../../gateway/stream/position.ts'

const offsets = fc.array(fc.oneof(fc.nat(20), fc.integer({ min: -2_000, max: -1_000 })), { maxLength: 6 })

describe('position', () => {
  it('the time to read again from is the smallest over the partitions that are not finished', () => {
    const position = new Position([0, 0, 0], 500)
    position.pass(0, 0, 1_000)
    position.pass(1, 0, 3_000)
    position.pass(2, 0, 2_000)
    assert.equal(position.resetTime([1, 2, 2]), 2_000)
    assert.equal(position.resetTime([2, 2, 1]), 1_000)
    assert.equal(position.resetTime([1, 2, 1]), 3_000)
  })

  it('where all are finished it is the time of the newest record', () => {
    const position = new Position([0, 0], 500)
    position.pass(0, 0, 1_000)
    position.pass(1, 0, 3_000)
    assert.equal(position.resetTime([1, 1]), 3_000)
    assert.equal(new Position([4, 5], 500).resetTime([4, 5]), 500)
  })

  it('a partition where nothing was passed yet counts from where the subscription began', () => {
    const position = new Position([0, 0], 500)
    position.pass(0, 0, 1_000)
    assert.equal(position.resetTime([1, 1]), 500)
    assert.equal(position.resetTime([1, 0]), 1_000)
  })

  it('a partition that nobody could place counts from when that was', () => {
    const position = new Position([-900, 0], 2_000)
    position.pass(1, 0, 3_000)
    assert.equal(position.resetTime([0, 1]), 900)
  })

  it('a partition that the position does not name yet is not finished', () => {
    const position = new Position([0], 500)
    position.pass(0, 0, 1_000)
    assert.equal(position.resetTime([1, 7]), 500)
    assert.equal(position.resetTime([1, 0]), 1_000)
  })

  it('timestamps that are none, or beyond every date, never make a time that no cursor can hold', () => {
    for (const time of [-1, Number.MIN_SAFE_INTEGER, 1.7e18, Number.MAX_VALUE]) {
      const position = new Position([0], 500)
      position.pass(0, 0, time)
      const reset = position.resetTime([1])
      assert.ok(reset >= 500 && reset <= 8.64e15, `${time} became ${reset}`)
    }
  })

  it('a copy moves by itself', () => {
    const position = new Position([1, 2], 500)
    const copy = position.copy()
    copy.pass(0, 9, 700)
    copy.move(3, 4)
    assert.deepEqual(position.next, [1, 2])
    assert.deepEqual(copy.next, [10, 2, 0, 4])
    assert.equal(position.resetTime([1, 2]), 500)
    assert.equal(copy.resetTime([10, 2, 0, 4]), 700)
  })

  it('raising goes to the larger of both everywhere, resolves what was open, and never goes back', () => {
    fc.assert(
      fc.property(offsets, offsets, (from, to) => {
        const position = new Position(from, 0)
        position.raise(new Position(to, 0))
        for (let p = 0; p < Math.max(from.length, to.length); p++) {
          const target = to[p] ?? -1
          assert.equal(position.at(p), target < 0 ? (from[p] ?? 0) : Math.max(from[p] ?? 0, target))
        }
      }),
    )
  })

  it('a partition that is not named equals one at its start', () => {
    assert.ok(new Position([3], 0).equals(new Position([3, 0], 9)))
    assert.ok(!new Position([3], 0).equals(new Position([3, 1], 0)))
    assert.ok(!new Position([3, -5], 0).equals(new Position([3], 0)))
  })

  it('how far it is behind counts what lies ahead, and nothing that cannot be placed', () => {
    assert.equal(new Position([3, 10, -50], 0).behind(new Position([5, 7, 90, 4], 0)), 6)
    assert.equal(new Position([3], 0).behind(new Position([-50], 0)), 0)
  })

  it('it exceeds another where any partition is further', () => {
    assert.ok(new Position([1, 5], 0).exceeds(new Position([9, 4], 0)))
    assert.ok(new Position([1, 5], 0).exceeds(new Position([9], 0)))
    assert.ok(!new Position([1, 5], 0).exceeds(new Position([1, 5, 9], 0)))
  })
})
