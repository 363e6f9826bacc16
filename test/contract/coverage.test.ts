import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { ERRORS, type ErrorCode } from '../../gateway/errors.ts'
import { CONTRACT, whyNot, type Transport } from '../../gateway/transport/contract.ts'
import { Bench, type BenchOptions } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { ModelPool } from '../stream/model/pool.ts'
import { until } from '../integration/support/until.ts'
import { WsClient, type WsOptions } from '../integration/support/webSocket.ts'
import { ENDLESS, frameOf, listen, TRANSPORTS, type Asking, type Listener } from './listener.ts'
import { kinds, Seen } from './seen.ts'
import { assertProblem } from './wire.ts'
import { Faulty, PRODUCTS, SCHEMA } from './world.ts'

const STREAM = { product: 'quakes', stream: 'events' }
const HOUR_MS = 3_600_000

describe('wire contract', () => {
  const seen = new Seen()
  const benches: Bench[] = []
  const listeners: {
    readonly at: Transport
    readonly client: { readonly frames: readonly Frame[]; destroy(): void }
  }[] = []
  let bench: Bench
  before(async () => {
    bench = await started({ products: PRODUCTS, limits: { subscriptionsPerSessionMax: 2 } })
    bench.memory.deleteTopic('gone.v1')
    for (const n of [1, 2, 3]) bench.append({ n, m: n })
  })
  afterEach(async () => {
    for (const { at, client } of listeners.splice(0)) {
      for (const frame of client.frames) if (typeof frame === 'object' && 'type' in frame) seen.frame(at, frame)
      client.destroy()
    }
    for (const own of benches.splice(1)) await own.close()
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
  })
  after(() => bench.close())

  async function started(options: BenchOptions = {}): Promise<Bench> {
    const made = await Bench.start(options)
    benches.push(made)
    return made
  }
  const withStream = (more: Parameters<typeof stream>[0], options: BenchOptions = {}, plan = {}): Promise<Bench> =>
    started({
      products: [product({ streams: [stream({ partitions: 1, ...more })], plans: [pricePlan(plan)] })],
      ...options,
    })
  const open = (at: Transport, own: Bench, asking: Asking = {}): Listener => {
    const client = listen(at, own, asking)
    listeners.push({ at, client })
    return client
  }
  const socket = (path: string, options: WsOptions = {}, own = bench): WsClient => {
    const client = new WsClient(own.url + path, options)
    listeners.push({ at: 'websocket', client })
    return client
  }
  const session = async (options: WsOptions = {}, own = bench): Promise<WsClient> => {
    const client = socket('/streams', { token: own.token(), ...options }, own)
    await client.open()
    return client
  }
  const typed = (type: string) => (frame: Frame) => frame.type === type
  const first = (at: Transport, query: string, lastEventId?: string): Promise<Frame> =>
    frameOf(open(at, bench, { query, ...(lastEventId !== undefined && { lastEventId }) }), query, typed('record'))
  const riding = (own: Bench, count = 1): Promise<unknown> =>
    until(`${count} riding`, () => own.hub.stats().riding === count || null)
  /** Closed by the gateway: `closing`, then the close code of its row. */
  async function closedWith(client: WsClient, code: ErrorCode): Promise<void> {
    const closing = await client.frame('closing')
    assert.equal(closing['error'], code)
    assert.deepEqual(await client.ended(), { code: ERRORS[code].close, reason: code })
  }

  for (const at of TRANSPORTS) {
    it(`${at}: each parameter chooses what it says`, async () => {
      const one = await first(at, '?from=earliest')
      assert.deepEqual(one['data'], { n: 1, m: 1 })
      seen.row('parameter', 'from', at)
      const cursor = one['cursor'] as string
      const two = await first(at, `?from=earliest&lastEventId=${cursor}`)
      assert.deepEqual(two['data'], { n: 2, m: 2 })
      seen.row('parameter', 'lastEventId', at)
      const three = await first(at, `?from=earliest&lastEventId=${cursor}`, two['cursor'] as string)
      assert.deepEqual(three['data'], { n: 3, m: 3 })
      seen.row('parameter', 'Last-Event-ID', at)
      assert.deepEqual((await first(at, '?from=earliest&where=n==2'))['data'], { n: 2, m: 2 })
      seen.row('parameter', 'where', at)
      assert.deepEqual((await first(at, '?from=earliest&param.m=3'))['data'], { n: 3, m: 3 })
      seen.row('parameter', 'param.<name>', at)
      assert.deepEqual((await first(at, '?from=earliest&fields=m'))['data'], { m: 1 })
      seen.row('parameter', 'fields', at)
      const event = open(at, bench, { query: '?from=earliest&format=cloudevents' })
      await frameOf(event, 'a CloudEvent', (frame) => frame['specversion'] === '1.0' && frame.type === 'quake')
      seen.row('parameter', 'format', at)
    })

    it(`${at}: each reason of an invalid record is told, and the stream goes on`, async () => {
      const own = await withStream({ schema: SCHEMA }, { limits: { recordBytesMax: 1_000 } })
      const bad = { 'not-utf8': '"\xff"', 'not-json': '{', schema: '{"n":"one"}', 'too-big': `"${'x'.repeat(1_000)}"` }
      for (const value of Object.values(bad)) own.append(Buffer.from(value, 'latin1'))
      own.append({ n: 1 })
      for (const format of ['record', 'cloudevents']) {
        const client = open(at, own, { query: `?from=earliest&format=${format}` })
        await frameOf(client, 'the good one', ({ data }) => (data as { n?: number } | undefined)?.n === 1)
        const reasons = client.frames.map(({ reason, data }) => reason ?? (data as { reason?: string })?.reason)
        assert.deepEqual(
          reasons.filter((reason) => reason !== undefined),
          Object.keys(bad),
        )
      }
    })

    it(`${at}: a record that is no Avro is told, and the stream goes on`, async () => {
      const own = await withStream({ encoding: { kind: 'avro', schema: 'int', framing: 'plain' } })
      for (const bytes of ['ff', '02']) own.append(Buffer.from(bytes, 'hex'))
      const client = open(at, own, { query: '?from=earliest' })
      await frameOf(client, 'the good one', ({ data }) => data === 1)
      assert.equal((await frameOf(client, 'the bad one', typed('invalid')))['reason'], 'undecodable')
    })

    it(`${at}: each reason of a gap is told before the records behind it`, async () => {
      const own = await withStream({}, { epoch: 1 })
      const now = own.clock.now()
      own.append({ n: 0 })
      const { cursor } = await frameOf(open(at, own, { query: '?from=earliest' }), 'a record', typed('record'))
      const later = await withStream({}, { epoch: 2 }, { replayHorizonMs: HOUR_MS })
      later.append({ n: 1 }, { time: now - 2 * HOUR_MS })
      later.append({ n: 2 })
      const gap = async (of: Bench, from: string): Promise<unknown> => {
        const client = open(at, of, { query: `?from=${from}` })
        await frameOf(client, 'a record', typed('record'))
        return (await frameOf(client, 'a gap', typed('gap')))['reason']
      }
      assert.equal(await gap(later, cursor as string), 'reset')
      assert.equal(await gap(later, '-PT3H'), 'horizon')
      for (const n of [1, 2, 3]) own.append({ n })
      own.memory.deleteRecordsBefore('quakes.v1', 0, 3)
      assert.equal(await gap(own, cursor as string), 'retention')
    })

    it(`${at}: records that the product leaves out are counted`, async () => {
      const own = await withStream({ schema: SCHEMA, invalid: 'skip' })
      for (const value of [{}, {}, { n: 1 }]) own.append(value)
      const client = open(at, own, { query: '?from=earliest' })
      await frameOf(client, 'the record', typed('record'))
      own.pass(15_000)
      const { kind, count } = await frameOf(client, 'the notice', typed('notice'))
      assert.deepEqual([kind, count], ['invalid', 2])
    })
  }

  for (const at of ENDLESS) {
    it(`${at}: an outage pauses and resumes, a token is called out and ends`, async () => {
      const own = await withStream({})
      const client = open(at, own, { token: own.token({ ttlMs: 90_000 }) })
      await riding(own)
      own.memory.deleteTopic('quakes.v1')
      assert.equal((await frameOf(client, 'the pause', typed('paused')))['reason'], 'source')
      own.memory.createTopic('quakes.v1', 1)
      await frameOf(client, 'the end of the pause', typed('resumed'))
      own.pass(45_000)
      await frameOf(client, 'the warning', ({ kind }) => kind === 'token-expiring')
      own.pass(60_000)
      const closing = await frameOf(client, 'the end', typed('closing'))
      assert.equal(closing['error'], 'token-expired')
    })
  }

  it('a client that does not read is told how far it is behind; one that takes nothing is closed as slow', async () => {
    const own = await withStream({}, { limits: { sessionBufferBytesMax: 64 * 1024 } })
    const token = own.token({ ttlMs: 1_000 * HOUR_MS })
    const web = socket('/streams/quakes/events', { token }, own)
    const sse = new SseClient(own.stream, { token })
    const lines = new LinesClient(own.stream, { token })
    listeners.push({ at: 'sse', client: sse }, { at: 'ndjson', client: lines })
    await riding(own, 3)
    const halves = [web.socket, sse, lines]
    for (const half of halves) half.pause()
    const text = 'x'.repeat(8_000)
    for (let n = 0; n < 2_000; n++) own.append({ n, text })
    await until('all to be taken off', () => own.hub.stats().riding === 0 || null)
    own.pass(15_000)
    for (const half of halves) half.resume()
    await until(
      'each to be told',
      () => [web, sse, lines].every(({ frames }) => frames.some(({ kind }) => kind === 'lagging')) || null,
    )
    for (const other of [sse, lines]) other.destroy()
    await until('them to have left', () => own.admissions.live === 1 || null)
    web.socket.pause()
    for (let n = 0; n < 2_000; n++) own.append({ n, text })
    // How much the network takes before it is full is the system's to say.
    await until(
      'it to be closed',
      () => {
        own.pass(30_000)
        return own.hub.stats().subscriptions === 0 || null
      },
      60_000,
    )
    web.socket.resume()
    await closedWith(web, 'slow')
  })

  it('raw: payloads alone, binary over WebSocket, events without a name over SSE', async () => {
    const query = '?from=earliest&format=raw'
    for (const at of ['websocket', 'sse'] as const) {
      const client = open(at, bench, { query })
      assert.deepEqual(await frameOf(client, 'a payload', ({ n }) => n === 1), { n: 1, m: 1 })
      seen.row('format', 'raw', at)
    }
    for (const at of ['ndjson', 'page'] as const) {
      const client = open(at, bench, { query })
      await until('a refusal', () => client.problem === 'bad-parameter' || null)
    }
  })

  it('limit and wait bound a page, and nothing else takes them', async () => {
    const limited = open('page', bench, { query: '?from=earliest&limit=1' })
    await frameOf(limited, 'a record', typed('record'))
    assert.equal(limited.frames.length, 1)
    seen.row('parameter', 'limit', 'page')
    const own = await withStream({})
    const waiting = open('page', own, { query: '?wait=PT30S' })
    await riding(own)
    own.append({ n: 1 })
    await frameOf(waiting, 'the record', typed('record'))
    seen.row('parameter', 'wait', 'page')
    for (const at of ENDLESS) {
      for (const query of ['?limit=1', '?wait=PT1S']) {
        const client = open(at, bench, { query })
        await until('a refusal', () => client.problem === 'bad-parameter' || null)
      }
    }
  })

  it('a session: token, subscriptions with all that can be asked, and their ends', async () => {
    const client = socket('/streams')
    await client.open()
    const say = async (frame: Frame, answer: string): Promise<Frame> => {
      const from = client.frames.length
      client.send(frame)
      const answered = await client.frame(answer, from)
      seen.row('client frame', frame.type)
      return answered
    }
    await say({ type: 'auth', token: bench.token({ scopes: ['quakes:read'] }) }, 'authenticated')
    await say({ type: 'ping' }, 'pong')
    const wish = { from: 'earliest', where: 'n=ge=1', fields: 'm', format: 'record', 'param.m': '2' }
    await say({ type: 'subscribe', id: 'a', ...STREAM, ...wish }, 'subscribed')
    assert.deepEqual((await client.frame('record'))['data'], { m: 2 })
    for (const name of Object.keys(wish)) seen.row('parameter', name.replace(/^param\..+/, 'param.<name>'), 'subscribe')
    seen.row('format', 'record', 'subscribe')
    await say({ type: 'subscribe', id: 'b', product: 'quakes', stream: 'scoped' }, 'subscribed')
    const { code } = await say({ type: 'auth', token: bench.token() }, 'ended')
    assert.equal(code, 'forbidden')
    await riding(bench)
    bench.pass(15_000)
    await client.frame('position')
    await say({ type: 'unsubscribe', id: 'a' }, 'unsubscribed')
    await say({ type: 'subscribe', id: 'c', ...STREAM, from: 'earliest', format: 'cloudevents' }, 'subscribed')
    await until('a CloudEvent', () => client.frames.some(({ specversion }) => specversion === '1.0') || null)
    seen.row('format', 'cloudevents', 'subscribe')
    await say({ type: 'unsubscribe', id: 'c' }, 'unsubscribed')
    await say({ type: 'subscribe', id: 'd', ...STREAM, from: 'earliest', format: 'raw' }, 'subscribed')
    await until('a payload', () => client.frames.some(({ n }) => n === 1) || null)
    seen.row('format', 'raw', 'subscribe')
  })

  it('subprotocols: the default, CloudEvents for all that is no record, and the token of a browser', async () => {
    const own = await withStream({})
    const plain = socket('/streams/quakes/events', { browserToken: own.token() }, own)
    await plain.frame('subscribed')
    assert.equal(plain.socket.protocol, 'weir.v1')
    seen.row('subprotocol', 'weir.v1')
    seen.row('subprotocol', 'bearer.<JWT>')
    const events = socket(
      '/streams/quakes/events',
      { token: own.token({ ttlMs: 90_000 }), protocols: ['cloudevents.json'] },
      own,
    )
    await events.frame('io.weir.subscribed')
    own.append({ n: 1 })
    await events.frame('quake')
    for (const frame of [{ type: 'ping' }, { type: 'subscribe', id: 'b', product: 'quakes', stream: 'no' }])
      events.send(frame)
    await events.frame('io.weir.pong')
    await events.frame('io.weir.error')
    own.pass(45_000)
    await events.frame('io.weir.notice')
    await events.frame('io.weir.position')
    own.memory.deleteTopic('quakes.v1')
    await events.frame('io.weir.paused')
    own.memory.createTopic('quakes.v1', 1)
    await events.frame('io.weir.resumed')
    await events.frame('io.weir.gap')
    own.pass(60_000)
    await events.frame('io.weir.closing')
  })

  const CLOSERS: readonly (readonly [ErrorCode, (own: Bench) => Promise<WsClient>])[] = [
    ['bad-frame', (own) => said(own, '{')],
    ['too-big', (own) => said(own, { type: 'ping', pad: 'x'.repeat(65_536) })],
    ['too-many-frames', (own) => said(own, ...Array.from({ length: 220 }, () => ({ type: 'ping' })))],
    ['unauthenticated', (own) => said(own, { type: 'auth', token: 'nonsense' })],
    ['auth-timeout', (own) => passed(own, 5_001, {})],
    ['idle', (own) => passed(own, 301_000, { token: own.token() })],
  ]
  for (const [code, provoke] of CLOSERS)
    it(`${code} closes with ${ERRORS[code].close}`, async () => closedWith(await provoke(await started()), code))

  async function said(own: Bench, ...frames: readonly (object | string)[]): Promise<WsClient> {
    const client = await session({}, own)
    for (const frame of frames) client.send(frame)
    return client
  }
  async function passed(own: Bench, ms: number, options: WsOptions): Promise<WsClient> {
    const client = socket('/streams', options, own)
    await until('it to be let in', () => own.admissions.live === 1 || null)
    own.pass(ms)
    return client
  }

  it('a drain, a full node and a fault of ours are told as what they are', async () => {
    const own = await withStream({}, { limits: { connectionsMax: 1 } })
    const client = socket('/streams/quakes/events', { token: own.token() }, own)
    await client.frame('subscribed')
    const browser = socket('/streams/quakes/events', { browserToken: own.token() }, own)
    await closedWith(browser, 'too-many-connections')
    await own.admissions.drain(1_000)
    await closedWith(client, 'draining')
    const faulty = await withStream({}, { source: (memory) => new Faulty(memory) })
    await closedWith(socket('/streams/quakes/events?from=earliest', { token: faulty.token() }, faulty), 'internal')
    assert.equal(faulty.faults.length, 1)
  })

  for (const at of ENDLESS) {
    it(`${at}: a spent allowance is told before and when it is, a record that no window pays as such, and usage that cannot be recorded as a pause`, async () => {
      const pool = new ModelPool(100)
      pool.grant(2, 200)
      const own = await withStream({}, { poolOf: () => pool })
      const client = open(at, own, { query: '?from=earliest' })
      for (const n of [1, 2]) own.append({ n })
      own.append({ n: 'x'.repeat(200) })
      own.append({ n: 3 })
      const big = await frameOf(client, 'the one that is too big', typed('invalid'))
      assert.equal(big['reason'], 'too-big-for-plan')
      pool.warn({ window: 'P1D', unit: 'messages', limit: 2, used: 2, resetsAt: own.clock.now() + HOUR_MS })
      await frameOf(client, 'the warning', ({ kind }) => kind === 'quota-80')
      pool.exhaust()
      assert.equal((await frameOf(client, 'the pause', typed('paused')))['reason'], 'quota')
      pool.grant(1, 100)
      await frameOf(client, 'the rest', ({ data }) => (data as { n?: unknown } | undefined)?.n === 3)
      own.hub.halt('metering')
      await frameOf(client, 'the other pause', ({ reason }) => reason === 'metering')
      own.hub.proceed('metering')
    })
  }

  it('a plan that ends streams at its limit closes a session over one stream, and ends a subscription of others', async () => {
    const pool = new ModelPool(1e6)
    const own = await withStream({}, { poolOf: () => pool })
    own.append({ n: 1 })
    const client = socket('/streams/quakes/events?from=earliest', { token: own.token() }, own)
    const many = await session({}, own)
    many.send({ type: 'subscribe', id: 'a', ...STREAM, from: 'earliest' })
    await Promise.all([client.frame('subscribed'), many.frame('subscribed')])
    await until('both to wait', () => pool.refusals >= 2 || null)
    pool.end()
    await closedWith(client, 'quota-exhausted')
    assert.equal((await many.frame('ended'))['code'], 'quota-exhausted')
    many.send({ type: 'ping' })
    await many.frame('pong')
  })

  it('what one subscription may not is an `error`, and the session goes on', async () => {
    const client = await session()
    const refused = async (code: ErrorCode, fields: object): Promise<void> => {
      const from = client.frames.length
      client.send({ type: 'subscribe', id: 'x', ...STREAM, ...fields })
      assert.equal((await client.frame('error', from))['code'], code)
    }
    await refused('no-such-stream', { stream: 'none' })
    await refused('forbidden', { stream: 'scoped' })
    await refused('retired', { product: 'old' })
    await refused('source-unavailable', { stream: 'gone' })
    await refused('bad-parameter', { form: 'latest' })
    await refused('cursor-invalid', { from: 'w1.x' })
    client.send({ type: 'subscribe', id: 'a', ...STREAM })
    await client.frame('subscribed')
    await refused('duplicate-subscription', {})
    client.send({ type: 'subscribe', id: 'b', ...STREAM, where: 'n==1' })
    await until('both', () => client.types().filter((type) => type === 'subscribed').length === 2 || null)
    await refused('too-many-subscriptions', { where: 'n==2' })
  })

  it('a document that is published anew changes the view at a point that is told, and no record is lost', async () => {
    const own = await withStream({ showKey: false })
    own.append({ n: 1 }, { key: 'k' })
    const client = await session({}, own)
    client.send({ type: 'subscribe', id: 'a', ...STREAM, from: 'earliest' })
    await client.frame('record')
    await own.republish([product({ streams: [stream({ partitions: 1, showKey: true })], plans: [pricePlan()] })])
    const again = await client.frame('subscribed', 2)
    assert.equal(again['reason'], 'document')
    own.append({ n: 2 }, { key: 'k' })
    await until('both', () => client.records.length === 2 || null)
    assert.deepEqual(
      client.records.map(({ data, key }) => [data, key]),
      [
        [{ n: 1 }, undefined],
        [{ n: 2 }, 'k'],
      ],
    )
  })

  it('every address that is served answers', async () => {
    const paths: readonly (readonly [keyof typeof CONTRACT.address, string])[] = [
      ['/streams/{product}/{stream}', '/streams/quakes/events'],
      ['/products', '/products'],
      ['/products/{product}', '/products/quakes'],
      ['/products/{product}/asyncapi.json', '/products/quakes/asyncapi.json'],
      ['/usage', '/usage'],
      ['/usage/lines', '/usage/lines?period=2026-11'],
      ['/errors/{code}', '/errors/slow'],
      ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource'],
      ['/healthz', '/healthz'],
      ['/readyz', '/readyz'],
    ]
    for (const [address, path] of paths) {
      const answer = await fetch(bench.url + path, { headers: { Authorization: `Bearer ${bench.token()}` } })
      assert.equal(answer.status, 200, path)
      await answer.arrayBuffer()
      seen.row('address', address)
    }
    await (await session()).frame('welcome')
    seen.row('address', '/streams')
    const answer = await fetch(`${bench.url}/streams`)
    assertProblem(await answer.json(), 406)
    seen.row('error code', 'bad-format')
  })

  it('every address and frame that is not served yet, and an unknown parameter of a stream, is refused by name', async () => {
    for (const name of Object.keys(CONTRACT.address).filter((name) => whyNot('address', name) !== null)) {
      const [path = '', method = 'GET'] = name.split(' ').toReversed()
      const answer = await fetch(bench.url + path.replace(/\{\w+\}/g, 'quakes'), { method })
      assert.equal(answer.status, method === 'POST' ? 501 : 404, name)
      await answer.arrayBuffer()
    }
    const client = await session()
    for (const type of Object.keys(CONTRACT['client frame']).filter((name) => whyNot('client frame', name) !== null)) {
      const from = client.frames.length
      client.send({ type, id: 'a' })
      const { code, detail } = await client.frame('error', from)
      assert.equal(code, 'bad-frame')
      assert.match(detail as string, new RegExp(`\`${type}\` frames are reserved`))
    }
    for (const at of TRANSPORTS) {
      const refused = open(at, bench, { query: '?param.station=x' })
      await until('a refusal', () => refused.problem === 'bad-parameter' || null)
    }
  })

  it('nothing was seen that is said not to be served, and every exception names a row and its reason', () => {
    assert.deepEqual(seen.surprises(), [])
    for (const kind of kinds()) for (const name of Object.keys(CONTRACT[kind])) assert.notEqual(whyNot(kind, name), '')
  })

  it('every row of the contract was seen, wherever it may stand', () => assert.deepEqual(seen.missing(), []))
})
