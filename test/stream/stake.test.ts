import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Stake } from '../../gateway/stream/stake.ts'
import type { View } from '../../gateway/stream/view.ts'
import { ModelPool } from './model/pool.ts'

/** A view, as far as a stake looks at it. */
function viewAt(messages: number, bytes: number): View {
  return { messages, bytes } as unknown as View
}

describe('stake', () => {
  it('what pays the slice that goes out now is not taken back for another rider', () => {
    const view = viewAt(100, 1_000)
    const pool = new ModelPool(1_000)
    const first = new Stake(pool)
    const second = new Stake(pool)
    for (const stake of [first, second]) {
      stake.begin(view)
      pool.join({
        recall: () => stake.settle(view),
        refilled() {},
        exhausted() {},
        closed() {},
        warned() {},
      })
    }
    pool.grant(10, 100)
    assert.ok(first.covers(view, 6, 60))
    assert.ok(!second.covers(view, 6, 60), 'four are left')
    assert.deepEqual([pool.messages, pool.bytes], [4, 40])
    Object.assign(view, { messages: 106, bytes: 1_060 })
    assert.ok(second.covers(view, 4, 40))
    assert.ok(!first.covers(view, 1, 0))
  })

  it('an advance that another takes back is asked for again, whole', () => {
    const view = viewAt(0, 0)
    const pool = new ModelPool(1_000)
    const stake = new Stake(pool)
    stake.begin(view)
    pool.join({ recall: () => stake.settle(view), refilled() {}, exhausted() {}, closed() {}, warned() {} })
    pool.grant(9, 900)
    assert.ok(stake.covers(view, 1, 1))
    Object.assign(view, { messages: 1, bytes: 1 })
    assert.ok(stake.covers(view, 8, 8), 'all that is left, in advance or not, is its own')
    assert.equal(pool.messages, 0)
  })

  it('gives back what it holds, once', () => {
    const view = viewAt(5, 50)
    const pool = new ModelPool(1_000)
    const stake = new Stake(pool)
    stake.begin(view)
    pool.grant(30, 300)
    assert.ok(stake.covers(view, 3, 30))
    Object.assign(view, { messages: 8, bytes: 80 })
    stake.settle(view)
    stake.settle(view)
    assert.deepEqual([pool.messages, pool.bytes], [27, 270])
  })
})
