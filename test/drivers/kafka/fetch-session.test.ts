import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { array, assert as check, asyncProperty, constantFrom, integer, record, type Arbitrary } from 'fast-check'
import { KAFKA_CODE } from '../../../gateway/drivers/kafka/errors.ts'
import { FetchSession, type FetchPlace } from '../../../gateway/drivers/kafka/fetch-session.ts'
import type { Fetched } from '../../../gateway/drivers/kafka/fetch.ts'
import type { Exchange, Question } from '../../../gateway/drivers/kafka/protocol.ts'
import { Reader } from '../../../gateway/drivers/kafka/reader.ts'
import { Writer } from '../../../gateway/drivers/kafka/writer.ts'

const LIMITS = { maxWaitMs: 250, maxBytes: 1000, partitionBytesMax: 100 }

interface Place extends FetchPlace {
  fetchOffset: number
  leaderEpoch: number
}

describe('fetch sessions', () => {
  let broker: Broker
  let session: FetchSession<Place>

  beforeEach(() => {
    broker = new Broker()
    session = new FetchSession(LIMITS)
  })

  const poll = async (...wanted: Place[]): Promise<string[]> => {
    const { code, answers } = await session.poll(wanted, broker.ask)
    assert.equal(code, 0)
    return answers.map(([place]) => nameOf(place))
  }

  test('the first fetch names all, later ones what has changed, and answers tell what is new', async () => {
    const [a, b] = [place('a'), place('b')]
    assert.deepEqual(new Set(await poll(a, b)), new Set(['a/0', 'b/0']))
    assert.deepEqual(await poll(a, b), [])
    assert.deepEqual(broker.named, [])
    broker.news.add('b/0')
    assert.deepEqual(await poll(a, b), ['b/0'])
    b.fetchOffset = 7
    await poll(a, b)
    assert.deepEqual(broker.named, ['b/0@7'])
  })

  test('who is wanted no longer is forgotten, and asked for again when it is', async () => {
    const [a, b] = [place('a'), place('b')]
    await poll(a, b)
    await poll(a)
    assert.deepEqual([broker.named, broker.forgotten], [[], ['b/0']])
    assert.deepEqual(await poll(a, b), ['b/0'])
  })

  test('another one of the same partition takes its place, and is not forgotten with it', async () => {
    await poll(place('a'), place('b'))
    const again = place('b', { fetchOffset: 9 })
    await poll(place('a'), again)
    broker.news.add('b/0')
    const { answers } = await session.poll([place('a'), again], broker.ask)
    assert.equal(answers.find(([one]) => one.topic === 'b')?.[0], again)
  })

  test('a topic made anew is another one by its id', async () => {
    await poll(place('a'))
    await poll(place('a', { topicId: idOf('other') }))
    assert.deepEqual([broker.named, broker.forgotten], [['other/0@0'], ['a/0']])
  })

  for (const code of [KAFKA_CODE.fetchSessionGone, KAFKA_CODE.fetchSessionEpoch, KAFKA_CODE.fetchSessionTopicId]) {
    test(`refused with ${code}, all is asked for again at once`, async () => {
      await poll(place('a'), place('b'))
      broker.refuseWith = code
      const asked = broker.asked
      assert.equal((await poll(place('a'), place('b'))).length, 2)
      assert.equal(broker.asked, asked + 2)
    })
  }

  test('a refusal of another kind is handed on, and all is asked for by the next fetch', async () => {
    await poll(place('a'))
    broker.refuseWith = KAFKA_CODE.clusterDenied
    const a = place('a')
    assert.equal((await session.poll([a], broker.ask)).code, KAFKA_CODE.clusterDenied)
    const asked = broker.asked
    assert.deepEqual(await poll(a), ['a/0'])
    assert.equal(broker.asked, asked + 1)
  })

  test('after a fetch that was never answered all is asked for', async () => {
    const a = place('a')
    await poll(a)
    await assert.rejects(
      session.poll([a], () => Promise.reject(new Error('gone'))),
      /gone/,
    )
    assert.deepEqual(await poll(a), ['a/0'])
    assert.deepEqual(broker.named, ['a/0@0'])
  })

  test('a broker that keeps nothing is asked for all each time, another one first', async () => {
    broker.keeps = false
    const places = [place('a'), place('b'), place('c')]
    const firsts = new Set<string>()
    for (let i = 0; i < 3; i++) {
      assert.equal((await poll(...places)).length, 3)
      firsts.add(broker.named[0]!)
    }
    assert.equal(firsts.size, 3)
  })

  test('a broker that begins without answering all is not relied on', async () => {
    broker.silentOn = 'b/0'
    await poll(place('a'), place('b'))
    broker.silentOn = null
    assert.equal((await poll(place('a'), place('b'))).length, 2)
  })

  test('topics without ids, or brokers that take none, are asked for by name', async () => {
    const nameless = place('a', { topicId: null })
    const [a, b] = [place('a'), place('b')]
    await poll(nameless, b)
    assert.equal(broker.byId, false)
    assert.equal((await poll(a, b)).length, 2)
    assert.equal(broker.byId, true, 'and by id, in a session of their own, when all have theirs')
    broker.versionMax = 12
    assert.equal((await poll(a, b)).length, 2)
    assert.equal(broker.byId, false)
    assert.equal(broker.asked, 3, 'none was refused')
  })

  test('each fetch of a session has the next number', async () => {
    await poll(place('a'))
    for (let i = 1; i < 3; i++) assert.equal((await poll(place('a')), broker.epoch), i)
  })

  test('whatever comes, goes, moves and fails, the broker reads where it is wanted', async () => {
    const step = record({
      wanted: array(constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 }),
      moved: constantFrom('a', 'b', 'c', 'd', 'e'),
      offset: integer({ min: 0, max: 1000 }),
      what: constantFrom('answer', 'answer', 'answer', 'anew', 'lost-request', 'lost-answer', 'restart', 'full'),
    })
    await check(
      asyncProperty(array(step as Arbitrary<Step>, { maxLength: 40 }), async (steps) => {
        const own = new Broker()
        const polled = new FetchSession<Place>(LIMITS)
        const places = new Map(['a', 'b', 'c', 'd', 'e'].map((name) => [name, place(name)]))
        for (const { wanted, moved, offset, what } of steps) {
          if (what === 'restart') own.restart()
          own.keeps = what !== 'full'
          if (what === 'anew') places.set(moved, place(moved))
          const one = places.get(moved)!
          one.fetchOffset = offset
          one.leaderEpoch = offset % 7
          const chosen = [...new Set(wanted)].map((name) => places.get(name)!)
          if (chosen.length === 0) continue
          const ask = what.startsWith('lost') ? (question: Question<Fetched>) => lost(own, what, question) : own.ask
          await polled.poll(chosen, ask).catch(() => null)
          if (what.startsWith('lost')) continue
          assert.deepEqual(own.reads(), Object.fromEntries(chosen.map((each) => [nameOf(each), each.fetchOffset])))
        }
      }),
      { numRuns: 300 },
    )
  })
})

