import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import type { From } from '../../gateway/stream/opening.ts'
import type { ViewSpec } from '../../gateway/stream/view.ts'
import { Bench, cursorOf, ids, kinds, settle, type Sent } from './model/bench.ts'
import { uidOf } from './model/log.ts'
import { Random } from './model/random.ts'
import { CountedDecode, equal, PARITY, specOf, UID, where } from './model/records.ts'

/** By their number's parity: even, odd. */
const LANES = 2
const laneOf = (uid: number): number => uid % LANES
const LATEST: From = { kind: 'latest' }
const EARLIEST: From = { kind: 'earliest' }

const uids = ({ records }: Sent): number[] => records.map(({ data }) => (data as { uid: number }).uid)
const range = (count: number, from = 1): number[] => Array.from({ length: count }, (_, i) => from + i)
const ofLane = (lane: number, count: number, from = 1): number[] =>
  range(count, from).filter((uid) => laneOf(uid) === lane)

/** Lanes of one stream, broken records shown. */
function lanesOf(bench: Bench): readonly ViewSpec[] {
  const all = specOf('all', bench.decode, 'frame')
  return range(LANES, 0).map((lane) => equal(all, PARITY, lane))
}

/** Everybody of every lane, riding. */
async function crowd(bench: Bench, from: From = LATEST): Promise<Sent[]> {
  const all = lanesOf(bench).map((spec) => bench.open(from, { spec }))
  await bench.run()
  for (const { subscription } of all) assert.equal(subscription.mode, 'riding')
  return all
}

/** Counts how often JSON is parsed. A mock of node:test keeps a stack for each call, which takes minutes for ten thousand. */
class CountedParse {
  calls = 0
  readonly #parse = JSON.parse

  constructor() {
    JSON.parse = (...args) => {
      this.calls++
      return this.#parse(...args) as unknown
    }
  }

  end(): void {
    JSON.parse = this.#parse
  }
}

