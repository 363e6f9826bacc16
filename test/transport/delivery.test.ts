import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { encodeCursor, streamTag } from '../../gateway/stream/cursor.ts'
import { Bench } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const SCHEMA = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
const HOUR = 3_600_000

/** What all transports must tell in the same words; each client is asked through the same few names. */
interface Listener {
  readonly frames: readonly Frame[]
  frame(type: string): Promise<Frame>
  destroy(): void
}
const TRANSPORTS: readonly (readonly [string, (bench: Bench, query: string) => Listener])[] = [
  ['WebSocket', (bench, query) => new WsClient(bench.stream + query, { token: bench.token() })],
  ['SSE', (bench, query) => new SseClient(bench.stream + query, { token: bench.token() })],
  ['NDJSON', (bench, query) => new LinesClient(bench.stream + query, { token: bench.token() })],
]

describe('what a client gets of a log', () => {
  const benches: Bench[] = []
  const clients: Listener[] = []
  let plain: Bench
  before(async () => {
    plain = await started()
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    for (const bench of benches) assert.deepEqual(bench.faults, [])
    for (const bench of benches.splice(1)) await bench.close()
  })
  after(() => plain.close())

  async function started(...args: Parameters<typeof Bench.start>): Promise<Bench> {
    const bench = await Bench.start(...args)
    benches.push(bench)
    return bench
  }
  const withStream = (more: Parameters<typeof stream>[0], plan = {}): Promise<Bench> =>
    started({ products: [product({ streams: [stream(more)], plans: [pricePlan(plan)] })] })

  for (const [name, open] of TRANSPORTS) {
    const listen = (bench: Bench, query = ''): Listener => {
      const client = open(bench, query)
      clients.push(client)
      return client
    }
    const live = async (bench: Bench): Promise<Listener> => {
      const client = listen(bench)
      await until('a rider', () => bench.hub.stats().riding > 0 || null)
      return client
    }
    const count = (client: Listener, frames: number): Promise<unknown> =>
      until(
        () => `${frames} of ${JSON.stringify(client.frames)}`,
        () => data(client).length === frames || null,
      )
    const data = ({ frames }: Listener): Frame[] => frames.filter(({ type }) => type === 'record' || type === 'invalid')

    it(`${name}: a record that breaks its contract is framed as invalid, live and replayed, and the stream goes on`, async () => {
      const bench = await withStream({ schema: SCHEMA, partitions: 1 })
      const client = await live(bench)
      const bad: readonly (readonly [Uint8Array, string])[] = [
        [Buffer.from('{"n":'), 'not-json'],
        [Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'not-utf8'],
        [Buffer.from('{"n":"one"}'), 'schema'],
        [Buffer.from(''), 'not-json'],
        [Buffer.from(`{"n":1,"pad":"${'x'.repeat(1024 * 1024)}"}`), 'too-big'],
      ]
      for (const [value] of bad) bench.append(value)
      bench.append({ n: 1 })
      await count(client, 6)
      const again = listen(bench, '?from=earliest')
      await count(again, 6)
      for (const seen of [client, again]) {
        const frames = data(seen)
        assert.deepEqual(
          frames.map(({ id }) => id),
          bad.concat([[Buffer.alloc(0), '']]).map((_, i) => `0-${i}`),
        )
        bad.forEach(([value, reason], i) => {
          const frame = frames[i] as Frame
          assert.deepEqual([frame.type, frame['reason']], ['invalid', reason])
          assert.equal(frame['bytes'], reason === 'too-big' ? undefined : Buffer.from(value).toString('base64'))
          assert.match(frame['cursor'] as string, /^w1\./)
        })
        assert.deepEqual(frames[5]?.['data'], { n: 1 })
      }
    })

    it(`${name}: where the product skips invalid records, a notice counts them`, async () => {
      const bench = await withStream({ schema: SCHEMA, invalid: 'skip', partitions: 1 })
      const client = await live(bench)
      for (const value of [Buffer.from('{'), Buffer.from('{}'), Buffer.from('{"n":2}')]) bench.append(value)
      await count(client, 1)
      assert.deepEqual(data(client)[0]?.['data'], { n: 2 })
      bench.pass(15_000)
      const notice = await client.frame('notice')
      assert.deepEqual([notice['kind'], notice['count']], ['invalid', 2])
    })

    it(`${name}: a tombstone is null, and breaks no schema`, async () => {
      const bench = await withStream({ schema: SCHEMA, partitions: 1 })
      const client = await live(bench)
      bench.append(null, { key: 'k' })
      const record = await client.frame('record')
      assert.deepEqual([record['data'], record['key']], [null, 'k'])
    })

    it(`${name}: numbers, key order and escapes of the payload arrive as they were produced`, async () => {
      const text =
        '{"n": 12345678901234567890,\r\n "b":1e400 ,\t"a":"\\u2028\\ud83d\\ude00\u2028 </script>\\u0000","a":2}'
      plain.append(Buffer.from(text), { partition: 1 })
      const raw = await rawRecord(plain, name)
      assert.ok(raw.includes(`"data":${text.replace(/[\r\n]/g, ' ')}}`), raw)
    })

    it(`${name}: a cursor of an earlier start of the embedded log is answered with a gap of reason reset`, async () => {
      const first = await started({ epoch: 4 })
      first.append({ n: 1 }, { partition: 0 })
      const client = listen(first, '?from=earliest')
      const { id, cursor } = await client.frame('record')
      assert.equal(id, '4.0-0')
      const second = await started({ epoch: 5 })
      second.append({ n: 'new' }, { partition: 0 })
      const again = listen(second, `?from=${cursor as string}`)
      const gap = await again.frame('gap')
      assert.equal(gap['reason'], 'reset')
      assert.match(gap['cursor'] as string, /^w1\./)
      assert.deepEqual((await again.frame('record'))['data'], { n: 'new' })
      assert.equal((await again.frame('record'))['id'], '5.0-0')
    })

    it(`${name}: nobody reads further back than the plan allows, and is told so`, async () => {
      const bench = await withStream({ partitions: 1 }, { replayHorizonMs: HOUR })
      const now = bench.clock.now()
      for (const hours of [3, 2, 0.5]) bench.append({ hours }, { time: now - hours * HOUR })
      const cursor = encodeCursor(streamTag('quakes/events'), 0, now - 3 * HOUR, [0])
      for (const [from, gapOf] of [
        [cursor, 2],
        ['-PT10H', 2],
        ['earliest', 0],
      ] as const) {
        const client = listen(bench, `?from=${from}`)
        assert.deepEqual((await client.frame('record'))['data'], { hours: 0.5 })
        const gap = client.frames.find(({ type }) => type === 'gap')
        assert.deepEqual([gap?.['reason'], gap?.['offsets']], gapOf === 0 ? [undefined, undefined] : ['horizon', gapOf])
      }
    })

    it(`${name}: what retention took within the horizon of the plan is not told as the plan's doing`, async () => {
      const bench = await withStream({ partitions: 1 }, { replayHorizonMs: HOUR })
      const now = bench.clock.now()
      for (const hours of [0.5, 0.4, 0.3]) bench.append({ hours }, { time: now - hours * HOUR })
      bench.memory.deleteRecordsBefore('quakes.v1', 0, 2)
      const cursor = encodeCursor(streamTag('quakes/events'), 0, now - 0.5 * HOUR, [0])
      const client = listen(bench, `?from=${cursor}`)
      assert.deepEqual((await client.frame('record'))['data'], { hours: 0.3 })
      const gap = client.frames.find(({ type }) => type === 'gap')
      assert.deepEqual([gap?.['reason'], gap?.['offsets']], ['retention', 2])
    })

    it(`${name}: what retention took is announced as a gap before the stream goes on`, async () => {
      const bench = await withStream({ partitions: 1 })
      for (let n = 0; n < 10; n++) bench.append({ n })
      bench.memory.deleteRecordsBefore('quakes.v1', 0, 7)
      const cursor = encodeCursor(streamTag('quakes/events'), 0, bench.clock.now(), [2])
      const client = listen(bench, `?from=${cursor}`)
      await count(client, 3)
      const types = client.frames
        .map(({ type }) => type)
        .filter((type) => !['welcome', 'subscribed', 'position'].includes(type))
      assert.deepEqual(types, ['gap', 'record', 'record', 'record'])
      const gap = await client.frame('gap')
      assert.deepEqual([gap['reason'], gap['offsets']], ['retention', 5])
      assert.deepEqual(data(client)[0]?.['data'], { n: 7 })
    })

    it(`${name}: a topic that is made anew under a live client: gap, then the new log's records`, async () => {
      const bench = await withStream({ partitions: 1 })
      const client = await live(bench)
      bench.append({ n: 'old' })
      await count(client, 1)
      bench.memory.recreate('quakes.v1')
      bench.append({ n: 'new' })
      await count(client, 2)
      assert.equal((await client.frame('gap'))['reason'], 'reset')
      assert.deepEqual(
        data(client).map(({ id }) => id),
        ['0-0', '1.0-0'],
      )
    })

    it(`${name}: a start by time leaves out what is older`, async () => {
      const bench = await withStream({ partitions: 2 })
      const now = bench.clock.now()
      for (const minutes of [50, 40, 10, 5])
        for (const partition of [0, 1]) bench.append({ minutes }, { time: now - minutes * 60_000, partition })
      const client = listen(bench, `?from=${new Date(now - 30 * 60_000).toISOString()}`)
      await count(client, 4)
      const other = listen(bench, '?from=-PT20M')
      await count(other, 4)
      for (const seen of [client, other]) {
        assert.deepEqual(
          data(seen).map((frame) => (frame['data'] as { minutes: number }).minutes),
          [10, 10, 5, 5],
        )
      }
    })

    it(`${name}: on a wide topic some records carry a cursor, and one of them resumes`, async () => {
      const bench = await withStream({ partitions: 40 })
      for (let n = 0; n < 400; n++) bench.append({ n }, { partition: n % 40 })
      const client = listen(bench, '?from=earliest')
      await count(client, 400)
      const withCursor = data(client).filter(({ cursor }) => cursor !== undefined)
      assert.equal(withCursor.length, Math.floor(400 / 64))
      const last = withCursor.at(-1) as Frame
      const again = listen(bench, `?from=${last['cursor'] as string}`)
      const rest = data(client).slice(data(client).findIndex(({ id }) => id === last['id']) + 1)
      await count(again, rest.length)
      assert.deepEqual(new Set(data(again).map(({ id }) => id)), new Set(rest.map(({ id }) => id)))
    })
  }

  /** The newest record as it stands on the wire. */
  async function rawRecord(bench: Bench, transport: string): Promise<string> {
    let raw = ''
    const url = `${bench.stream}?from=earliest`
    const client =
      transport === 'SSE'
        ? new SseClient(url, { token: bench.token(), onBlock: (block) => (raw = block.data ?? raw) })
        : new WsClient(url, { token: bench.token(), onText: (text) => (raw = text) })
    await until('the record', () => raw.includes('"data":') || null)
    client.destroy()
    return raw
  }
})
