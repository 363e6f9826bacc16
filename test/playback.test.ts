import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Clock } from '../gateway/clock.ts'
import { Fault } from '../gateway/errors.ts'
import { readRecordings, startPlayback, type PlaybackLog, type Recording } from '../gateway/playback.ts'
import { MemorySource } from '../gateway/source/memory.ts'

const START = Date.UTC(2026, 10, 23)

/** Time moves only by `advance`; `jump` is a process that was asleep. */
class TickClock implements Clock {
  #elapsed = 0
  readonly #ticks = new Map<object, { readonly ms: number; next: number; readonly run: () => void }>()

  now(): number {
    return START + this.#elapsed
  }
  monotonic(): number {
    return 500 + this.#elapsed
  }
  after(): never {
    throw new Error('not used here')
  }
  soon(): never {
    throw new Error('not used here')
  }
  every(ms: number, run: () => void): { cancel(): void } {
    const timer = { cancel: () => void this.#ticks.delete(timer) }
    this.#ticks.set(timer, { ms, next: this.#elapsed + ms, run })
    return timer
  }
  get pending(): number {
    return this.#ticks.size
  }
  jump(ms: number): void {
    this.#elapsed += ms
    for (const tick of this.#ticks.values()) {
      tick.run()
      tick.next = this.#elapsed + tick.ms
    }
  }
  advance(ms: number): void {
    const end = this.#elapsed + ms
    for (;;) {
      const [first] = [...this.#ticks.values()].toSorted((a, b) => a.next - b.next)
      if (!first || first.next > end) break
      this.#elapsed = first.next
      first.next += first.ms
      first.run()
    }
    this.#elapsed = end
  }
}

type Appended = Parameters<PlaybackLog['append']>[1]

class Tape implements PlaybackLog {
  readonly created: [string, number][] = []
  readonly records: Appended[] = []
  createTopic(topic: string, partitions: number): void {
    this.created.push([topic, partitions])
  }
  append(_topic: string, record: Appended): void {
    this.records.push(record)
  }
  get keys(): string {
    return this.records.map(({ key }) => Buffer.from(key ?? []).toString()).join('')
  }
}

const recordingOf = (keys: string): Recording => ({
  topic: 'quakes',
  partitions: 3,
  records: keys.split('').map((key) => ({ key: Buffer.from(key), value: Buffer.from(`"${key}"`), headers: [] })),
})

describe('playback', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-playback-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const start = (keys: string, recordsPerSecond = 2) => {
    const clock = new TickClock()
    const tape = new Tape()
    const playback = startPlayback({ recordings: [recordingOf(keys)], log: tape, recordsPerSecond, clock })
    return { clock, tape, playback }
  }
  const read = (text: string): Recording => {
    writeFileSync(join(folder, 'a.ndjson'), text)
    return readRecordings(['quakes'], 3, join(folder, 'a.ndjson'))[0] as Recording
  }

  it('the whole recording stands there at once as history that ends now, one interval between two records', () => {
    const { tape } = start('abc')
    assert.deepEqual(tape.created, [['quakes', 3]])
    assert.equal(tape.keys, 'abc')
    assert.deepEqual(
      tape.records.map(({ time }) => time - START),
      [-1000, -500, 0],
    )
  })

  it('then record after record, without end, at the pace', () => {
    const { clock, tape } = start('abc')
    clock.advance(499)
    assert.equal(tape.keys, 'abc')
    clock.advance(1)
    assert.equal(tape.keys, 'abca')
    clock.advance(3000)
    assert.equal(tape.keys, 'abcabcabca')
    assert.deepEqual(
      tape.records.slice(3, 6).map(({ time }) => time - START),
      [500, 1000, 1500],
    )
  })

  it('a fast recording keeps its pace with several records a tick', () => {
    const { clock, tape } = start('abc', 1000)
    clock.advance(1000)
    assert.equal(tape.records.length, 3 + 1000)
  })

  it('after a long sleep it makes good one second at most, leaves out no record, and goes on at its pace', () => {
    const { clock, tape } = start('abcd')
    clock.advance(1000)
    assert.equal(tape.keys, 'abcdab')
    clock.jump(8 * 3_600_000)
    assert.equal(tape.keys, 'abcdabcd')
    clock.advance(1000)
    assert.equal(tape.keys, 'abcdabcdab')
  })

  it('the same start gives the same records at the same places of the log', async () => {
    const run = async (): Promise<string[]> => {
      const clock = new TickClock()
      const source = new MemorySource({ clock: { ...unbound(clock), soon: () => {} }, epoch: 1 })
      const playback = startPlayback({ recordings: [recordingOf('abcdefg')], log: source, recordsPerSecond: 2, clock })
      clock.advance(5000)
      playback.stop()
      const slices = await source.read('quakes', [0, 0, 0], 1_000_000)
      await source.close()
      return slices
        .toSorted((a, b) => a.partition - b.partition)
        .flatMap(({ records }) =>
          records.map((one) => `${one.partition}-${one.offset} ${Buffer.from(one.value ?? []).toString()}`),
        )
    }
    const first = await run()
    assert.equal(first.length, 7 + 10)
    assert.deepEqual(await run(), first)
  })

  it('nothing is played after stop, and an empty recording is an empty topic', () => {
    const { clock, tape, playback } = start('a')
    playback.stop()
    clock.advance(5000)
    assert.equal(tape.keys, 'a')
    assert.equal(clock.pending, 0)
    const empty = start('')
    empty.clock.advance(5000)
    assert.deepEqual(empty.tape.created, [['quakes', 3]])
    assert.equal(empty.tape.keys, '')
  })

  it('values are the bytes of the recording', () => {
    const { records } = read(
      '{"key":"ü","time":"2018-02-01T00:00:00Z","value":{"n":9007199254740993, "x" : 1.50}}\n\n{"key":null,"value":null,"headers":{"source":"us"}}\n',
    )
    assert.equal(Buffer.from(records[0]?.value ?? []).toString(), '{"n":9007199254740993, "x" : 1.50}')
    assert.equal(Buffer.from(records[0]?.key ?? []).toString(), 'ü')
    assert.deepEqual(records[1], { key: null, value: null, headers: [['source', new TextEncoder().encode('us')]] })
  })

  it('a broken line is named', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['{"value":1}\n{', /a\.ndjson:2: this line is not JSON/],
      ['[]', /a\.ndjson:1: a record must be an object/],
      ['{"key":"a"}', /a\.ndjson:1: a record needs a "value"/],
      ['{"key":1,"value":1}', /a\.ndjson:1: "key" must be/],
      ['{"value":1,"headers":{"a":1}}', /a\.ndjson:1: "headers" must be/],
    ]
    for (const [text, message] of cases) {
      assert.throws(
        () => read(text),
        (error) => error instanceof Fault && error.kind === 'usage' && message.test(error.message),
      )
    }
  })
})

function unbound(clock: TickClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: () => clock.after(),
    every: (ms, run) => clock.every(ms, run),
    soon: () => clock.soon(),
  }
}
