import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { decodeMessage, type Envelope } from '../../gateway/usage/codec.ts'
import { Journal } from '../../gateway/usage/journal.ts'
import { createMeterTime } from '../../gateway/usage/meterTime.ts'
import { Shipper } from '../../gateway/usage/shipper.ts'
import type { Sink } from '../../gateway/usage/sink.ts'
import type { TalliesMessage, UsageMessage } from '../../gateway/usage/tally.ts'
import type { Account } from '../../gateway/stream/account.ts'
import type { Handed } from '../../gateway/stream/handed.ts'
import { HandClock, ListLog, scratch, settled } from './support.ts'

const FLUSH_MS = 1_000
const HOUR_MS = 3_600_000

class ListSink implements Sink {
  readonly messages: UsageMessage[] = []
  works = true
  sends = 0
  async send(envelopes: readonly Envelope[]): Promise<void> {
    this.sends++
    if (!this.works) throw new Error('away')
    for (const { key, headers, value } of envelopes) {
      const message = decodeMessage({ key, headers, value })
      assert.ok(message.kind !== 'damaged')
      this.messages.push(message)
    }
  }
  async close(): Promise<void> {}
}

const ACCOUNT = { agreement: 'a:b:c', plan: 'c', planVersion: '1' } as unknown as Account

