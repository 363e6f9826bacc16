import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { From } from '../../gateway/stream/opening.ts'
import { NO_HEADERS } from '../../gateway/stream/record.ts'
import { SourceError, type FollowSink } from '../../gateway/stream/source.ts'
import { Bench, cursorOf, ids, kinds, settle, type Sent } from './model/bench.ts'
import { Random } from './model/random.ts'
import { recordOf } from './model/records.ts'

const LATEST: From = { kind: 'latest' }
const EARLIEST: From = { kind: 'earliest' }
const MINUTE_MS = 60_000

function resume(sent: Sent): From {
  return { kind: 'cursor', cursor: cursorOf(sent.records.at(-1)?.cursor) }
}

function ended(sent: Sent): { readonly code: string; readonly cursor: string | null } {
  const last = sent.events.at(-1)
  assert.ok(last?.type === 'ended', `${last?.type} was the last event`)
  return { code: last.refusal.code, cursor: last.cursor }
}

describe('hub, when the log is not as it was', () => {
  it('riders of an unclean election are told of the reset, and get the records that stand there now', async () => {
    const bench = new Bench()
    const rider = bench.open(LATEST)
    await bench.run()
    bench.append(10)
    await bench.run()
    bench.partition().truncate(6)
    await bench.run()
    bench.append(8)
    await bench.run()
    assert.deepEqual(kinds(rider), ['subscribed', 'gap'])
    assert.deepEqual(
      ids(rider).slice(10),
      Array.from({ length: 14 }, (_, i) => `0-${i}`),
    )
    assert.equal(rider.subscription.mode, 'riding')
  })

  it('a cursor behind the end of a log that was truncated since is told so, by a node that knows only the shorter log', async () => {
    const bench = new Bench()
    const before = bench.open(LATEST)
    await bench.run()
    bench.append(10)
    await bench.run()
    before.subscription.close()
    bench.tick(10_000)
    bench.partition().truncate(6)
    const after = bench.open(resume(before))
    await bench.run()
    bench.append(8)
    await bench.run()
    assert.deepEqual(kinds(after), ['subscribed', 'gap'])
    assert.deepEqual(
      ids(after),
      Array.from({ length: 14 }, (_, i) => `0-${i}`),
    )
  })

  it('a cursor from a node that is ahead waits for this one, after one question to the log', async () => {
    const bench = new Bench()
    const first = bench.open(LATEST)
    await bench.run()
    bench.append(5)
    const second = bench.open({ kind: 'cursor', cursor: { epoch: 0, log: 0, time: bench.now, vector: [3] } })
    await bench.run({ fetch: false })
    const ahead = bench.open({ kind: 'cursor', cursor: { epoch: 0, log: 0, time: bench.now, vector: [5] } })
    await bench.run({ fetch: false })
    assert.equal(ahead.subscription.mode, 'reading')
    assert.deepEqual(ids(second), ['0-3', '0-4'])
    bench.append(1)
    await bench.run()
    assert.deepEqual(ids(ahead), ['0-5'])
    assert.deepEqual(
      [first, second, ahead].map(({ subscription }) => subscription.mode),
      ['riding', 'riding', 'riding'],
    )
  })

  it('timestamps that no date can hold stop nobody and leave the cursor sound', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    await bench.run()
    for (const time of [-1, 1.79e18, Number.MAX_SAFE_INTEGER, bench.now]) {
      const offset = bench.partition().end++
      const value = Buffer.from('{}')
      bench
        .partition()
        .written.push({ uid: 1, record: { partition: 0, offset, time, key: null, value, headers: NO_HEADERS } })
    }
    await bench.run()
    assert.deepEqual(ids(sent), ['0-0', '0-1', '0-2', '0-3'])
    sent.records.forEach(({ cursor }, i) => assert.deepEqual(cursorOf(cursor).vector, [i + 1]))
    assert.deepEqual(bench.faults, [])
  })

  it('a record from the future does not make a reset skip what came since', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    await bench.run()
    bench.append(3)
    bench.log.append(0, bench.now + 365 * 24 * 60 * MINUTE_MS, 10)
    await bench.run()
    bench.log.recreate(0)
    bench.append(2)
    bench.source.notice()
    bench.source.tellChanged()
    await bench.run()
    assert.deepEqual(ids(sent).slice(4), ['1.0-0', '1.0-1', '1.0-2', '1.0-3', '1.0-4', '1.0-5'])
  })

  it('a reset goes back to the partition that was read least, also while that is looked for in the log', async () => {
    const bench = new Bench(2, { logMemoryBytesMax: 40_000 })
    const sent = bench.open(LATEST)
    await bench.run()
    bench.append(1, 1)
    await bench.run()
    bench.partition(1).led = false
    bench.now += 10 * MINUTE_MS
    bench.append(3, 1)
    bench.now += 10 * MINUTE_MS
    bench.append(1, 0)
    await bench.run()
    sent.subscription.pause('quota')
    bench.partition(1).led = true
    await bench.run()
    bench.append(300, 0, 200)
    await bench.run()
    sent.subscription.resume('quota')
    bench.turn()
    await settle()
    assert.equal(bench.source.asked, 1)
    bench.log.recreate(0)
    bench.source.notice()
    bench.source.tellChanged()
    await bench.run()
    for (const id of ['1.1-1', '1.1-2', '1.1-3']) assert.ok(ids(sent).includes(id), `${id} never came`)
  })

  it('a start by time leaves out what is older, also after a reset', async () => {
    const bench = new Bench()
    bench.append(3)
    const time = bench.now + 1
    bench.append(2)
    bench.log.append(0, time - 2, 10)
    const sent = bench.open({ kind: 'time', time })
    await bench.run()
    assert.deepEqual(ids(sent), ['0-3', '0-4'])
    bench.log.recreate(0)
    bench.source.notice()
    bench.source.tellChanged()
    await bench.run()
    assert.deepEqual(ids(sent).slice(2), ['1.0-3', '1.0-4'])
    bench.log.append(0, time - 1, 10)
    bench.append(1)
    await bench.run()
    assert.deepEqual(ids(sent).slice(4), ['1.0-7'])
  })

  it('nobody reads further back than the horizon: a cursor is told how much that cost, earliest is not', async () => {
    const bench = new Bench()
    bench.append(10)
    const horizon = bench.now - 2
    const cursor = bench.open(
      { kind: 'cursor', cursor: { epoch: 0, log: 0, time: bench.now - 9, vector: [1] } },
      { horizon },
    )
    const earliest = bench.open(EARLIEST, { horizon })
    await bench.run()
    for (const sent of [cursor, earliest]) assert.deepEqual(ids(sent), ['0-7', '0-8', '0-9'])
    const [, gap] = cursor.events
    assert.ok(gap?.type === 'gap' && gap.reason === 'horizon' && gap.offsets === 6)
    assert.deepEqual(kinds(earliest), ['subscribed'])
  })

  it('a partition that was made since the cursor, and has lost its start already, is a gap', async () => {
    const bench = new Bench(2)
    bench.append(4, 1)
    bench.partition(1).start = 3
    const sent = bench.open({ kind: 'cursor', cursor: { epoch: 0, log: 0, time: bench.now, vector: [0] } })
    await bench.run()
    const [, gap] = sent.events
    assert.ok(gap?.type === 'gap' && gap.reason === 'retention' && gap.offsets === 3)
    assert.deepEqual(ids(sent), ['1-3'])
  })

  it('a stream that cannot be opened is refused; the next one tries again; nothing is left of the first', async () => {
    const bench = new Bench()
    bench.source.setDown(true)
    const refused = bench.open(LATEST)
    const left = bench.open(LATEST)
    left.subscription.close()
    await bench.run()
    assert.deepEqual(ended(refused), { code: 'source-unavailable', cursor: null })
    bench.tick()
    assert.equal(bench.hub.stats().tails, 0)
    bench.source.setDown(false)
    const sent = bench.open(LATEST)
    await bench.run()
    assert.deepEqual(kinds(sent), ['subscribed'])
  })

  it('a start that nobody waits for any more is forgotten when it fails', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    sent.subscription.close()
    bench.source.setDown(true)
    await bench.run()
    bench.tick()
    assert.equal(bench.hub.stats().tails, 0)
  })

  it('an outage is told once it lasts, and nothing is lost by it', async () => {
    const bench = new Bench()
    const sent = bench.open(LATEST)
    await bench.run()
    bench.source.setDown(true)
    bench.append(3)
    await bench.run()
    bench.source.setDown(false)
    await bench.run()
    assert.deepEqual(kinds(sent), ['subscribed', 'paused', 'resumed'])
    assert.deepEqual(ids(sent), ['0-0', '0-1', '0-2'])
  })

  it('an answer that was asked for before the log changed does not change it back', async () => {
    const bench = new Bench()
    const rider = bench.open(LATEST)
    await bench.run()
    const old = bench.source.locate('t', 'latest')
    bench.source.answer(new Random(1))
    const stale = await old
    bench.log.recreate(0)
    let answers = 0
    const { source } = bench
    const locate = source.locate.bind(source)
    const late = new Promise<void>((resolve) => {
      source.locate = async (topic, at) => {
        if (answers++ > 0) return locate(topic, at)
        source.notice()
        source.tellChanged()
        await settle()
        while (source.asked > 0) {
          source.answer(new Random(1))
          await settle()
        }
        resolve()
        return stale
      }
    })
    const reader = bench.open(EARLIEST)
    await late
    await bench.run()
    bench.append(1)
    await bench.run()
    assert.deepEqual(kinds(rider), ['subscribed', 'gap'])
    assert.deepEqual([ids(rider), ids(reader)], [['1.0-0'], ['1.0-0']])
  })

  it('behind markers at the end a rider stands where a reader from the log does, so that both ride', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 20_000 })
    const rider = bench.open(LATEST)
    await bench.run()
    bench.append(90)
    bench.partition().end += 4
    await bench.run()
    assert.deepEqual(cursorOf(rider.subscription.cursor).vector, [94])
    const reader = bench.open(EARLIEST)
    await bench.run()
    assert.equal(reader.records.length, 90)
    assert.equal(reader.subscription.mode, 'riding')
  })

  it('what a source says of a log that is over is dropped', async () => {
    const bench = new Bench()
    const { source } = bench
    const follow = source.follow.bind(source)
    const sinks: FollowSink[] = []
    source.follow = (topic, from, sink) => {
      sinks.push(sink)
      return follow(topic, from, sink)
    }
    const sent = bench.open(LATEST)
    await bench.run()
    bench.log.recreate(0)
    source.notice()
    source.tellChanged()
    await bench.run()
    const [old] = sinks
    assert.ok(old && sinks.length === 2)
    old.slices([{ partition: 0, from: 0, records: [recordOf(0, 0)], next: 1, end: 1 }])
    old.down(new SourceError('unavailable', 'away'), bench.now)
    old.changed()
    await bench.run()
    assert.equal(sinks.length, 2)
    assert.deepEqual([kinds(sent), ids(sent)], [['subscribed', 'gap'], []])
  })
})
