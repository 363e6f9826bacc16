import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Fault } from '../../gateway/errors.ts'
import type { Order, ToWorker, WorkerProcess } from '../../gateway/workers/message.ts'
import { WorkerSlot } from '../../gateway/workers/slot.ts'
import { HandClock, ListLog } from '../usage/support.ts'
import { FakeProcess } from './fakeProcess.ts'

const ORDER: Order = { kind: 'start', config: '{}', place: { index: 1, count: 2, port: 8080 } }
const READY = { kind: 'ready', url: 'http://a', products: [] } as const

describe('the slot of a worker', () => {
  const build = () => {
    const clock = new HandClock()
    const log = new ListLog()
    const forked: FakeProcess[] = []
    const fork = (): WorkerProcess => {
      const process = new FakeProcess()
      forked.push(process)
      return process
    }
    const slot = new WorkerSlot(1, { fork, clock, log })
    return { clock, log, forked, slot, last: () => forked.at(-1) as FakeProcess }
  }
  const serving = async () => {
    const world = build()
    const started = world.slot.start(Promise.resolve(ORDER))
    world.last().say(READY)
    await started
    return world
  }

  it('tells the process its place, and serves once that says so', async () => {
    const { slot, forked } = await serving()
    assert.deepEqual(forked[0]?.told, [ORDER])
    assert.equal(slot.state, 'serving')
  })

  it('begins its process before there is an order, which a next one gets at once', async () => {
    const { slot, forked, last, clock } = build()
    let give: (order: Order) => void = () => undefined
    const started = slot.start(new Promise((resolve) => (give = resolve)))
    assert.deepEqual(forked[0]?.told, [])
    give(ORDER)
    await Promise.resolve()
    assert.deepEqual(forked[0]?.told, [ORDER])
    last().say(READY)
    await started
    last().end(false, 'ended by SIGKILL')
    clock.advance(1_000)
    assert.deepEqual(last().told, [ORDER])
  })

  it('gives up where the first process cannot start, with that one’s own fault', async () => {
    const { slot, last, forked, clock } = build()
    const started = slot.start(Promise.resolve(ORDER))
    last().say({ kind: 'failed', fault: 'unreachable', message: 'Cannot listen.' })
    last().end(false, 'exit code 1')
    await assert.rejects(started, (error: Error) => {
      return error instanceof Fault && error.kind === 'unreachable' && error.message === 'worker 1: Cannot listen.'
    })
    clock.advance(60_000)
    assert.deepEqual([slot.state, forked.length], ['gone', 1])
  })

  it('replaces who ends after 1, 2, 4 … 30 seconds, and after a long life after 1 again', async () => {
    const { slot, last, forked, clock } = await serving()
    for (const [i, ms] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
      last().end(false, 'ended by SIGKILL')
      assert.equal(slot.state, 'waiting')
      clock.advance(ms - 1)
      assert.equal(forked.length, i + 1, `not before ${ms} ms`)
      clock.advance(1)
      assert.equal(forked.length, i + 2)
      last().say(READY)
    }
    assert.equal(slot.counts.restarts, 7)
    clock.advance(60_000)
    last().end(true, 'exit code 0')
    clock.advance(1_000)
    assert.equal(forked.length, 9)
  })

  it('waits two seconds for an answer, and counts what does not come', async () => {
    const { slot, last, clock } = await serving()
    const asked = slot.ask('readiness')
    const { id } = last().told.at(-1) as Extract<ToWorker, { kind: 'ask' }>
    last().say({ kind: 'answer', id, answer: { ready: true, checks: {} } })
    assert.deepEqual(await asked, { ready: true, checks: {} })
    const late = slot.ask('metrics')
    clock.advance(2_000)
    assert.deepEqual([await late, slot.counts.missed], [null, 1])
  })

  it('ends one that says nothing for thirty seconds, and replaces it', async () => {
    const { slot, last, forked, clock } = await serving()
    const first = last()
    for (let at = 0; at < 30; at += 5) {
      slot.watch()
      clock.advance(5_000)
    }
    slot.watch()
    assert.equal(first.killed, false)
    clock.advance(5_000)
    slot.watch()
    assert.equal(first.killed, true)
    clock.advance(1_000)
    assert.equal(forked.length, 2)
  })

  it('drains once, and tells whether it ended by itself; who does not is ended', async () => {
    const clean = await serving()
    const left = clean.slot.drain(20_000)
    assert.deepEqual(clean.last().told.at(-1), { kind: 'drain' })
    clean.last().end(true, 'exit code 0')
    assert.deepEqual([await left, clean.slot.state], [true, 'gone'])
    clean.clock.advance(60_000)
    assert.equal(clean.forked.length, 1, 'nobody takes its place')
    const stuck = await serving()
    const waited = stuck.slot.drain(20_000)
    stuck.clock.advance(20_000)
    assert.deepEqual([await waited, stuck.last().killed], [false, true])
  })

  it('starts nobody any more where it drains while it waits', async () => {
    const { slot, last, forked, clock } = await serving()
    last().end(false, 'ended by SIGKILL')
    assert.equal(await slot.drain(20_000), true)
    clock.advance(60_000)
    assert.equal(forked.length, 1)
  })
})
