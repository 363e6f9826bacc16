import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../gateway/clock.ts'
import { silentLog, type Log } from '../../../gateway/log.ts'
import { FileEpochBook } from '../../../gateway/source/kafka/epoch-file.ts'
import { EpochTable, TOPICS_MAX } from '../../../gateway/source/kafka/epoch-table.ts'
import { startChild } from '../../services/child.ts'
import { scratchFolder } from '../../services/scratch.ts'
import { epochBookSuite } from '../../suites/epoch-book.ts'

const WRITER = fileURLToPath(new URL('epoch-writer.js', import.meta.url))

describe('epoch book × file', () => {
  const fresh = (): string => join(scratchFolder('epochs'), 'data', 'epochs.json')
  const open = (file: string, log: Log = silentLog): FileEpochBook => new FileEpochBook(file, systemClock, log)
  epochBookSuite(async () => open(fresh()))

  test('another process, or the next one, finds what was written', async () => {
    const file = fresh()
    await open(file).epochOf('main', 't', 'a')
    await open(file).epochOf('main', 't', 'b')
    const third = open(file)
    assert.equal(await third.epochOf('main', 't', 'a'), 0)
    assert.equal(await third.epochOf('main', 't', 'c'), 2)
    assert.deepEqual(readdirSync(join(file, '..')), ['epochs.json'], 'no lock and no draft is left')
  })

  test('processes that write at once agree on every number', async () => {
    const file = fresh()
    const folder = scratchFolder('epoch-writers')
    const writers = [0, 1, 2, 3].map((seed) => {
      const log = join(folder, `${seed}.txt`)
      return { log, child: startChild({ command: process.execPath, args: [WRITER, file, String(seed)], log }) }
    })
    for (const { child } of writers) assert.equal(await child.ended, 'exit code 0', child.tail())
    const said = writers.map(({ log }) => JSON.parse(readFileSync(log, 'utf8')) as { [id: string]: number })
    for (const one of said) assert.deepEqual(one, said[0])
    assert.equal(new Set(Object.values(said[0]!)).size, 40)
  })

  test('a thousand topics at once take as many writes as two', async () => {
    const file = fresh()
    const book = open(file)
    const topics = Array.from({ length: 1000 }, (_, i) => `t${i}`)
    let drafts = 0
    mkdirSync(join(file, '..'), { recursive: true })
    const watcher = watch(join(file, '..'), (_, name) => {
      if (name === 'epochs.json.lock') drafts++
    })
    const epochs = await Promise.all(topics.map((topic) => book.epochOf('main', topic, 'a')))
    assert.deepEqual(new Set(epochs), new Set([0]))
    await new Promise((resolve) => setImmediate(resolve))
    watcher.close()
    // A lock is seen as it comes and as it goes.
    assert.ok(drafts <= 4, `${drafts} changes of the lock`)
    const table = EpochTable.fromText(readFileSync(file, 'utf8'))
    for (const topic of topics) assert.equal(table.find('main', topic, 'a'), 0)
  })

  test('a lock that a crash left behind is broken', async () => {
    const file = fresh()
    await open(file).epochOf('main', 't', 'a')
    writeFileSync(`${file}.lock`, '')
    utimesSync(`${file}.lock`, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000))
    assert.equal(await open(file).epochOf('main', 't', 'b'), 1)
    assert.ok(!existsSync(`${file}.lock`))
  })

  for (const [what, text] of [
    ['no JSON', '{"version":1,'],
    ['of a newer version', '{"version":2,"floor":0,"topics":[]}'],
    ['other JSON', '[1]'],
    ['damaged inside', '{"version":1,"floor":0,"topics":[{"cluster":"main","topic":"t","first":-1,"ids":["a"]}]}'],
  ] as const) {
    test(`a file that is ${what} is put aside and told of, not written over`, async () => {
      const file = fresh()
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, text)
      const told = new Told()
      assert.equal(await open(file, told).epochOf('main', 't', 'a'), 0)
      const aside = readdirSync(join(file, '..')).find((name) => name.includes('unread'))
      assert.equal(readFileSync(join(file, '..', aside!), 'utf8'), text)
      assert.match(told.errors.join(), /cannot be read; they begin anew/)
      assert.equal(await open(file).epochOf('main', 't', 'b'), 1)
    })
  }

  test('where nothing can be written it counts in memory and tells the operator', async () => {
    const folder = scratchFolder('epochs')
    writeFileSync(join(folder, 'data'), 'a file where a folder should be')
    const told = new Told()
    const book = open(join(folder, 'data', 'epochs.json'), told)
    const epochs: number[] = []
    for (const id of ['a', 'b', 'a']) epochs.push(await book.epochOf('main', 't', id))
    assert.deepEqual(epochs, [0, 1, 0])
    assert.match(told.errors.join(), /counted in memory/)
  })

  test('what was answered once stays, though the file is lost', async () => {
    const file = fresh()
    const book = open(file)
    await book.epochOf('main', 't', 'a')
    assert.equal(await book.epochOf('main', 't', 'b'), 1)
    writeFileSync(file, new EpochTable().toText())
    assert.equal(await book.epochOf('main', 't', 'b'), 1)
    assert.equal(await book.epochOf('main', 't', 'c'), 2, 'and no other log gets its number')
  })

  test('a table is bounded, and who was forgotten never gets a number that was given', () => {
    const table = new EpochTable()
    for (const id of ['a', 'b', 'c']) table.note('main', 'first', id)
    for (let i = 0; i < TOPICS_MAX; i++) table.note('main', `t${i}`, 'x')
    assert.equal(table.find('main', 'first', 'a'), null)
    assert.equal(EpochTable.fromText(table.toText()).note('main', 'first', 'd'), 3)
  })
})

class Told implements Log {
  readonly errors: string[] = []
  info(): void {}
  warn(): void {}
  error(_fields: object, message: string): void {
    this.errors.push(message)
  }
}
