import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Hub } from '../../gateway/stream/hub.ts'
import type { Outlet, SubscriptionEvent } from '../../gateway/stream/outlet.ts'
import type { Record } from '../../gateway/stream/record.ts'
import type { FollowSink, Slice, Source } from '../../gateway/stream/source.ts'
import { accountOf } from './model/account.ts'
import { CountedDecode, recordOf, specOf } from './model/records.ts'

const NOW = Date.UTC(2026, 10, 22)

function slice(from: number, records: readonly Record[]): Slice {
  const next = from + records.length
  return { partition: 0, from, records, next, end: next }
}

function run(from: number, count: number): readonly Record[] {
  return Array.from({ length: count }, (_, i) => recordOf(0, from + i, NOW))
}

describe('truncation', () => {
  it('who stood behind the new end is reset, also where the new log is longer again before it reads', async () => {
    let log = run(0, 0)
    let sink: FollowSink | null = null
    const source: Source = {
      locate: async (_topic, at) => ({ epoch: 0, log: 7, vector: [at === 'latest' ? log.length : 0] }),
      follow: (_topic, _from, given) => {
        sink = given
        return { pause() {}, resume() {}, close() {} }
      },
      read: async (_topic, [from = 0]) => [slice(from, log.slice(from))],
      close: async () => {},
    }
    const turns: (() => void)[] = []
    const limits = { logMemoryBytesMax: 1e6, sessionBufferBytesMax: 1e6, lingerMs: 1e9, turnMsMax: 1e9 }
    const clock = { now: () => NOW, monotonic: () => 0, soon: (turn: () => void) => void turns.push(turn) }
    const hub = new Hub(clock, { ...limits, replaySlotsMax: 4, blockBytesMax: 1e6, heldBytesMax: 1e6 }, (error) => {
      throw error
    })
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        await Promise.resolve()
        turns.shift()?.()
      }
    }
    const got: string[] = []
    const events: SubscriptionEvent[] = []
    const carrier: Outlet['carrier'] = {
      name: 'test',
      frame: (_frames, _view, body) => void got.push(body.id),
      broadcast: () => undefined,
    }
    const outlet: Outlet = {
      carrier,
      capacity: 1e6,
      room: () => 1e6,
      whenRoom() {},
      send: () => true,
      join() {},
      leave() {},
      tell: (event) => void events.push(event),
    }
    const spec = specOf('v', new CountedDecode())
    hub.open({ spec, source, from: { kind: 'latest' }, horizon: null, outlet, account: accountOf('a') })
    await settle()
    log = run(0, 10)
    const told = sink as unknown as FollowSink
    told.slices([slice(0, log)])
    await settle()
    assert.equal(got.length, 10)
    // The new leader has only the first six; eight others were written behind them before anybody read.
    log = run(0, 14)
    told.slices([{ ...slice(10, []), next: 6, end: 14, lost: { reason: 'truncated', from: 10, to: 6 } }])
    told.slices([slice(6, log.slice(6))])
    await settle()
    assert.deepEqual(
      events.map(({ type }) => type),
      ['subscribed', 'gap'],
    )
    assert.deepEqual(got.slice(-8), ['0-6', '0-7', '0-8', '0-9', '0-10', '0-11', '0-12', '0-13'])
    hub.close()
  })
})
