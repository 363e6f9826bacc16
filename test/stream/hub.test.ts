import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { From } from '../../gateway/stream/opening.ts'
import { Bench, cursorOf, kinds, type Sent } from './model/bench.ts'
import { Random } from './model/random.ts'
import { CountedDecode, specOf } from './model/records.ts'

const LATEST: From = { kind: 'latest' }
const EARLIEST: From = { kind: 'earliest' }

function ended(sent: Sent): { readonly code: string; readonly cursor: string | null } {
  const last = sent.events.at(-1)
  assert.ok(last?.type === 'ended', `${last?.type} was the last event`)
  return { code: last.refusal.code, cursor: last.cursor }
}

describe('hub', () => {
  it('a record is decoded and framed once, however many ride', async () => {
    const bench = new Bench()
    const all = Array.from({ length: 200 }, () => bench.open(LATEST))
    await bench.run()
    bench.append(50)
    await bench.run()
    for (const sent of all) assert.equal(sent.records.length, 50)
    assert.equal(bench.decode.calls, 50)
    assert.equal(bench.carrier.frames, 50)
  })

  it('a view that nobody rides costs nothing per record', async () => {
    const bench = new Bench()
    const other = new CountedDecode()
    const idle = bench.open(LATEST, { spec: specOf('idle', other) })
    bench.open(LATEST)
    await bench.run()
    idle.subscription.pause('quota')
    bench.append(50)
    await bench.run()
    assert.equal(other.calls, 0)
    idle.subscription.resume('quota')
    await bench.run()
    assert.equal(idle.records.length, 50)
    assert.equal(idle.subscription.mode, 'riding')
  })

  it('a slow reader delays nobody else, and gets everything once it reads', async () => {
    const bench = new Bench()
    const slow = bench.open(LATEST, { socket: bench.socket(50_000) })
    const fast = bench.open(LATEST, { socket: bench.socket(1_000_000) })
    await bench.run()
    bench.append(200)
    for (let turn = 0; turn < 40; turn++) {
      await bench.run({ drain: false })
      fast.socket.drain(Number.POSITIVE_INFINITY)
    }
    assert.equal(fast.records.length, 200)
    assert.equal(slow.subscription.mode, 'reading')
    await bench.run()
    assert.equal(slow.records.length, 200)
    assert.equal(slow.subscription.mode, 'riding')
  })

  it('fetching goes on when the view that it waited for is gone', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 20_000, sessionBufferBytesMax: 2_000 })
    const busy = bench.open(LATEST, { spec: specOf('busy', new CountedDecode()) })
    const other = bench.open(LATEST)
    await bench.run()
    other.subscription.pause('quota')
    await bench.run()
    bench.append(60)
    // The second one is what was under way when fetching was paused.
    bench.source.fetch(new Random(1), true)
    bench.source.fetch(new Random(1), true)
    busy.subscription.close()
    other.subscription.resume('quota')
    bench.append(60)
    await bench.run()
    assert.equal(other.records.length, 120)
    assert.equal(other.subscription.mode, 'riding')
  })

  it('one view that fails ends its own, before what could not be shown, and nobody else', async () => {
    const bench = new Bench()
    const broken = new CountedDecode((record) => {
      if (record.offset === 3) throw new Error('a plugin is broken')
      return false
    })
    const rider = bench.open(LATEST, { spec: specOf('broken', broken) })
    const other = bench.open(LATEST)
    await bench.run()
    bench.append(6)
    await bench.run()
    assert.equal(ended(rider).code, 'internal')
    assert.deepEqual(cursorOf(ended(rider).cursor).vector, [rider.records.length])
    assert.equal(other.records.length, 6)
    const reader = bench.open(EARLIEST, { spec: specOf('broken', broken) })
    await bench.run()
    assert.equal(ended(reader).code, 'internal')
    assert.deepEqual(cursorOf(ended(reader).cursor).vector, [reader.records.length])
    assert.equal(bench.faults.length, 2)
  })

  it('a pause that comes before the beginning is told after it', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    sent.subscription.pause('quota', 1_000, 2_000)
    await bench.run()
    assert.deepEqual(kinds(sent), ['subscribed', 'paused'])
    const [, paused] = sent.events
    assert.ok(paused?.type === 'paused' && paused.resumesAt === 1_000 && paused.keptUntil === 2_000)
    sent.subscription.resume('quota')
    await bench.run()
    assert.deepEqual(kinds(sent), ['subscribed', 'paused', 'resumed'])
  })

  it('who is paused gets nothing and loses nothing, for as many reasons as there are', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    await bench.run()
    sent.subscription.pause('quota')
    sent.subscription.pause('metering')
    bench.append(5)
    await bench.run()
    sent.subscription.resume('quota')
    await bench.run()
    assert.equal(sent.records.length, 0)
    sent.subscription.resume('metering')
    await bench.run()
    assert.equal(sent.records.length, 5)
    assert.deepEqual(kinds(sent), ['subscribed', 'paused', 'paused', 'resumed'])
  })

  it('a connection that refuses what it is sent is ended, with the cursor before that', async () => {
    const bench = new Bench()
    bench.append(3)
    const sent = bench.open(EARLIEST)
    sent.socket.refuses = true
    await bench.run()
    assert.equal(ended(sent).code, 'slow')
    assert.deepEqual(cursorOf(ended(sent).cursor).vector, [0])
  })

  it('who lags is told by how much, who does not is told nothing, and what was left out is counted', async () => {
    const bench = new Bench()
    const skipping = specOf('skipping', new CountedDecode(({ offset }) => offset % 2 === 1))
    const rider = bench.open(LATEST, { spec: skipping })
    const stuck = bench.open(LATEST, { socket: bench.socket(1_500) })
    await bench.run()
    bench.append(6)
    await bench.run({ drain: false })
    rider.subscription.heartbeat()
    stuck.subscription.heartbeat()
    rider.subscription.heartbeat()
    await bench.run()
    const notices = (sent: Sent) =>
      sent.events.flatMap((event) => (event.type === 'notice' ? [[event.kind, event.count]] : []))
    assert.deepEqual(notices(rider), [['invalid', 3]])
    const [[kind, count] = []] = notices(stuck)
    assert.equal(kind, 'lagging')
    assert.ok(Number(count) > 0 && Number(count) < 6)
  })

  it('a tail that nobody reads is kept for a while, then gone', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    await bench.run()
    bench.append(5)
    await bench.run()
    sent.subscription.close()
    bench.tick(900)
    assert.equal(bench.hub.stats().tails, 1)
    bench.tick(200)
    assert.deepEqual([bench.hub.stats().tails, bench.hub.stats().ringBytes], [0, 0])
  })

  it('what the tails that are gone held is free for the others', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 20_000 })
    for (let life = 0; life < 5; life++) {
      const sent = bench.open(LATEST)
      await bench.run()
      bench.append(40)
      await bench.run()
      assert.ok(bench.hub.stats().ringBytes > 40 * 160, `${bench.hub.stats().ringBytes} bytes are left in life ${life}`)
      sent.subscription.close()
      bench.tick(2_000)
    }
  })

  it('a view that shows little does not hold up the turn of others: one slice looks at so many entries', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 10_000_000 })
    const nothing = new CountedDecode(() => true)
    bench.open(LATEST, { spec: specOf('nothing', nothing) })
    await bench.run()
    bench.append(5_000)
    bench.source.fetch(new Random(1), true)
    bench.turn()
    assert.ok(nothing.calls > 0 && nothing.calls < 5_000, `${nothing.calls} in one turn`)
    await bench.run()
    assert.equal(nothing.calls, 5_000)
  })

  it('a socket that rides several views is never given more in one turn than it has room for', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 100_000 })
    const socket = bench.socket(30_000)
    const views = ['a', 'b'].map((key) => bench.open(LATEST, { spec: specOf(key, bench.decode), socket }))
    await bench.run()
    // One slice fits into the socket, and two into the turn.
    bench.append(5, 0, 4_000)
    await bench.run({ drain: false })
    assert.equal(bench.hub.counts.off.socket, 1)
    await bench.run()
    assert.deepEqual(bench.faults, [])
    for (const sent of views) assert.equal(sent.records.length, 5)
  })

  it('who reads on a socket that rides elsewhere leaves room for what was broadcast in the same turn', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 100_000 })
    const socket = bench.socket(50_000)
    const rider = bench.open(LATEST, { socket })
    const reader = bench.open(LATEST, { spec: specOf('other', bench.decode), socket })
    await bench.run()
    reader.subscription.pause('quota')
    bench.append(30, 0, 300)
    bench.source.fetch(new Random(1), true)
    reader.subscription.resume('quota')
    bench.turn()
    await bench.run()
    for (const sent of [rider, reader]) assert.equal(sent.records.length, 30)
  })

  it('who has read all, but has more than half a buffer before it, does not ride yet', async () => {
    const bench = new Bench()
    bench.append(1, 0, 6_000)
    const sent = bench.open(EARLIEST, { socket: bench.socket(10_000) })
    await bench.run({ drain: false })
    assert.equal(sent.subscription.mode, 'reading')
    await bench.run()
    assert.equal(sent.subscription.mode, 'riding')
    assert.deepEqual(bench.hub.counts.off, { socket: 0, quota: 0, pause: 0, replay: 0 })
  })

  it('a reader whose socket takes nothing gives back the memory that others wait for', async () => {
    const bench = new Bench(1, { heldBytesMax: 100, replaySlotsMax: 1 })
    bench.append(40, 0, 500)
    const stuck = bench.open(EARLIEST, { socket: bench.socket(3_000) })
    await bench.run({ drain: false })
    assert.ok(bench.hub.stats().blockBytes > 0)
    const other = bench.open({ kind: 'time', time: bench.now - 20 }, { socket: bench.socket(1_000_000) })
    for (let i = 0; i < 10; i++) {
      bench.tick()
      await bench.run({ drain: false })
      other.socket.drain(Number.POSITIVE_INFINITY)
    }
    assert.equal(other.records.length, 21)
    await bench.run()
    assert.equal(stuck.records.length, 40)
  })
})
