import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../gateway/clock.ts'
import { DirectIntake } from '../../gateway/billing/direct.ts'
import { UsageIntake } from '../../gateway/billing/intake.ts'
import { openLedger, type Ledger } from '../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { silentLog } from '../../gateway/log.ts'
import { MemorySource } from '../../gateway/source/memory.ts'
import type { Record } from '../../gateway/stream/record.ts'
import type { UsageMessage } from '../../gateway/usage/tally.ts'
import { manyMessages, reckon, talliesOf, toldSums } from '../suites/ledger/world.ts'

/** Generous: what takes so long has stopped. */
const WAIT_MS_MAX = 30_000
const FOREVER = Number.MAX_SAFE_INTEGER

/** A topic of its own in memory, with JSON as its form: what the intake does with a message does not hang on how it was written. */
async function openWorld() {
  const source = new MemorySource({ clock: systemClock, epoch: 0, retention: { ageMsMax: FOREVER } })
  source.createTopic('usage', 3)
  const database = await openDatabase<LedgerTables>({ url: null, file: ':memory:', clock: systemClock })
  const ledger = await openLedger(database, systemClock)
  const parts = { source, topic: 'usage', decode, clock: systemClock, log: silentLog }
  const put = (text: string, partition: number) =>
    source.append('usage', { partition, key: null, value: Buffer.from(text), headers: [], time: 0 })
  return {
    ledger,
    put,
    start: (of: Pick<Ledger, 'ingest' | 'consumed'> = ledger) => new UsageIntake({ ...parts, ledger: of }),
    source,
  }
}

function decode({ value }: Record): UsageMessage | string {
  try {
    return JSON.parse(Buffer.from(value ?? []).toString()) as UsageMessage
  } catch {
    return 'it is no JSON'
  }
}

async function consumedAll(ledger: Ledger, ends: readonly number[]): Promise<void> {
  const until = systemClock.monotonic() + WAIT_MS_MAX
  while (systemClock.monotonic() < until) {
    const consumed = await ledger.consumed(await topicName())
    if (ends.every((end, partition) => (consumed.get(partition) ?? 0) === end)) return
    await new Promise<void>((resolve) => systemClock.soon(resolve))
  }
  throw new Error(`not consumed within ${WAIT_MS_MAX} ms: ${ends.join()}`)
}

let topicName: () => Promise<string> = async () => 'usage'

describe('usage intake', () => {
  it('counts each message once, though two take from the topic at once and start again and again', async () => {
    const { ledger, put, start, source } = await openWorld()
    topicName = () => nameOf(source)
    const messages = manyMessages(11)
    const ends = [0, 0, 0]
    const intakes = [start(), start()]
    for (const message of messages) {
      put(JSON.stringify(message), message.id.shard)
      ends[message.id.shard] = (ends[message.id.shard] ?? 0) + 1
      if (message.id.shard === 1 && message.id.seq === 1) {
        await intakes.pop()?.close()
        intakes.push(start())
      }
    }
    await consumedAll(ledger, ends)
    for (const intake of intakes) await intake.close()
    // Which hour an offset is billed in hangs on which shard came first; that it is billed once does not.
    assert.deepEqual(whole(toldSums(await ledger.hours({}, 0, FOREVER))), whole(reckon(messages).sums))
    await ledger.close()
  })

  it('buries what nobody can read with its place and the reason, and goes on', async () => {
    const { ledger, put, start, source } = await openWorld()
    topicName = () => nameOf(source)
    const at = Date.UTC(2026, 10, 1)
    const nul = talliesOf(2, at, [1], { planVersion: 'a\u0000' })
    const crooked = talliesOf(2, at, [1, 2], { ages: [0] })
    for (const text of [
      JSON.stringify(talliesOf(1, at, [1])),
      '{',
      JSON.stringify(crooked),
      JSON.stringify(nul),
      JSON.stringify(talliesOf(2, at, [2])),
    ])
      put(text, 0)
    const intake = start()
    await consumedAll(ledger, [5])
    await intake.close()
    const letters = await ledger.deadLetters(await topicName())
    assert.deepEqual(
      letters.map(({ partition, offset, reason }) => [partition, offset, reason]),
      [
        [0, 1, 'it is no JSON'],
        [0, 2, 'its columns differ in length'],
        [0, 3, 'it holds names that cannot be kept'],
      ],
    )
    assert.equal((await ledger.delivered('a', at, at + 1)).messages, 2)
    await ledger.close()
  })

  it('straight to the ledger, one batch follows the other, and a failure is told to whose it is', async () => {
    const { ledger } = await openWorld()
    let failing = true
    const direct = new DirectIntake({
      ingest: (batch) => (failing ? Promise.reject(new Error('full disk')) : ledger.ingest(batch)),
    })
    const at = Date.UTC(2026, 10, 1)
    await assert.rejects(direct.ingest([talliesOf(1, at, [1])]), /full disk/)
    failing = false
    const both = [direct.ingest([talliesOf(1, at, [1])]), direct.ingest([talliesOf(2, at, [1, 2])])]
    await direct.settled()
    assert.deepEqual(
      (await Promise.all(both)).map((one) => one.taken && one.billed),
      [1, 1],
    )
    await ledger.close()
  })
})

async function nameOf(source: MemorySource): Promise<string> {
  const { log } = await source.locate('usage', 'earliest')
  return log === 0 ? 'usage' : `usage@${log}`
}

/** The sums of each agreement and stream over all hours and versions of its plan. */
function whole(sums: ReturnType<typeof toldSums>) {
  const totals = new Map<string, readonly number[]>()
  for (const [key, { delivered, deliveredBytes, billed, billedBytes }] of Object.entries(sums)) {
    const [agreement, , stream] = key.split('|')
    const name = `${agreement}|${stream}`
    const [a = 0, b = 0, c = 0, d = 0] = totals.get(name) ?? []
    totals.set(name, [a + delivered, b + deliveredBytes, c + billed, d + billedBytes])
  }
  return [...totals].toSorted(([x], [y]) => (x < y ? -1 : 1))
}
