import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../gateway/clock.ts'
import { openLedger, type Batch, type Ledger } from '../../gateway/billing/ledger.ts'
import { parsePeriod, type Period } from '../../gateway/billing/period.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import type { Database } from '../../gateway/drivers/sql/database.ts'
import { migrate } from '../../gateway/drivers/sql/migrations.ts'
import { killedInMidIngest } from './ledger/killed.ts'
import { H, billedSet, manyMessages, reckon, talliesOf, toldSums, watermark, worlds } from './ledger/world.ts'

/** An empty database of the kind; each call opens it once more. */
export interface LedgerWorld {
  open(): Promise<Database<LedgerTables>>
  /** For `ledger-writer`, a process of its own on the same database: URL or `-`, FILE. */
  arguments(): Promise<readonly [string, string]>
  /** Forgets all tables. */
  reset(): Promise<void>
  close(): Promise<void>
}

const NOVEMBER = parsePeriod('2026-11') as Period
const DECEMBER = parsePeriod('2026-12') as Period
const at = Date.UTC(2026, 10, 28, 10, 15)

/** What every database must do as a ledger. */
export function ledgerSuite(openWorld: () => Promise<LedgerWorld>, runs: number): void {
  let world: LedgerWorld
  let ledger: Ledger
  const fresh = async (): Promise<void> => {
    await ledger?.close()
    await world.reset()
    ledger = await openLedger(await world.open(), systemClock)
  }
  before(async () => {
    world = await openWorld()
    await fresh()
  })
  after(async () => {
    await ledger.close()
    await world.close()
  })

  test('whatever the cuts, views, duplicates and order of shards, each record is billed once', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (messages) => {
        await fresh()
        await ledger.ingest({ messages: messages.slice(0, 3) })
        for (const message of messages.slice(3)) await ledger.ingest({ messages: [message] })
        const { agreements, sums } = reckon(messages)
        assert.deepEqual(toldSums(await ledger.hours({}, 0, Number.MAX_SAFE_INTEGER)), sums)
        for (const agreement of agreements) {
          for (const period of [NOVEMBER, DECEMBER]) {
            assert.deepEqual(await linesOf(agreement, period), billedSet(messages, agreement, period))
          }
        }
      }),
      { numRuns: runs },
    )
  })

  const linesOf = async (agreement: string, period: Period): Promise<readonly string[]> => {
    const places: string[] = []
    for await (const { stream, log, epoch, partition, from, to } of ledger.lines(agreement, period)) {
      for (let offset = from; offset < to; offset++)
        places.push(`${stream}|${log ?? `e${epoch}`}|${partition}|${offset}`)
    }
    return places.toSorted()
  }

  test('a redelivery in the next month, on another plan, is free', async () => {
    await fresh()
    const december = Date.UTC(2026, 11, 1)
    await ledger.ingest({ messages: [talliesOf(1, december - 1, [5, 6, 65_535, 65_536])] })
    await ledger.ingest({ messages: [talliesOf(2, december, [6, 7, 65_536], { planVersion: 'bbbbbbbbbbbbbbbb' })] })
    const billed = async (from: number, to: number): Promise<unknown> =>
      (await ledger.usage({}, from, to)).map((one) => [one.delivered, one.billed, one.billedBytes])
    assert.deepEqual(await billed(NOVEMBER.fromMs, NOVEMBER.toMs), [[4, 4, 40]])
    assert.deepEqual(await billed(DECEMBER.fromMs, DECEMBER.toMs), [[3, 1, 10]])
    const ranges: (readonly number[])[] = []
    for await (const { from, to } of ledger.lines('a', NOVEMBER)) ranges.push([from, to])
    assert.deepEqual(ranges, [
      [5, 7],
      [65_535, 65_537],
    ])
  })

  test('one log is one log on all nodes by its fingerprint, and without one by its epoch', async () => {
    await fresh()
    await ledger.ingest({ messages: [talliesOf(1, at, [1], { log: 9, epoch: 0 })] })
    assert.equal(taken(await ledger.ingest({ messages: [talliesOf(2, at, [1], { log: 9, epoch: 4 })] })).billed, 0)
    assert.equal(taken(await ledger.ingest({ messages: [talliesOf(3, at, [1], { log: 0, epoch: 0 })] })).billed, 1)
    assert.equal(taken(await ledger.ingest({ messages: [talliesOf(4, at, [1], { log: 0, epoch: 1 })] })).billed, 1)
  })

  test('a lower number is a duplicate, a jump an alarm', async () => {
    await fresh()
    await ledger.ingest({ messages: [talliesOf(1, at, [1])] })
    const again = taken(await ledger.ingest({ messages: [talliesOf(1, at, [1]), talliesOf(4, at, [2])] }))
    assert.deepEqual([again.duplicates, again.alarms, again.billed], [1, 1, 1])
    const [alarm] = await ledger.alarms()
    assert.deepEqual([alarm?.node, alarm?.expected, alarm?.found], ['n', 2, 4])
    assert.equal((await ledger.delivered('a', at, at + 1)).messages, 2)
  })

  test('of two ledgers that consume the same place one takes it, and the other is told where things stand', async () => {
    await fresh()
    const other = await openLedger(await world.open(), systemClock)
    try {
      const batch: Batch = {
        messages: [talliesOf(1, at, [1, 2])],
        place: { topic: 't', partition: 3, from: 0, next: 7 },
        deadLetters: [{ partition: 3, offset: 2, reason: 'no JSON' }],
      }
      const answers = await Promise.all([ledger.ingest(batch), other.ingest(batch)])
      assert.equal(answers.filter((one) => one.taken).length, 1)
      assert.deepEqual(
        answers.find((one) => !one.taken),
        { taken: false, next: 7 },
      )
      assert.deepEqual([...(await other.consumed('t'))], [[3, 7]])
      assert.equal((await ledger.deadLetters('t')).length, 1)
      const late = { ...batch, messages: [talliesOf(2, at, [3])] }
      assert.deepEqual(await ledger.ingest(late), { taken: false, next: 7 })
      assert.equal((await ledger.delivered('a', at, at + 1)).messages, 2)
    } finally {
      await other.close()
    }
  })

  test('a process killed in mid-ingest leaves nothing half done: all handed over again gives the same sums', async () => {
    for (const seed of [1, 2, 3]) {
      await fresh()
      await killedInMidIngest(await world.arguments(), seed)
      const before = (await ledger.hours({}, 0, Number.MAX_SAFE_INTEGER)).length
      assert.ok(before > 0, 'it was killed before it had begun')
      const messages = manyMessages(seed)
      for (const message of messages) await ledger.ingest({ messages: [message] })
      assert.deepEqual(toldSums(await ledger.hours({}, 0, Number.MAX_SAFE_INTEGER)), reckon(messages).sums)
    }
  })

  test('it stands for all before the least watermark of boots that have not ended', async () => {
    await fresh()
    assert.equal(await ledger.asOf(), null)
    await ledger.ingest({ messages: [watermark('x', 1, 5000), watermark('y', 1, 9000)] })
    assert.equal(await ledger.asOf(), 5000)
    await ledger.ingest({ messages: [watermark('x', 2, 6000, true)] })
    assert.equal(await ledger.asOf(), 9000)
    const { node, worker, boot } = watermark('y', 1, 0).id
    assert.equal(await ledger.toldUntil({ node, worker, boot }), 9000)
    assert.equal(await ledger.toldUntil({ node, worker, boot: boot + 1 }), null)
  })

  test('replays are counted alike whether the terms were told before or after', async () => {
    const terms = { replay: { per1000: '1', olderThanMs: 3_600_000 } }
    const counts: unknown[] = []
    for (const early of [true, false]) {
      await fresh()
      const remember = () => ledger.rememberPlans([pinnedPlan(terms)])
      if (early) await remember()
      await ledger.ingest({ messages: [talliesOf(1, at, [1, 2, 3, 4], { ages: [0, 3600, 3601, 90_000] })] })
      if (!early) await remember()
      await remember()
      counts.push((await ledger.usage({ consumer: 'c' }, at - H, at + H)).map(({ billed, replay }) => [billed, replay]))
    }
    assert.deepEqual(counts, [[[4, 2]], [[4, 2]]])
  })

  test('several may bring one database up to date at once, and a newer one is refused in words', async () => {
    await ledger.close()
    await world.reset()
    const databases = await Promise.all([world.open(), world.open(), world.open()])
    const ledgers = await Promise.all(databases.map((one) => openLedger(one, systemClock)))
    for (const one of ledgers) await one.close()
    const newer = await world.open()
    const step = { name: 'later', up: async () => undefined }
    await migrate(newer as unknown as Database<unknown>, 'ledger', [step, step], 0)
    await assert.rejects(
      openLedger(newer, systemClock),
      /the ledger in this database has version 2, and this program knows 1/,
    )
    await newer.close()
    await world.reset()
    ledger = await openLedger(await world.open(), systemClock)
  })
}

function taken(answer: Awaited<ReturnType<Ledger['ingest']>>) {
  if (!answer.taken) throw new Error(`not taken: ${answer.next}`)
  return answer
}

function pinnedPlan(terms: object) {
  const plan = { name: 'pro', ...terms } as never
  return { agreement: 'a', consumer: 'c', product: 'p', plan, planVersion: 'aaaaaaaaaaaaaaaa', at }
}
