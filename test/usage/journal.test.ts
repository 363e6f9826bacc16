import assert from 'node:assert/strict'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { Fault } from '../../gateway/errors.ts'
import type { Envelope } from '../../gateway/usage/codec.ts'
import { Journal, type JournalOptions } from '../../gateway/usage/journal.ts'
import { openPen } from '../../gateway/usage/segment.ts'
import { HandClock, ListLog, scratch } from './support.ts'

const envelope = (n: number, bytes = 100): Envelope => ({
  key: 'a/0/1/0',
  headers: { ce_id: `a/0/1/0/${n}` },
  value: Buffer.alloc(bytes, n),
})

describe('journal', () => {
  const open = (
    folder: string,
    more: Partial<JournalOptions> = {},
    pens = openPen,
  ): { journal: Journal; log: ListLog } => {
    const log = new ListLog()
    const options = { folder, bytesMax: 1 << 20, segmentBytesMax: 1_000, fsyncMs: 1_000, ...more }
    return { journal: new Journal(options, new HandClock(), log, pens), log }
  }
  const files = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.journal'))
  async function all(journal: Journal): Promise<number[]> {
    const found: number[] = []
    for (let batch = await journal.read(300); batch !== null; batch = await journal.read(300)) {
      found.push(...batch.envelopes.map(({ headers }) => Number(headers['ce_id']?.split('/').at(-1))))
      journal.acknowledge(batch)
    }
    return found
  }
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  async function written(t: TestContext, count: number): Promise<string> {
    const folder = scratch(t)
    const { journal } = open(folder)
    for (const n of numbers(1, count)) assert.equal(journal.append([envelope(n)]), 'kept')
    await journal.close()
    return folder
  }

  it('gives back in order what it took, and files go once all in them was acknowledged', async (t) => {
    const folder = scratch(t)
    const { journal } = open(folder)
    for (const n of numbers(1, 50)) journal.append([envelope(n)])
    assert.ok(files(folder).length > 5)
    assert.deepEqual(await all(journal), numbers(1, 50))
    assert.equal(journal.sent, journal.appended)
    assert.equal(files(folder).length, 1)
    await journal.close()
    assert.deepEqual(files(folder), [])
  })

  it('opened again it gives what was not acknowledged, with the ids that it was written with, before anything new', async (t) => {
    const folder = scratch(t)
    const first = open(folder).journal
    for (const n of numbers(1, 20)) first.append([envelope(n)])
    const batch = await first.read(1_500)
    first.acknowledge(batch!)
    const taken = batch!.envelopes.length
    await first.close()
    const { journal } = open(folder)
    journal.append([envelope(99)])
    const found = await all(journal)
    // What was acknowledged amid a file comes again: its ids tell.
    assert.ok(found[0]! <= taken + 1)
    assert.deepEqual(found, [...numbers(found[0]!, 20), 99])
    await journal.close()
  })

  it('takes all of a flush or none, and no more than it may hold', async (t) => {
    const { journal } = open(scratch(t), { bytesMax: 1_000 })
    assert.equal(journal.append([envelope(1), envelope(2)]), 'kept')
    const before = journal.appended
    assert.equal(journal.append(numbers(3, 12).map((n) => envelope(n))), 'full')
    assert.equal(journal.appended, before)
    assert.deepEqual(await all(journal), [1, 2])
    assert.equal(journal.append([envelope(3)]), 'kept')
    assert.deepEqual(await all(journal), [3])
    await journal.close()
  })

  it('what a crash left of the last write is cut off and counted; all before it is there', async (t) => {
    const folder = await written(t, 10)
    const last = join(folder, files(folder).at(-1)!)
    truncateSync(last, readFileSync(last).length - 7)
    const { journal } = open(folder)
    assert.ok(journal.counts.tornBytes > 0)
    journal.append([envelope(11)])
    assert.deepEqual(await all(journal), [...numbers(1, 9), 11])
    assert.deepEqual([journal.counts.holes, journal.counts.lostBytes], [0, 0])
    await journal.close()
  })

  it('a damaged place is passed over, counted and told; everything else is there', async (t) => {
    const folder = await written(t, 10)
    const first = join(folder, files(folder)[0]!)
    const bytes = readFileSync(first)
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff
    writeFileSync(first, bytes)
    const { journal, log } = open(folder)
    const found = await all(journal)
    assert.equal(found.length, 9)
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    )
    assert.equal(journal.counts.holes, 1)
    assert.ok(journal.counts.lostBytes > 100)
    assert.ok(log.said.some((words) => /damaged: what was delivered there is not billed/.test(words)))
    await journal.close()
  })

  it('a disk that fails is told once, takes nothing by halves, and goes on when it works again', async (t) => {
    let broken = false
    const { journal, log } = open(scratch(t), {}, (segment) => {
      const pen = openPen(segment)
      return { ...pen, write: (bytes) => (broken ? assert.fail('ENOSPC') : pen.write(bytes)) }
    })
    journal.append([envelope(1)])
    broken = true
    assert.deepEqual([journal.append([envelope(2)]), journal.append([envelope(2)])], ['failed', 'failed'])
    broken = false
    assert.equal(journal.append([envelope(2)]), 'kept')
    assert.deepEqual(await all(journal), [1, 2])
    assert.equal(log.said.filter((words) => /cannot be written/.test(words)).length, 1)
    assert.ok(log.said.includes('the usage journal can be written again'))
    await journal.close()
  })

  it('its folder is one process’s: another is told who has it, and what a dead one left is taken over', async (t) => {
    const folder = scratch(t)
    const { journal } = open(folder)
    assert.throws(
      () => open(folder),
      (error) => error instanceof Fault && error.message.includes(folder),
    )
    await journal.close()
    writeFileSync(join(folder, 'lock'), `${process.pid} of-another-birth\n`)
    await open(folder).journal.close()
  })
})