describe('front', () => {
  it('ten thousand equalities cost a record what ten cost: one look at its value, and a frame for each that matches', async () => {
    for (const views of [10, 10_000]) {
      const bench = new Bench(1, { logMemoryBytesMax: 16_000_000 })
      const spec = specOf('all', bench.decode)
      const all: readonly Sent[] = range(views).map((uid) => bench.open(LATEST, { spec: equal(spec, UID, uid) }))
      await bench.run()
      assert.equal(bench.hub.stats().riding, views)
      // The last five find nobody.
      bench.append(5)
      bench.append(views - 5)
      bench.append(5)
      const fetched = views + 5
      bench.decode.calls = 0
      const parsing = new CountedParse()
      await bench.run({ drain: false })
      parsing.end()
      assert.equal(bench.decode.calls, fetched)
      // A slice ends before a record that does not fit, which the next one looks at again.
      assert.ok(
        parsing.calls >= fetched && parsing.calls < fetched * 1.02,
        `${parsing.calls} looks at ${fetched} records`,
      )
      assert.equal(bench.carrier.frames, views)
      await bench.run()
      assert.deepEqual(all.flatMap(uids), range(views))
      assert.deepEqual(bench.faults, [])
    }
  })

  it('who does not match is not even looked at for room', async () => {
    const bench = new Bench()
    const all = await crowd(bench)
    const looks = all.map(({ socket }) => mock.method(socket, 'room'))
    bench.append(1)
    await bench.run()
    assert.deepEqual(
      looks.map((look) => look.mock.callCount() > 0),
      all.map((_, lane) => lane === laneOf(1)),
    )
  })

  it('all values together are the log, each record once', async () => {
    const bench = new Bench(3)
    const all = await crowd(bench)
    for (let round = 0; round < 50; round++) {
      bench.append(7, round % 3)
      await bench.run()
    }
    assert.deepEqual(
      all.flatMap(uids).sort((a, b) => a - b),
      range(350),
    )
    all.forEach((sent, lane) => assert.ok(uids(sent).every((uid) => laneOf(uid) === lane)))
    const replayed = await crowd(bench, EARLIEST)
    assert.deepEqual(replayed.map(ids), all.map(ids))
  })

  it('who comes gets what follows, who goes gets nothing more, and the others notice neither', async () => {
    const bench = new Bench()
    const all = await crowd(bench)
    bench.append(8)
    await bench.run()
    const [spec] = lanesOf(bench) as [ViewSpec]
    const late = bench.open(LATEST, { spec })
    await bench.run()
    assert.equal(late.subscription.view, all[0]?.subscription.view)
    all[1]?.subscription.close()
    bench.append(8)
    await bench.run()
    late.subscription.close()
    bench.append(8)
    await bench.run()
    assert.deepEqual(
      all.map(uids),
      all.map((_, lane) => ofLane(lane, lane === 1 ? 8 : 24)),
    )
    assert.deepEqual(uids(late), ofLane(0, 8, 9))
    for (const { subscription } of all) subscription.close()
    assert.equal(bench.hub.stats().subscriptions, 0)
    const again = await crowd(bench)
    bench.append(4)
    await bench.run()
    assert.deepEqual(
      again.flatMap(uids).sort((a, b) => a - b),
      range(4, 25),
    )
  })

  it('a slow rider is taken off before what does not fit, delays nobody, and gets the rest once it reads', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 8_000 })
    const [slowSpec, ...specs] = lanesOf(bench) as [ViewSpec, ...ViewSpec[]]
    const slow = bench.open(LATEST, { spec: slowSpec, socket: bench.socket(8_000) })
    const fast = specs.map((spec) => bench.open(LATEST, { spec, socket: bench.socket(1_000_000) }))
    await bench.run()
    for (let round = 0; round < 20; round++) {
      bench.append(8, 0, 400)
      await bench.run({ drain: false })
      for (const { socket } of fast) socket.drain(Number.POSITIVE_INFINITY)
    }
    assert.equal(slow.subscription.mode, 'reading')
    assert.deepEqual(
      fast.map(uids),
      fast.map((_, i) => ofLane(i + 1, 160)),
    )
    await bench.run()
    assert.deepEqual(uids(slow), ofLane(0, 160))
    assert.equal(slow.subscription.mode, 'riding')
    assert.ok(bench.hub.counts.off.socket >= 1)
  })

  it('who steps on while the others are amid a backlog stands with them, and nobody skips any of it', async () => {
    const bench = new Bench(1, { sessionBufferBytesMax: 16_000 })
    const [even, odd] = lanesOf(bench) as [ViewSpec, ViewSpec]
    const rider = bench.open(LATEST, { spec: even, socket: bench.socket(1_000_000) })
    await bench.run()
    const start = cursorOf(rider.subscription.cursor)
    bench.append(400)
    bench.source.fetch(new Random(1), true)
    bench.turn()
    const other = bench.open({ kind: 'cursor', cursor: start }, { spec: odd, socket: bench.socket(1_000_000) })
    const place = (): number => rider.subscription.view.front.place?.seq ?? 0
    while (other.subscription.mode !== 'riding') {
      await settle()
      bench.turn()
    }
    assert.ok(place() < rider.subscription.tail.ring.end, 'the backlog is broadcast already')
    await bench.run()
    assert.deepEqual([uids(rider), uids(other)], [ofLane(0, 400), ofLane(1, 400)])
  })

  it('a view that nobody rides costs nothing, and wakes where the others stand', async () => {
    const bench = new Bench()
    const all = await crowd(bench)
    const [first] = all as [Sent]
    first.subscription.pause('quota')
    const before = bench.carrier.frames
    bench.append(40)
    await bench.run()
    assert.equal(bench.carrier.frames - before, 20)
    bench.append(40)
    first.subscription.resume('quota')
    await bench.run()
    assert.deepEqual(uids(first), ofLane(0, 80))
    assert.equal(first.subscription.mode, 'riding')
    bench.append(8)
    await bench.run()
    assert.deepEqual(
      all.flatMap(uids).sort((a, b) => a - b),
      range(88),
    )
  })

  it('where nobody rides any of its views a record is not even decoded; the first to come back wakes it', async () => {
    const bench = new Bench()
    const all = await crowd(bench)
    for (const { subscription } of all) subscription.pause('quota')
    bench.append(40)
    await bench.run()
    assert.equal(bench.decode.calls, 0)
    for (const { subscription } of all.slice(1)) subscription.resume('quota')
    await bench.run()
    bench.append(8)
    await bench.run()
    all[0]?.subscription.resume('quota')
    await bench.run()
    assert.deepEqual(
      all.map(uids),
      all.map((_, lane) => ofLane(lane, 48)),
    )
    for (const { subscription } of all) assert.equal(subscription.mode, 'riding')
  })

  it('a record without a value that anybody waits for is passed, and the position with it', async () => {
    const bench = new Bench()
    const spec = equal(specOf('all', bench.decode), UID, 5)
    const sent = bench.open(LATEST, { spec })
    await bench.run()
    bench.append(4)
    await bench.run()
    const { cursor } = sent.subscription
    assert.equal(bench.carrier.frames, 0)
    sent.subscription.close()
    bench.append(1)
    assert.deepEqual(cursorOf(cursor).vector, [4])
    const again = bench.open({ kind: 'cursor', cursor: cursorOf(cursor) }, { spec })
    await bench.run()
    assert.deepEqual(ids(again), ['0-4'])
  })

  it('what breaks its contract reaches all, once each, also where that is more than a buffer holds', async () => {
    for (const views of [4, 500]) {
      const bench = new Bench(1, { sessionBufferBytesMax: 60_000 })
      const decode = new CountedDecode((record) => uidOf(record) % 10 === 0)
      const spec = specOf('all', decode, 'frame')
      const skipping = bench.open(LATEST, { spec: equal(specOf('sound', decode, 'skip'), UID, 3) })
      const all = range(views).map((uid) =>
        bench.open(LATEST, { spec: equal(spec, UID, uid), socket: bench.socket(60_000) }),
      )
      await bench.run()
      bench.append(25)
      await bench.run()
      all.forEach((sent, i) => {
        const uid = i + 1
        const own = uid <= 25 && uid % 10 !== 0 ? [`0-${uid - 1}`] : []
        assert.deepEqual(
          ids(sent),
          [...own, '0-9', '0-19'].sort((a, b) => Number(a.slice(2)) - Number(b.slice(2))),
        )
        const broken = sent.records.filter(({ type }) => type === 'invalid')
        assert.deepEqual([broken.length, broken[0]?.bytes], [2, undefined])
        assert.equal(sent.subscription.mode, 'riding')
      })
      assert.deepEqual(ids(skipping), ['0-2'])
      skipping.subscription.heartbeat()
      await bench.run()
      assert.deepEqual(skipping.events.at(-1), { type: 'notice', kind: 'invalid', count: 2 })
      assert.deepEqual([bench.faults, kinds(skipping)], [[], ['subscribed', 'position', 'notice']])
    }
  })

  it('what a filter hides takes a turn no longer than what it shows', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 64_000_000 })
    const none = { field: UID, operator: '=lt=', values: [0] } as const
    const sent = bench.open(LATEST, { spec: where(specOf('none', bench.decode), 'none', none) })
    await bench.run()
    bench.append(100, 0, 100_000)
    const parsing = new CountedParse()
    const most: number[] = []
    const turn = bench.turn.bind(bench)
    bench.turn = () => {
      const before = parsing.calls
      const went = turn()
      most.push(parsing.calls - before)
      return went
    }
    await bench.run()
    parsing.end()
    assert.equal(
      most.reduce((sum, looked) => sum + looked, 0),
      100,
    )
    assert.ok(Math.max(...most) <= 12, `${Math.max(...most)} records of 100 kB in one turn`)
    assert.equal(sent.records.length, 0)
  })
})