interface Step {
  readonly wanted: string[]
  readonly moved: string
  readonly offset: number
  readonly what: string
}

async function lost(broker: Broker, what: string, question: Question<Fetched>): Promise<Fetched> {
  if (what === 'lost-answer') await broker.ask(question)
  throw new Error('gone')
}

/** An id that can be read. */
function idOf(name: string): string {
  return Buffer.from(name.padEnd(16, '.')).toString('base64url')
}

function place(topic: string, more: Partial<Place> = {}): Place {
  return { topic, topicId: idOf(topic), partition: 0, fetchOffset: 0, leaderEpoch: 3, ...more }
}

function nameOf({ topic, partition }: FetchPlace): string {
  return `${topic}/${partition}`
}

/** Keeps fetch sessions as KIP-227 says, over the wire's own bytes. Places are `topic/partition`. */
class Broker {
  keeps = true
  versionMax = 13
  refuseWith = 0
  silentOn: string | null = null
  /** What the next answer tells though it was told before. */
  readonly news = new Set<string>()
  asked = 0
  byId = false
  named: string[] = []
  forgotten: string[] = []
  epoch = -1
  #id = 0
  #next = 0
  /** Its session names topics by their ids. */
  #keptById = false
  #offsets = new Map<string, number>()
  /** Asked for since it was last told of. */
  #untold = new Set<string>()

