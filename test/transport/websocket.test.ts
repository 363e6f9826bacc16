import assert from 'node:assert/strict'
import { connect as connectTo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { ERRORS, type ErrorCode } from '../../gateway/errors.ts'
import { Bench } from '../integration/support/bench.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'
import { until } from '../integration/support/until.ts'
import { WsClient, type WsOptions } from '../integration/support/webSocket.ts'

const PRODUCTS = [
  product({
    streams: [
      stream(),
      stream({ id: 'scoped', topic: 'scoped.v1', scope: 'quakes:read' }),
      stream({ id: 'gone', topic: 'gone.v1' }),
    ],
  }),
  product({ id: 'closed', access: 'approval', streams: [stream({ topic: 'closed.v1' })] }),
  product({ id: 'old', lifecycle: 'retired', streams: [stream({ topic: 'old.v1' })] }),
  product({ id: 'hidden', visibility: 'private', streams: [stream({ topic: 'hidden.v1' })], plans: [pricePlan()] }),
]
const CONSUMERS = [{ id: 'idle', name: 'Idle', suspended: true, agreements: [] }]

describe('WebSocket sessions', () => {
  let bench: Bench
  const clients: WsClient[] = []
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS, consumers: CONSUMERS, limits: { subscriptionsPerSessionMax: 3 } })
    bench.memory.deleteTopic('gone.v1')
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual(bench.faults, [])
  })
  after(() => bench.close())

  const connect = (path: string, options: WsOptions = {}): WsClient => {
    const client = new WsClient(bench.url + path, options)
    clients.push(client)
    return client
  }
  const session = async (): Promise<WsClient> => {
    const client = connect('/streams', { token: bench.token() })
    await client.frame('welcome')
    return client
  }
  const STREAM = '/streams/quakes/events'

  it('over the address of a stream: welcome, subscribed as "0", then records with its view', async () => {
    const client = connect(STREAM, { token: bench.token() })
    await client.frame('subscribed')
    bench.append({ n: 1 }, { key: 'k' })
    const record = await client.frame('record')
    assert.deepEqual(client.types(), ['welcome', 'subscribed', 'record'])
    const [welcome, subscribed] = client.frames
    assert.deepEqual(Object.keys(welcome ?? {}), ['type', 'session', 'consumer', 'expiresAt'])
    assert.equal(welcome?.['consumer'], 'acme')
    assert.deepEqual(Object.keys(subscribed ?? {}), ['type', 'id', 'view', 'cursor', 'agreement', 'plan'])
    assert.deepEqual([subscribed?.['id'], subscribed?.['plan']], ['0', 'free'])
    assert.deepEqual(Object.keys(record), ['type', 'view', 'id', 'cursor', 'time', 'key', 'headers', 'data'])
    assert.equal(record['view'], subscribed?.['view'])
    assert.equal(client.socket.protocol, 'weir.v1')
  })

  it('a handshake that does not say `Connection: Upgrade` is refused, also beside others and with a browser’s token', async () => {
    await connect(STREAM, { token: bench.token() }).frame('subscribed')
    for (const secret of [
      `Authorization: Bearer ${bench.token()}`,
      `Sec-WebSocket-Protocol: weir.v1, bearer.${bench.token()}`,
    ]) {
      const socket = connectTo(Number(new URL(bench.url).port), '127.0.0.1')
      let text = ''
      socket.on('data', (bytes) => (text += bytes.toString('latin1')))
      const headers = ['Host: x', 'Connection: close', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
      const all = [...headers, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', secret]
      socket.write(`GET ${STREAM} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`)
      await until('an answer', () => text || null)
      assert.match(text, /^HTTP\/1\.1 400 /)
      socket.destroy()
    }
  })

  it('all that is acknowledged after `subscribed` arrives, in order and once', async () => {
    const client = connect(STREAM, { token: bench.token() })
    await client.frame('subscribed')
    for (let n = 0; n < 5_000; n++) bench.append({ n }, { partition: n % 2 })
    await until('5,000 records', () => client.records.length === 5_000 || null)
    for (const partition of [0, 1]) {
      const numbers = client.records
        .filter(({ id }) => (id as string).startsWith(`${partition}-`))
        .map(({ data }) => (data as { n: number }).n)
      assert.deepEqual(
        numbers,
        Array.from({ length: 2_500 }, (_, i) => i * 2 + partition),
      )
    }
  })

  it('a position comes with every heartbeat, and resumes', async () => {
    const client = connect(STREAM, { token: bench.token() })
    const { view } = (await client.frame('subscribed')) as unknown as { view: number }
    bench.pass(15_000)
    const position = await client.frame('position')
    assert.deepEqual(Object.keys(position), ['type', 'view', 'cursor'])
    assert.equal(position['view'], view)
    bench.append({ n: 'missed' })
    const again = connect(`${STREAM}?from=${position['cursor'] as string}`, { token: bench.token() })
    assert.deepEqual((await again.frame('record'))['data'], { n: 'missed' })
  })

  it('without a token in the handshake the first frame is `auth`; welcome, then authenticated', async () => {
    const client = connect(STREAM)
    await client.open()
    client.send({ type: 'auth', token: bench.token() })
    await client.frame('authenticated')
    await client.frame('subscribed')
    assert.deepEqual(client.types(), ['welcome', 'authenticated', 'subscribed'])
  })

  it('the token of a browser comes in the subprotocol and is never echoed', async () => {
    const client = connect(STREAM, { browserToken: bench.token() })
    await client.frame('subscribed')
    assert.equal(client.socket.protocol, 'weir.v1')
  })

  it('several subscriptions share a session; each ends apart, with its cursor', async () => {
    const client = await session()
    client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events' })
    client.send({ type: 'subscribe', id: 'b', product: 'quakes', stream: 'scoped' })
    const error = await client.frame('error')
    assert.deepEqual([error['id'], error['code'], error['scope']], ['b', 'forbidden', 'quakes:read'])
    await client.frame('subscribed')
    client.send({ type: 'ping' })
    await client.frame('pong')
    client.send({ type: 'unsubscribe', id: 'a' })
    const { id, cursor } = await client.frame('unsubscribed')
    assert.equal(id, 'a')
    bench.append({ n: 'between' })
    client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events', from: cursor as string })
    assert.deepEqual((await client.frame('record'))['data'], { n: 'between' })
    assert.equal(client.closed, null)
  })

  const HANDSHAKES: readonly (readonly [string, string, () => WsOptions, ErrorCode])[] = [
    ['a token that is not known', STREAM, () => ({ token: 'x' }), 'unauthenticated'],
    ['a token that has expired', STREAM, () => ({ token: bench.token({ ttlMs: -1 }) }), 'token-expired'],
    ['a product without an agreement', '/streams/closed/events', () => ({ token: bench.token() }), 'forbidden'],
    ['a scope that is missing', '/streams/quakes/scoped', () => ({ token: bench.token() }), 'forbidden'],
    ['a consumer that is suspended', STREAM, () => ({ token: bench.token({ consumer: 'idle' }) }), 'forbidden'],
    ['a product that is not there', '/streams/quake/events', () => ({ token: bench.token() }), 'no-such-stream'],
    ['a product that is hidden', '/streams/hidden/events', () => ({ token: bench.token() }), 'no-such-stream'],
    ['an address that names no stream', '/streams/a/b/c', () => ({ token: bench.token() }), 'no-such-stream'],
    ['a parameter that does not exist', `${STREAM}?form=latest`, () => ({ token: bench.token() }), 'bad-parameter'],
    ['a token in the query', `${STREAM}?access_token=x`, () => ({}), 'bad-parameter'],
    ['a start that cannot be read', `${STREAM}?from=yesterday`, () => ({ token: bench.token() }), 'bad-parameter'],
    ['a damaged cursor', `${STREAM}?from=w1.AAAA`, () => ({ token: bench.token() }), 'cursor-invalid'],
    ['a retired product', '/streams/old/events', () => ({ token: bench.token() }), 'retired'],
  ]

  for (const [what, path, options, code] of HANDSHAKES) {
    const { status, close, retry } = ERRORS[code]
    it(`${what}: HTTP ${status}, and for a browser 101 with closing ${close}`, async () => {
      const client = connect(path, options())
      const { headers, body } = await client.refused()
      assert.equal(client.status, status)
      assert.equal(headers['content-type'], 'application/problem+json')
      const problem = JSON.parse(body) as { [member: string]: unknown }
      assert.deepEqual([problem['code'], problem['status'], problem['retry']], [code, status, retry])
      assert.equal(headers['www-authenticate'] !== undefined, status === 401 || problem['scope'] !== undefined)
      const { token } = options()
      const browser = connect(path, { browserToken: token ?? 'x' })
      const closing = await browser.frame('closing')
      assert.deepEqual(browser.types(), ['closing'])
      assert.deepEqual([closing['code'], closing['error'], closing['retry']], [close, code, retry])
      assert.deepEqual(await browser.ended(), { code: close, reason: code })
    })
  }

  const CLOSERS: readonly (readonly [string, string | object, ErrorCode])[] = [
    ['text that is not JSON', '{"type":', 'bad-frame'],
    ['JSON that is no object', '[]', 'bad-frame'],
    ['a frame without a type', '{}', 'bad-frame'],
    ['a type that does not exist', { type: 'subscrybe' }, 'bad-frame'],
    ['`auth` without a token', { type: 'auth' }, 'bad-frame'],
    ['a bad token', { type: 'auth', token: 'nonsense' }, 'unauthenticated'],
    ['a frame over 64 KiB', { type: 'ping', pad: 'x'.repeat(65_536) }, 'too-big'],
  ]

  for (const [what, frame, code] of CLOSERS) {
    it(`${what} closes the session with ${ERRORS[code].close}`, async () => {
      const client = await session()
      client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events' })
      const { cursor } = await client.frame('subscribed')
      client.send(frame)
      const closing = await client.frame('closing')
      assert.deepEqual([closing['code'], closing['error']], [ERRORS[code].close, code])
      assert.deepEqual(closing['cursors'], { a: cursor })
      assert.deepEqual(await client.ended(), { code: ERRORS[code].close, reason: code })
    })
  }

  it('a binary frame is a bad frame', async () => {
    const client = await session()
    client.socket.send(Buffer.from('{"type":"ping"}'))
    assert.equal((await client.ended()).code, 4400)
  })

  it('more than 100 frames within a second close the session with 4432', async () => {
    const client = await session()
    for (let i = 0; i < 220; i++) client.send({ type: 'ping' })
    assert.equal((await client.ended()).code, 4432)
    assert.equal(client.types().at(-1), 'closing')
  })

  const ERROR_FRAMES: readonly (readonly [string, object, ErrorCode])[] = [
    ['a stream that is not there', { id: 'a', product: 'quakes', stream: 'none' }, 'no-such-stream'],
    ['no agreement', { id: 'a', product: 'closed', stream: 'events' }, 'forbidden'],
    ['a retired product', { id: 'a', product: 'old', stream: 'events' }, 'retired'],
    ['an unknown field', { id: 'a', product: 'quakes', stream: 'events', form: 'latest' }, 'bad-parameter'],
    ['a field that is not served', { id: 'a', product: 'quakes', stream: 'events', where: 'n==1' }, 'bad-parameter'],
    ['a start of another type', { id: 'a', product: 'quakes', stream: 'events', from: 5 }, 'bad-parameter'],
    ['a damaged cursor', { id: 'a', product: 'quakes', stream: 'events', from: 'w1.x' }, 'cursor-invalid'],
    [
      'a format that does not exist',
      { id: 'a', product: 'quakes', stream: 'events', format: 'recrod' },
      'bad-parameter',
    ],
    ['a topic that is not there', { id: 'a', product: 'quakes', stream: 'gone' }, 'source-unavailable'],
  ]

  for (const [what, fields, code] of ERROR_FRAMES) {
    it(`${what} is an \`error\` with the id, and the session goes on`, async () => {
      const client = await session()
      client.send({ type: 'subscribe', ...fields })
      const error = await client.frame('error')
      const { status, retry, title } = ERRORS[code]
      assert.deepEqual(
        [error['id'], error['code'], error['status'], error['retry'], error['title']],
        ['a', code, status, retry, title],
      )
      client.send({ type: 'ping' })
      await client.frame('pong')
    })
  }

  it('an id that is no id, the same id, the same view and one too many are errors; the session goes on', async () => {
    const client = await session()
    const subscribe = async (id: unknown, name = 'events'): Promise<unknown[]> => {
      const seen = client.frames.length
      client.send({ type: 'subscribe', id, product: 'quakes', stream: name })
      const answer = await until('an answer', () =>
        client.frames.slice(seen).find(({ type }) => ['subscribed', 'error'].includes(type)),
      )
      return [answer.type, answer['id'], answer['code']]
    }
    assert.deepEqual(await subscribe(''), ['error', '', 'bad-parameter'])
    assert.deepEqual(await subscribe(7), ['error', undefined, 'bad-parameter'])
    assert.deepEqual(await subscribe('a'), ['subscribed', 'a', undefined])
    assert.deepEqual(await subscribe('a', 'scoped'), ['error', 'a', 'forbidden'])
    assert.deepEqual(await subscribe('b'), ['error', 'b', 'duplicate-subscription'])
    client.send({ type: 'unsubscribe', id: 'b' })
    assert.equal((await client.frame('error', client.frames.length - 1))['code'], 'duplicate-subscription')
    await until('the refusal', () => client.frames.filter(({ type }) => type === 'error').length === 5 || null)
  })

  it('a stream whose topic is not there closes a session over its address with 4002', async () => {
    const client = connect('/streams/quakes/gone', { token: bench.token() })
    const closing = await client.frame('closing')
    assert.deepEqual([closing['code'], closing['retry'], closing['retryAfter']], [4002, 'later', 5])
    assert.equal((await client.ended()).code, 4002)
  })

  it('no token in time: 4408', async () => {
    const client = connect(STREAM)
    await client.open()
    bench.pass(4_000)
    bench.pass(1_001)
    assert.deepEqual(await client.ended(), { code: 4408, reason: 'auth-timeout' })
  })

  it('anything but `auth` as the first frame: 4401', async () => {
    const client = connect('/streams')
    await client.open()
    client.send({ type: 'ping' })
    assert.equal((await client.ended()).code, 4401)
  })

  it('an expired token closes with 4201 and the cursors, unless another one came in time', async () => {
    const client = connect(STREAM, { token: bench.token({ ttlMs: 61_000 }) })
    await client.frame('subscribed')
    bench.pass(2_000)
    assert.equal((await client.frame('notice'))['kind'], 'token-expiring')
    client.send({ type: 'auth', token: bench.token({ ttlMs: 120_000 }) })
    await client.frame('authenticated')
    bench.pass(70_000)
    bench.append({ n: 'still there' })
    const { cursor } = await client.frame('record')
    bench.pass(60_000)
    const closing = await client.frame('closing')
    assert.deepEqual([closing['code'], closing['retry'], closing['cursors']], [4201, 'new-token', { '0': cursor }])
  })

  it('a token of another consumer does not take the session over', async () => {
    const client = connect(STREAM, { token: bench.token() })
    await client.frame('subscribed')
    client.send({ type: 'auth', token: bench.token({ consumer: 'other' }) })
    assert.equal((await client.ended()).code, 4403)
  })

  it('a session without a subscription is closed as idle after five minutes: 4003', async () => {
    const client = await session()
    bench.pass(299_000)
    client.send({ type: 'ping' })
    await client.frame('pong')
    bench.pass(2_000)
    assert.equal((await client.ended()).code, 4003)
  })

  it('a drain tells everybody, with cursors, and lets nobody in', async () => {
    const leaving = await Bench.start()
    const client = new WsClient(leaving.stream, { token: leaving.token() })
    const { cursor } = await client.frame('subscribed')
    await leaving.admissions.drain(20_000)
    const closing = await client.frame('closing')
    assert.deepEqual([closing['code'], closing['retry'], closing['cursors']], [4000, 'now', { '0': cursor }])
    assert.equal((await client.ended()).code, 4000)
    const late = new WsClient(leaving.stream, { token: leaving.token() })
    await late.refused()
    assert.equal(late.status, 503)
    await leaving.close()
  })

  it('the connections of a node are bounded: 429, and 4004 for a browser', async () => {
    const small = await Bench.start({ limits: { connectionsMax: 1 } })
    const first = new WsClient(small.stream, { token: small.token() })
    await first.frame('subscribed')
    const second = new WsClient(small.stream, { token: small.token() })
    const { headers, body } = await second.refused()
    assert.equal(second.status, 429)
    assert.ok(Number(headers['retry-after']) > 0)
    assert.match(
      JSON.parse(body).type as string,
      /^https:\/\/iana\.org\/assignments\/http-problem-types#quota-exceeded$/,
    )
    const browser = new WsClient(small.stream, { browserToken: small.token() })
    assert.equal((await browser.ended()).code, 4004)
    first.destroy()
    await small.close()
  })
})
