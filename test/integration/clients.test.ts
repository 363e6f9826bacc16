import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CloudEvent, HTTP } from 'cloudevents'
import { packageRoot } from '../../gateway/package.ts'
import { pythonWithClients } from '../services/python.ts'
import { Bench } from './support/bench.ts'
import { product, stream } from './support/product.ts'
import { Proxy } from './support/proxy.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { SseClient, type Frame } from './support/sse.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const run = promisify(execFile)
const CUTS = 20
const RECORDS = 600
const LIFE_BYTES_MAX = 8_000
const WAIT_MS = 60_000

describe('clients that others wrote', () => {
  let bench: Bench
  const clients: { destroy(): unknown }[] = []
  before(async () => {
    bench = await Bench.start({ products: [product({ streams: [stream({ invalid: 'frame' })] })] })
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.destroy()
    await until('everybody to have left', () => bench.admissions.live === 0)
    assert.deepEqual(bench.faults, [])
  })
  after(() => bench.close())

  const ids = (texts: readonly string[]): string[] => texts.map((text) => (JSON.parse(text) as Frame)['id'] as string)
  function assertWhole(seen: readonly string[]): void {
    for (const partition of [0, 1]) {
      const own = seen.filter((id) => id.startsWith(`${partition}-`))
      assert.deepEqual(
        own,
        own.map((_, offset) => `${partition}-${offset}`),
      )
    }
  }

  it(`httpx with httpx-sse has every record once, in order, across ${CUTS} cuts at any byte`, async () => {
    const seed = seedOfRun()
    const random = seeded(seed)
    const own = await Bench.start()
    clients.push({ destroy: () => own.close() })
    for (let n = 0; n < RECORDS; n++) own.append({ n, pad: 'x'.repeat(n % 300) }, { partition: n % 2 })
    const proxy = await Proxy.to(own.url, (connection) =>
      connection < CUTS ? Math.floor(random() * LIFE_BYTES_MAX) : Infinity,
    )
    clients.push({ destroy: () => proxy.close() })
    const script = join(packageRoot, 'test/integration/support/follow_sse.py')
    const url = `${proxy.url}/streams/quakes/events?from=earliest`
    const child = spawn(pythonWithClients(), [script, url, own.token()], { stdio: ['ignore', 'pipe', 'ignore'] })
    clients.push({ destroy: () => child.kill('SIGKILL') })
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    await until(
      () => `${RECORDS} records, there are ${lines.length}; WEIR_TEST_SEED=${seed}`,
      () => lines.length >= RECORDS,
      WAIT_MS,
    )
    own.append({ n: 'live' }, { partition: 0 })
    await until('the live one', () => lines.length > RECORDS)
    assert.equal(lines.length, RECORDS + 1)
    assertWhole(ids(lines))
    assert.equal(proxy.connections, CUTS + 1)
  })

  it('curl walks all pages by the links in their headers', async () => {
    const own = await Bench.start()
    clients.push({ destroy: () => own.close() })
    for (let n = 0; n < RECORDS; n++) own.append({ n }, { partition: n % 2 })
    const seen: string[] = []
    let next = `${own.stream}?from=earliest&limit=70`
    for (let caughtUp = false; !caughtUp;) {
      const { stdout } = await run('curl', [
        '-sS',
        '--fail',
        '-D',
        '-',
        '-H',
        `Authorization: Bearer ${own.token()}`,
        next,
      ])
      const [head, body] = stdout.split('\r\n\r\n') as [string, string]
      const page = JSON.parse(body) as { readonly records: readonly Frame[]; readonly caughtUp: boolean }
      seen.push(...page.records.map((record) => record['id'] as string))
      caughtUp = page.caughtUp
      next = /^link: <([^>]+)>; rel="next"\r?$/im.exec(head)?.[1] as string
      assert.ok(next, head)
    }
    assert.equal(seen.length, RECORDS)
    assertWhole(seen)
  })

  it('the CloudEvents SDK takes every event, over WebSocket and SSE, for what it is', async () => {
    const value = { n: 1, text: 'é \u2028 "x"', big: 12.5 }
    const time = new Date().toISOString()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    bench.memory.append('quakes.v1', {
      value: Buffer.from(JSON.stringify(value)),
      partition: 0,
      time: Date.parse(time),
      key: Buffer.from('us-1'),
      headers: [['traceparent', Buffer.from(traceparent)]],
    })
    bench.append(null, { partition: 0, key: 'us-2' })
    bench.append('just text', { partition: 1 })
    bench.append(Buffer.from('{"broken'), { partition: 1 })
    const texts: { [transport: string]: string[] } = { webSocket: [], sse: [] }
    const query = '?from=earliest&format=cloudevents'
    const ofRecord = (text: string): boolean => text.includes('"specversion"')
    clients.push(
      new WsClient(bench.stream + query, {
        token: bench.token(),
        onText: (text) => ofRecord(text) && texts['webSocket']?.push(text),
      }),
      new SseClient(bench.stream + query, {
        token: bench.token(),
        onBlock: ({ data = '' }) => ofRecord(data) && texts['sse']?.push(data),
      }),
    )
    for (const [transport, seen] of Object.entries(texts)) {
      await until(`all over ${transport}`, () => seen.length === 4)
      const events = new Map(seen.map(parsed).map((event) => [event.id, event]))
      assert.deepEqual([...events.keys()].sort(), ['0-0', '0-1', '1-0', '1-1'])
      const first = events.get('0-0') as CloudEvent<unknown>
      assert.deepEqual(first.data, value)
      assert.deepEqual(
        [first.source, first.type, first.time, first.datacontenttype],
        [bench.stream, 'quake', time, 'application/json'],
      )
      assert.deepEqual(
        [first['partitionkey'], first['sequence'], first['traceparent']],
        ['us-1', '0'.repeat(20), traceparent],
      )
      assert.match(first['cursor'] as string, /^w1\./)
      // A tombstone: the SDK does not tell `null` from nothing.
      assert.deepEqual([events.get('0-1')?.data ?? null, events.get('0-1')?.['partitionkey']], [null, 'us-2'])
      assert.equal(events.get('1-0')?.data, 'just text')
      const broken = events.get('1-1') as CloudEvent<{ reason: string; bytes: string }>
      assert.equal(broken.type, 'io.weir.invalid')
      assert.deepEqual(broken.data, { reason: 'not-json', bytes: Buffer.from('{"broken').toString('base64') })
    }
  })

  it('the CloudEvents SDK takes every frame of a session in the subprotocol cloudevents.json', async () => {
    const client = new WsClient(`${bench.stream}?from=earliest`, {
      token: bench.token({ ttlMs: 90_000 }),
      protocols: ['cloudevents.json'],
      onText: (text) => texts.push(text),
    })
    clients.push(client)
    const texts: string[] = []
    await until('records', () => texts.length > 2)
    client.send({ type: 'ping' })
    client.send({ type: 'subscribe', id: 'a', product: 'none', stream: 'none' })
    await until('the answers', () => texts.some((text) => text.includes('no-such-stream')))
    bench.pass(31_000)
    bench.pass(60_000)
    await client.ended()
    const types = new Set(texts.map(parsed).map(({ type }) => type))
    const controls = ['welcome', 'subscribed', 'pong', 'error', 'position', 'notice', 'closing'].map(
      (type) => `io.weir.${type}`,
    )
    for (const type of controls) assert.ok(types.has(type), `${type} among ${[...types].join()}`)
    assert.equal(new Set(texts.map(parsed).map(({ id, source }) => `${source} ${id}`)).size, texts.length)
  })

  /** As their HTTP binding reads a structured event: throws where it is not one. */
  function parsed(text: string): CloudEvent<unknown> {
    const headers = { 'content-type': 'application/cloudevents+json' }
    const event = HTTP.toEvent({ headers, body: text })
    assert.ok(event instanceof CloudEvent)
    assert.equal(event.validate(), true)
    return event
  }
})
