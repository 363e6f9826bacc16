import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accountOf } from './model/account.ts'
import { Bench, ids, kinds } from './model/bench.ts'
import { ModelPool } from './model/pool.ts'

const EARLIEST = { kind: 'earliest' } as const
const LATEST = { kind: 'latest' } as const

describe('counting', () => {
  it('what a connection did not take is neither paid nor counted', async () => {
    const bench = new Bench()
    const pool = new ModelPool(1e6)
    pool.grant(100, 10_000)
    bench.append(3)
    const sent = bench.open(EARLIEST, { account: accountOf('a', pool) })
    sent.socket.refuses = true
    await bench.run()
    assert.deepEqual(kinds(sent).at(-1), 'ended')
    assert.deepEqual([pool.messages, pool.bytes], [100, 10_000])
    assert.deepEqual(bench.hub.meter.drain(), [])
  })

  it('an allowance of five brings five, then the pause, and the rest when there is more, in order', async () => {
    const bench = new Bench()
    const pool = new ModelPool(1e6)
    pool.grant(5, 10_000)
    const sent = bench.open(LATEST, { account: accountOf('a', pool) })
    await bench.run()
    bench.append(8)
    await bench.run()
    assert.equal(sent.records.length, 5)
    pool.exhaust()
    await bench.run()
    assert.deepEqual(kinds(sent), ['subscribed', 'paused'])
    assert.equal(bench.hub.counts.off.quota, 1)
    pool.grant(100, 10_000)
    await bench.run()
    assert.deepEqual(
      ids(sent),
      [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => `0-${offset}`),
    )
    assert.equal(sent.subscription.mode, 'riding')
    assert.deepEqual(kinds(sent).slice(-2), ['paused', 'resumed'])
  })

  it('one agreement out of allowance delays no other on the same view', async () => {
    const bench = new Bench()
    const poor = bench.open(LATEST, { account: accountOf('poor', new ModelPool(1e6)) })
    const rich = bench.open(LATEST, { account: accountOf('rich') })
    await bench.run()
    bench.append(4)
    await bench.run()
    assert.equal(rich.records.length, 4)
    assert.equal(rich.subscription.mode, 'riding')
    assert.equal(poor.records.length, 0)
  })

  it('a record that no window of the plan could ever pay is told, and the stream goes on', async () => {
    const bench = new Bench()
    const pool = new ModelPool(100)
    pool.grant(10, 100)
    const sent = bench.open(LATEST, { account: accountOf('a', pool) })
    await bench.run()
    bench.append(1)
    bench.append(1, 0, 500)
    bench.append(1)
    await bench.run()
    assert.deepEqual(
      sent.records.map(({ id, type }) => [id, type]),
      [
        ['0-0', 'record'],
        ['0-1', 'invalid'],
        ['0-2', 'record'],
      ],
    )
    assert.equal(pool.grantedMessages - pool.messages, 2)
  })

  it('a halt of metering stops everybody, also newcomers, and loses nothing', async () => {
    const bench = new Bench()
    const first = bench.open(LATEST)
    await bench.run()
    bench.hub.halt('metering')
    const second = bench.open(LATEST)
    await bench.run()
    bench.append(3)
    await bench.run()
    assert.deepEqual([first.records.length, second.records.length], [0, 0])
    assert.deepEqual(kinds(second), ['subscribed', 'paused'])
    bench.hub.proceed('metering')
    await bench.run()
    assert.deepEqual([first.records.length, second.records.length], [3, 3])
  })

  it('what is due at an edge is done before anything is handed over', async () => {
    const bench = new Bench()
    let edge = Infinity
    const handed: number[] = []
    bench.hub.hooks = {
      nextEdge: () => edge,
      edge: () => {
        edge = Infinity
        handed.push(bench.hub.meter.drain().reduce((sum, { columns }) => sum + columns.offsets.length, 0))
      },
      full() {},
    }
    bench.open(LATEST)
    await bench.run()
    bench.append(2)
    await bench.run()
    edge = bench.now
    bench.append(5)
    await bench.run()
    assert.deepEqual(handed, [2], 'only what went out before the edge')
    assert.equal(bench.hub.meter.records, 5)
  })
})