describe('shipper', () => {
  interface Ship {
    readonly clock: HandClock
    readonly shipper: Shipper
    readonly sink: ListSink
    readonly journal: Journal
    readonly lags: boolean[]
    hand(offset: number): void
  }
  const ship = (
    t: TestContext,
    more: { folder?: string; boot?: number; sink?: ListSink; bytesMax?: number; clock?: HandClock } = {},
  ): Ship => {
    const { folder = scratch(t), boot = 1, sink = new ListSink(), bytesMax = 1 << 20, clock = new HandClock() } = more
    const log = new ListLog()
    const journal = new Journal({ folder, bytesMax, segmentBytesMax: 500, fsyncMs: 1_000 }, clock, log)
    const lags: boolean[] = []
    let handed: Handed[] = []
    const shipper = new Shipper({
      ...{ clock, journal, sink, log, flushMs: FLUSH_MS, meterTime: createMeterTime(clock) },
      identity: { node: 'n', boot, worker: 0 },
      drain: () => handed.splice(0),
      lagging: (is) => lags.push(is),
    })
    const hand = (offset: number): void => {
      const columns = { partitions: [0], offsets: [offset], sizes: [10], times: [clock.now()] }
      const share = { account: ACCOUNT, ranges: [[0, 1]], delivered: 1, deliveredBytes: 10 } as const
      handed = [...handed, { stream: 's', epoch: 0, log: 1, view: 'v', columns, shares: [share] }]
    }
    return { clock, shipper, sink, journal, lags, hand }
  }
  const talliesOf = ({ messages }: ListSink): TalliesMessage[] =>
    messages.filter((one): one is TalliesMessage => one.kind === 'tallies')
  const offsetsOf = (sink: ListSink): number[] =>
    talliesOf(sink).flatMap(({ tallies }) => tallies.flatMap(({ offsets }) => offsets))
  const seqsOf = ({ messages }: ListSink): number[] => messages.map(({ id }) => id.seq)
  const sent = ({ journal }: Ship) => settled(() => journal.sent === journal.appended)
  const drained = async ({ shipper, clock }: Ship): Promise<void> => {
    let ended = false
    void shipper.drain(0).then(() => (ended = true))
    await settled(() => {
      clock.advance(250)
      return ended
    })
  }

  it('what was handed over goes out each flush, its watermark behind it, in numbers without a gap', async (t) => {
    const own = ship(t)
    for (const n of [1, 2, 3]) {
      own.hand(n)
      own.clock.advance(FLUSH_MS)
      own.shipper.tick()
    }
    await sent(own)
    assert.deepEqual(offsetsOf(own.sink), [1, 2, 3])
    assert.deepEqual(seqsOf(own.sink), [1, 2, 3, 4, 5, 6, 7])
    let told = 0
    for (const message of own.sink.messages) {
      if (message.kind === 'tallies') assert.ok(message.from >= told && message.to >= message.from)
      else told = message.before
    }
    assert.equal(told, own.clock.now())
  })

  it('a quiet process says every ten seconds that it has nothing, and at the end that this is all', async (t) => {
    const own = ship(t)
    for (let i = 0; i < 30; i++) {
      own.clock.advance(FLUSH_MS)
      own.shipper.tick()
    }
    await sent(own)
    assert.equal(own.sink.messages.length, 4)
    own.sink.works = false
    let ended = false
    void own.shipper.drain(60_000).then(() => (ended = true))
    for (let i = 0; i < 12; i++) {
      own.clock.advance(FLUSH_MS)
      own.shipper.tick()
    }
    own.sink.works = true
    await settled(() => {
      own.clock.advance(250)
      return ended
    })
    assert.deepEqual(
      own.sink.messages.map((one) => one.kind === 'watermark' && one.final),
      [false, false, false, false, true],
      'the final one is the last',
    )
  })

  it('no message reaches over the end of a UTC hour', async (t) => {
    const own = ship(t, { clock: new HandClock(Date.UTC(2026, 10, 28, 20, 59, 59, 500)) })
    assert.equal(own.shipper.nextEdge, own.clock.monotonic() + 500)
    own.hand(1)
    own.clock.advance(700)
    own.shipper.flush()
    own.hand(2)
    own.clock.advance(FLUSH_MS)
    own.shipper.tick()
    await sent(own)
    const hours = talliesOf(own.sink).map(({ from, to }) => [Math.floor(from / HOUR_MS), Math.floor(to / HOUR_MS)])
    assert.equal(hours.length, 2)
    assert.deepEqual(
      hours.map(([from, to]) => to! - from!),
      [0, 0],
    )
    assert.equal(hours[1]![0]! - hours[0]![0]!, 1)
  })

  it('a sink that fails gets the same again, in order, later and later; delivery is halted after two flushes and goes on', async (t) => {
    const own = ship(t)
    own.sink.works = false
    for (let i = 1; i <= 8; i++) {
      own.hand(i)
      own.clock.advance(FLUSH_MS)
      own.shipper.tick()
      await settled(() => own.sink.sends > 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.deepEqual(own.lags, [true])
    assert.ok(own.sink.sends < 8, `${own.sink.sends} sends in 8 s`)
    own.sink.works = true
    own.clock.advance(6_000)
    own.shipper.tick()
    await sent(own)
    own.shipper.tick()
    assert.deepEqual(own.lags, [true, false])
    assert.deepEqual(offsetsOf(own.sink), [1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(
      seqsOf(own.sink),
      Array.from(own.sink.messages, (_, i) => i + 1),
    )
  })

  it('what a full journal does not take keeps its numbers, halts delivery at once, and is written when there is room', async (t) => {
    const own = ship(t, { bytesMax: 1_500 })
    own.sink.works = false
    for (let i = 1; i <= 6; i++) {
      own.hand(i)
      own.clock.advance(FLUSH_MS)
      own.shipper.tick()
    }
    assert.deepEqual(own.lags.slice(0, 1), [true])
    own.sink.works = true
    for (let i = 0; i < 20; i++) {
      own.clock.advance(6_000)
      await settled(() => {
        own.shipper.tick()
        return own.journal.sent === own.journal.appended
      })
    }
    assert.deepEqual(offsetsOf(own.sink), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(
      seqsOf(own.sink),
      Array.from(own.sink.messages, (_, i) => i + 1),
    )
    assert.equal(own.lags.at(-1), false)
  })

  it('after a crash the next boot sends what the last one wrote first, with its numbers, and ends it', async (t) => {
    const folder = scratch(t)
    const first = ship(t, { folder })
    first.sink.works = false
    first.hand(1)
    first.clock.advance(FLUSH_MS)
    first.shipper.tick()
    await settled(() => first.sink.sends > 0)
    await first.journal.close()
    const second = ship(t, { folder, boot: 2 })
    second.hand(2)
    second.clock.advance(FLUSH_MS)
    second.shipper.tick()
    await sent(second)
    assert.deepEqual(
      second.sink.messages.map(({ id }) => `${id.boot}/${id.seq}`),
      ['1/1', '1/2', '1/3', '1/4', '2/1', '2/2', '2/3'],
    )
    assert.deepEqual(offsetsOf(second.sink), [1, 2])
    const ends = second.sink.messages.flatMap((one) => (one.kind === 'watermark' && one.final ? [one.id] : []))
    assert.deepEqual(
      ends.map(({ boot, seq }) => `${boot}/${seq}`),
      ['1/4'],
    )
  })

  it('a boot whose messages were all sent before it crashed is ended, too; one that said its last word is not ended again', async (t) => {
    const crashed = scratch(t)
    const first = ship(t, { folder: crashed })
    first.hand(1)
    first.clock.advance(FLUSH_MS)
    first.shipper.tick()
    await sent(first)
    const folder = scratch(t)
    cpSync(crashed, folder, { recursive: true, filter: (path) => !path.endsWith('lock') })
    const second = ship(t, { folder, boot: 2 })
    await sent(second)
    assert.deepEqual(
      second.sink.messages.slice(-2).map((one) => [one.id.boot, one.id.seq, one.kind === 'watermark' && one.final]),
      [
        [1, 4, true],
        [2, 1, false],
      ],
    )
    second.sink.works = false
    await drained(second)
    const third = ship(t, { folder, boot: 3 })
    await sent(third)
    const ends = third.sink.messages.filter((one) => one.kind === 'watermark' && one.final && one.id.boot === 2)
    assert.equal(new Set(ends.map(({ id }) => id.seq)).size, 1)
    assert.equal(
      third.sink.messages.findLast(({ id }) => id.boot === 2),
      ends.at(-1),
    )
  })
})
