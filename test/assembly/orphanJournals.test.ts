import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { folderOfWorker, OrphanJournals } from '../../gateway/assembly/orphanJournals.ts'
import { decodeMessage, type Envelope } from '../../gateway/usage/codec.ts'
import { nextBoot } from '../../gateway/usage/identity.ts'
import { Journal } from '../../gateway/usage/journal.ts'
import { createMeterTime } from '../../gateway/usage/meterTime.ts'
import { Shipper } from '../../gateway/usage/shipper.ts'
import type { Sink } from '../../gateway/usage/sink.ts'
import type { MessageId } from '../../gateway/usage/tally.ts'
import { HandClock, ListLog, scratch, settled } from '../usage/support.ts'

describe('journals of workers that are no more', () => {
  const world = (t: TestContext) => {
    const folder = scratch(t)
    const clock = new HandClock()
    const log = new ListLog()
    const sent: { readonly id: MessageId; readonly final: boolean }[] = []
    const state = { works: true }
    const sink = {
      async send(envelopes: readonly Envelope[]) {
        if (!state.works) throw new Error('away')
        for (const envelope of envelopes) {
          const message = decodeMessage(envelope)
          assert.ok(message.kind !== 'damaged')
          sent.push({ id: message.id, final: message.kind === 'watermark' && message.final })
        }
      },
      close: () => Promise.resolve(),
    }
    const away = { send: () => Promise.reject(new Error('away')), close: () => Promise.resolve() }
    const open = async (worker: number, to: Sink = sink) => {
      const identity = { ...(await nextBoot(folder, null, () => 'n', worker)), worker }
      const options = {
        folder: folderOfWorker(folder, worker),
        bytesMax: 1 << 20,
        segmentBytesMax: 500,
        fsyncMs: 1_000,
      }
      const journal = new Journal(options, clock, log)
      const meterTime = createMeterTime(clock)
      const none = { drain: () => [], lagging: () => undefined, flushMs: Infinity }
      return { journal, shipper: new Shipper({ clock, meterTime, identity, journal, sink: to, log, ...none }) }
    }
    /** A worker that writes down what cannot be sent, and is gone. */
    const leave = async (worker: number): Promise<void> => {
      const { shipper } = await open(worker, away)
      const drained = shipper.drain(0)
      await settled(() => (clock.advance(250), log.said.includes('usage waits in the journal for the next start')))
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(() => resolve(clock.advance(250))))
      await drained
    }
    const adopt = (from: number): OrphanJournals => new OrphanJournals({ folder, from, open, clock, log })
    return { folder, clock, sent, state, leave, adopt }
  }

  it('are sent under the ids that they were written with, ended by a boot of their own, and removed', async (t) => {
    const { folder, sent, leave, adopt } = world(t)
    await leave(1)
    await leave(2)
    const orphans = adopt(2)
    await settled(() => (orphans.tick(), !existsSync(folderOfWorker(folder, 2))))
    assert.ok(existsSync(folderOfWorker(folder, 1)), 'worker 1 is still there: its journal is its own')
    assert.deepEqual(
      sent.map(({ id: { worker, boot, seq }, final }) => [worker, boot, seq, final]),
      [
        [2, 1, 1, false],
        [2, 1, 2, true],
        [2, 2, 1, false],
        [2, 2, 2, true],
      ],
    )
  })

  it('wait where the sink is away, and are told as unsent', async (t) => {
    const { folder, sent, state, leave, adopt, clock } = world(t)
    await leave(1)
    state.works = false
    const orphans = adopt(1)
    orphans.tick()
    await settled(() => orphans.unsentBytes > 0)
    state.works = true
    // Beyond the pause after a failed send.
    clock.advance(5_000)
    await settled(() => (orphans.tick(), !existsSync(folderOfWorker(folder, 1))))
    assert.equal(sent.length, 4)
    assert.equal(orphans.unsentBytes, 0)
  })

  it('that are empty go without a word, and no folder at all is none', async (t) => {
    const { folder, sent, adopt } = world(t)
    mkdirSync(folderOfWorker(folder, 3))
    const orphans = adopt(1)
    orphans.tick()
    await orphans.drain(0)
    assert.equal(existsSync(folderOfWorker(folder, 3)), false)
    assert.equal(sent.length, 0)
  })
})
