import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Headroom } from '../../gateway/stream/headroom.ts'
import type { From } from '../../gateway/stream/opening.ts'
import type { View } from '../../gateway/stream/view.ts'
import { accountOf } from './model/account.ts'
import { Bench, type Sent } from './model/bench.ts'
import { ModelPool } from './model/pool.ts'
import { CountedDecode, specOf } from './model/records.ts'

const LATEST: From = { kind: 'latest' }
const PLENTY = 1e6

/** A view, as far as it is asked. */
function viewOf(messagesPaid: number, bytesPaid: number): View {
  return { messagesPaid, bytesPaid } as unknown as View
}

/** How often its socket was looked at. */
function looks({ outlet }: Sent): () => number {
  let count = 0
  const room = outlet.room.bind(outlet)
  outlet.room = () => (count++, room())
  return () => count
}

describe('headroom', () => {
  it('holds as far as the tightest rider has room and allowance, and as old as none is denied', () => {
    const traffic = { bytes: 5_000 }
    const headroom = new Headroom(traffic, 0, 0)
    headroom.add(PLENTY, 100, { messagesEnd: 20, bytesEnd: Infinity })
    headroom.add(10_256, -Infinity, { messagesEnd: 30, bytesEnd: 2_000 })
    headroom.add(PLENTY, -Infinity, null)
    const holds = (more: {
      messages?: number
      paid?: number
      oldest?: number
      bytes?: number
      at?: number
    }): boolean => {
      const { messages = 20, paid = 2_000, oldest = 100, bytes = 10_000, at = 5_000 } = more
      return headroom.holds(viewOf(messages, paid), oldest, bytes, traffic, at)
    }
    assert.ok(holds({}))
    for (const beyond of [{ messages: 21 }, { paid: 2_001 }, { oldest: 99 }, { bytes: 10_001 }, { at: 5_001 }])
      assert.ok(!holds(beyond), JSON.stringify(beyond))
    traffic.bytes++
    assert.ok(!holds({}), 'a byte that any socket was sent counts')
  })

  it('what was broadcast in this turn, and no socket shows yet, counts as sent', () => {
    const headroom = new Headroom({ bytes: 8_000 }, 3_000, 0)
    headroom.add(10_256, -Infinity, null)
    assert.ok(headroom.holds(viewOf(0, 0), 0, 7_000, { bytes: 8_000 }, 0))
    assert.ok(!headroom.holds(viewOf(0, 0), 0, 7_001, { bytes: 8_000 }, 0))
  })

  it('riders with room are looked at once for many slices', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: PLENTY })
    const riders = Array.from({ length: 10 }, () => bench.open(LATEST, { socket: bench.socket(PLENTY) }))
    await bench.run()
    const looked = riders.map(looks)
    for (let slice = 0; slice < 100; slice++) {
      bench.append(1)
      await bench.run()
    }
    for (const { records } of riders) assert.equal(records.length, 100)
    assert.deepEqual(new Set(looked.map((count) => count())), new Set([1]))
  })

  it('one that joins with less room than the others have is taken off in time', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: PLENTY })
    const first = bench.open(LATEST, { socket: bench.socket(PLENTY) })
    await bench.run()
    bench.append(1)
    await bench.run()
    const second = bench.open(LATEST, { socket: bench.socket(20_000) })
    await bench.run({ drain: false })
    for (let slice = 0; slice < 60; slice++) {
      bench.append(1, 0, 500)
      await bench.run({ drain: false })
    }
    assert.deepEqual(bench.faults, [])
    assert.equal(second.subscription.mode, 'reading')
    await bench.run()
    assert.deepEqual([first.records.length, second.records.length], [61, 60])
  })

  it('what was broadcast uses it up: a socket that takes nothing is taken off before it overflows', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 60_000 })
    const stuck = bench.open(LATEST, { socket: bench.socket(60_000) })
    await bench.run()
    for (let slice = 0; slice < 150; slice++) {
      bench.append(1, 0, 500)
      await bench.run({ drain: false })
    }
    assert.deepEqual(bench.faults, [])
    assert.equal(stuck.subscription.mode, 'reading')
    await bench.run()
    assert.equal(stuck.records.length, 150)
  })

  it('views that one socket rides use it up together, also within one turn', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 60_000 })
    const socket = bench.socket(60_000)
    const both = ['one', 'other'].map((name) => bench.open(LATEST, { socket, spec: specOf(name, new CountedDecode()) }))
    await bench.run()
    for (let slice = 0; slice < 100; slice++) {
      bench.append(3, 0, 500)
      await bench.run({ drain: false })
    }
    assert.deepEqual(bench.faults, [])
    await bench.run()
    for (const { records } of both) assert.equal(records.length, 300)
  })

  it('what another takes of an advance is headroom no more', async () => {
    const bench = new Bench()
    const pool = new ModelPool(PLENTY)
    const account = { ...accountOf('a'), pool }
    const rider = bench.open(LATEST, { account })
    pool.grant(90, PLENTY)
    await bench.run()
    bench.append(1)
    await bench.run()
    assert.equal(rider.subscription.mode, 'riding')
    const left = pool.messages
    assert.ok(left < 89, 'the rider holds the rest in advance')
    assert.ok(pool.take(80, 0), 'which is taken back')
    bench.append(15)
    await bench.run()
    assert.equal(rider.records.length, 1 + 9, 'what is left of 90')
    assert.equal(rider.subscription.mode, 'reading')
    assert.deepEqual(bench.faults, [])
  })
})