  readonly ask = async (question: Question<Fetched>): Promise<Fetched> => {
    const exchange = (question as (versions: object) => Exchange<Fetched>)({
      1: { minVersion: 0, maxVersion: this.versionMax },
    })
    const { buffer } = await exchange.request.encode()
    return exchange.decode(Buffer.from(this.#answer(buffer, exchange.request.apiVersion === 13)))
  }

  /** It forgets its sessions. */
  restart(): void {
    this.#id += 1000
  }

  /** Where it would read next, by place. */
  reads(): { [place: string]: number } {
    return Object.fromEntries(this.#offsets)
  }

  #answer(request: Buffer, byId: boolean): Buffer {
    this.asked++
    this.byId = byId
    const reader = new Reader(request, byId)
    for (let words = 0; words < 4; words++) reader.int32()
    reader.int8()
    const [id, epoch] = [reader.int32(), reader.int32()]
    this.epoch = epoch
    const topicOf = (): string => (byId ? reader.uuid().toString().replace(/\.+$/, '') : reader.string()!)
    const asked = reader
      .array(() => {
        const topic = topicOf()
        const partitions = reader.array(() => {
          const partition = reader.int32()
          reader.int32()
          const offset = reader.int64()
          if (byId) reader.int32()
          reader.int64()
          reader.int32()
          reader.tags()
          return { name: `${topic}/${partition}`, offset }
        })
        reader.tags()
        return partitions
      })
      .flat()
    const left = reader
      .array(() => {
        const topic = topicOf()
        const partitions = reader.array(() => `${topic}/${reader.int32()}`)
        reader.tags()
        return partitions
      })
      .flat()
    this.named = asked.map(({ name, offset }) => `${name}@${offset}`)
    this.forgotten = left
    const code = this.#refusal(id, epoch)
    // As real brokers refuse: with the session's id still on it.
    if (code !== 0) return this.#encode(byId, code, id, [])
    if (id === 0) {
      this.#offsets.clear()
      this.#untold.clear()
      if (this.keeps) this.#id++
      this.#next = 1
      this.#keptById = byId
    } else {
      this.#next++
    }
    for (const { name, offset } of asked) {
      if (!this.#offsets.has(name)) this.#untold.add(name)
      this.#offsets.set(name, offset)
    }
    for (const name of left) this.#offsets.delete(name)
    const told = [...this.#offsets.keys()].filter(
      (name) => name !== this.silentOn && (this.#untold.has(name) || this.news.has(name)),
    )
    for (const name of told) this.#untold.delete(name)
    this.news.clear()
    return this.#encode(byId, 0, id === 0 && !this.keeps ? 0 : this.#id, told)
  }

  #refusal(id: number, epoch: number): number {
    const code = this.refuseWith
    this.refuseWith = 0
    if (code !== 0) return code
    if (id === 0) return epoch === 0 ? 0 : 42
    if (id !== this.#id) return KAFKA_CODE.fetchSessionGone
    if (this.byId !== this.#keptById) return KAFKA_CODE.fetchSessionTopicId
    return epoch === this.#next ? 0 : KAFKA_CODE.fetchSessionEpoch
  }

  #encode(byId: boolean, code: number, sessionId: number, told: readonly string[]): Buffer {
    const writer = new Writer(byId).tags().int32(0).int16(code).int32(sessionId)
    writer.array(told, (name) => {
      const [topic, partition] = name.split('/') as [string, string]
      if (byId) writer.uuid(Buffer.from(topic.padEnd(16, '.')))
      else writer.string(topic)
      writer.array([Number(partition)], (number) => {
        writer.int32(number).int16(0).int64(5).int64(5).int64(0)
        writer
          .array([], () => {})
          .int32(-1)
          .bytes(Buffer.alloc(0))
          .tags()
      })
      writer.tags()
    })
    return writer.tags().buffer
  }
}
