import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Stake } from '../../gateway/stream/stake.ts'
import type { View } from '../../gateway/stream/view.ts'
import { ModelPool } from './model/pool.ts'

/** A view, as far as a stake looks at it. */
function viewAt(messages: number, bytes: number): View {
  return { messages, bytes, messagesPaid: messages, bytesPaid: bytes, headroom: null } as unknown as View
}

/** The view is about to hand out so much more. */
function pays(view: View, messages: number, bytes: number): View {
  return Object.assign(view, { messagesPaid: view.messages + messages, bytesPaid: view.bytes + bytes })
}

function handsOut(view: View): void {
  Object.assign(view, { messages: view.messagesPaid, bytes: view.bytesPaid })
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
        recall: () => stake.recall(view),
        refilled() {},
        exhausted() {},
        closed() {},
        warned() {},
      })
    }
    pool.grant(10, 100)
    pays(view, 6, 60)
    assert.ok(first.covers(view))
    assert.ok(!second.covers(view), 'four are left')
    assert.deepEqual([pool.messages, pool.bytes], [4, 40])
    handsOut(view)
    second.begin(view)
    pays(view, 4, 40)
    assert.ok(second.covers(view))
    assert.ok(!first.covers(view))
  })

  it('an advance that another takes back is asked for again, whole', () => {
    const view = viewAt(0, 0)
    const pool = new ModelPool(1_000)
    const stake = new Stake(pool)
    stake.begin(view)
    pool.join({ recall: () => stake.recall(view), refilled() {}, exhausted() {}, closed() {}, warned() {} })
    pool.grant(9, 900)
    assert.ok(stake.covers(pays(view, 1, 1)))
    handsOut(view)
    assert.ok(stake.covers(pays(view, 8, 8)), 'all that is left, in advance or not, is its own')
    assert.equal(pool.messages, 0)
  })

  it('gives back what it holds, once', () => {
    const view = viewAt(5, 50)
    const pool = new ModelPool(1_000)
    const stake = new Stake(pool)
    stake.begin(view)
    pool.grant(30, 300)
    assert.ok(stake.covers(pays(view, 3, 30)))
    handsOut(view)
    stake.settle(view)
    stake.settle(view)
    assert.deepEqual([pool.messages, pool.bytes], [27, 270])
  })
})
