import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { ERRORS, type ErrorCode } from '../../gateway/errors.ts'
import { Bench } from '../integration/support/bench.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'
import { until } from '../integration/support/until.ts'

const run = promisify(execFile)

const PRODUCTS = [
  product({
    streams: [
      stream(),
      stream({ id: 'scoped', topic: 's.v1', scope: 'quakes:read' }),
      stream({ id: 'in', topic: 'in.v1', expose: 'write' }),
    ],
  }),
  product({ id: 'closed', access: 'approval', streams: [stream({ topic: 'closed.v1' })] }),
  product({ id: 'old', lifecycle: 'retired', streams: [stream({ topic: 'old.v1' })] }),
  product({ id: 'hidden', visibility: 'private', streams: [stream({ topic: 'h.v1' })], plans: [pricePlan()] }),
]
const CONSUMERS = [{ id: 'owner', name: 'Owner', agreements: [{ product: 'hidden', plan: 'free' }] }]
const SSE = { Accept: 'text/event-stream' }

describe('HTTP of partners', () => {
  let bench: Bench
  let ready = true
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS, consumers: CONSUMERS, ready: () => ready })
  })
  after(() => bench.close())

  const ask = (path: string, headers: { [name: string]: string } = {}, method = 'GET'): Promise<Response> =>
    fetch(bench.url + path, { method, headers })
  const bearer = (token = bench.token()): { Authorization: string } => ({ Authorization: `Bearer ${token}` })

  const REFUSALS: readonly (readonly [string, string, () => { [name: string]: string }, ErrorCode])[] = [
    ['no token', '/streams/quakes/events', () => ({}), 'unauthenticated'],
    ['a token that is not known', '/streams/quakes/events', () => bearer('x'), 'unauthenticated'],
    ['another scheme', '/streams/quakes/events', () => ({ Authorization: 'Basic YTpi' }), 'unauthenticated'],
    ['an expired token', '/streams/quakes/events', () => bearer(bench.token({ ttlMs: -1 })), 'token-expired'],
    ['no agreement', '/streams/closed/events', () => bearer(), 'forbidden'],
    ['a missing scope', '/streams/quakes/scoped', () => bearer(), 'forbidden'],
    ['no such product', '/streams/quake/events', () => bearer(), 'no-such-stream'],
    ['a stream that is not for reading', '/streams/quakes/in', () => bearer(), 'no-such-stream'],
    ['a hidden product', '/streams/hidden/events', () => bearer(), 'no-such-stream'],
    ['an unknown parameter', '/streams/quakes/events?form=latest', () => bearer(), 'bad-parameter'],
    [
      'a token in the query, though none is in the header',
      '/streams/quakes/events?token=x',
      () => ({}),
      'bad-parameter',
    ],
    ['a parameter given twice', '/streams/quakes/events?from=latest&from=earliest', () => bearer(), 'bad-parameter'],
    ['an empty start', '/streams/quakes/events?from=', () => bearer(), 'bad-parameter'],
    ['a start in the future', '/streams/quakes/events?from=2199-01-01T00:00Z', () => bearer(), 'bad-parameter'],
    [
      'a damaged Last-Event-ID',
      '/streams/quakes/events',
      () => ({ ...bearer(), 'Last-Event-ID': '7' }),
      'cursor-invalid',
    ],
    ['a newer cursor', '/streams/quakes/events?from=w2.AAAA', () => bearer(), 'cursor-invalid'],
    ['a retired product', '/streams/old/events', () => bearer(), 'retired'],
  ]

  for (const [what, path, headers, code] of REFUSALS) {
    it(`${what}: ${ERRORS[code].status} as problem+json`, async () => {
      const answer = await ask(path, { ...SSE, ...headers() })
      const { status, title, retry } = ERRORS[code]
      const problem = (await answer.json()) as { [member: string]: unknown }
      assert.equal(answer.status, status)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      assert.deepEqual(
        [problem['code'], problem['status'], problem['title'], problem['retry']],
        [code, status, title, retry],
      )
      assert.ok(typeof problem['detail'] === 'string' && typeof problem['type'] === 'string')
      assert.doesNotMatch(JSON.stringify(problem), /\.v1/)
    })
  }

  it('401 says where tokens come from, and whether the one that was sent was bad; 403 names the scope', async () => {
    const metadata = `resource_metadata="${bench.url}/.well-known/oauth-protected-resource"`
    const without = await ask('/streams/quakes/events', SSE)
    assert.equal(without.headers.get('www-authenticate'), `Bearer ${metadata}`)
    const bad = await ask('/streams/quakes/events', { ...SSE, ...bearer('x') })
    assert.equal(bad.headers.get('www-authenticate'), `Bearer error="invalid_token", ${metadata}`)
    const scope = await ask('/streams/quakes/scoped', { ...SSE, ...bearer() })
    assert.equal(
      scope.headers.get('www-authenticate'),
      `Bearer error="insufficient_scope", scope="quakes:read", ${metadata}`,
    )
    const found = await ask('/.well-known/oauth-protected-resource')
    assert.deepEqual(await found.json(), {
      resource: bench.url,
      authorization_servers: ['https://idp.example.com'],
      bearer_methods_supported: ['header'],
      scopes_supported: ['quakes:read'],
    })
  })

  it('the problem names the parameter at fault and what was probably meant', async () => {
    const answer = await ask('/streams/quakes/events?form=latest', { ...SSE, ...bearer() })
    const problem = (await answer.json()) as { parameter: string; detail: string }
    assert.equal(problem.parameter, 'form')
    assert.match(problem.detail, /did you mean `from`/)
  })

  it('a session without a stream is no HTTP resource: 406', async () => {
    const answer = await ask('/streams', SSE)
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [406, 'bad-format'])
  })

  it('other methods are 405 with Allow; reserved addresses are 501', async () => {
    for (const [method, path, allow] of [
      ['POST', '/products', 'GET, HEAD'],
      ['OPTIONS', '/products', 'GET, HEAD'],
      ['DELETE', '/streams/quakes/events', 'GET'],
      ['HEAD', '/streams/quakes/events', 'GET'],
    ] as const) {
      const answer = await ask(path, {}, method)
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
    }
    for (const path of ['/streams/quakes/events', '/tickets']) assert.equal((await ask(path, {}, 'POST')).status, 501)
  })

  it('what is not there is 404, whatever it looks like', async () => {
    for (const path of [
      '/',
      '/nothing',
      '/metrics',
      '/products/none',
      '/products/hidden',
      '/..%2f..%2fetc/passwd',
      '/%00',
      '/%e0%a4%a',
    ]) {
      const answer = await ask(path)
      assert.equal(answer.status, 404, path)
      assert.equal(((await answer.json()) as { code: string }).code, 'no-such-stream')
    }
  })

  it('HEAD answers as GET does but for the body, so that the connection can be used again', async () => {
    const { stdout } = await run('curl', [
      '-sS',
      '-I',
      `${bench.url}/products`,
      '--next',
      '-sS',
      `${bench.url}/healthz`,
    ])
    assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n/)
    const whole = await (await ask('/products')).text()
    assert.match(stdout, new RegExp(`Content-Length: ${Buffer.byteLength(whole)}\r\n`, 'i'))
    assert.match(stdout, /\r\n\r\n\{"status":"ok"\}$/)
  })

  it('the answer to a HEAD ends with its headers: what follows on the connection is the next answer', async () => {
    for (const path of ['/products', '/nothing', '/streams/quakes/events']) {
      const socket = connect(Number(new URL(bench.url).port), '127.0.0.1')
      let text = ''
      socket.on('data', (bytes) => (text += bytes.toString()))
      socket.write(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await until('the first answer', () => text.includes('\r\n\r\n') || null)
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(
        () => `both answers in ${text}`,
        () => text.endsWith('{"status":"ok"}') || null,
      )
      assert.match(text, /^HTTP\/1\.1 \d{3} [^{]*\r\n\r\nHTTP\/1\.1 200 OK\r\n[^{]*\{"status":"ok"\}$/)
      socket.destroy()
    }
  })

  it('the catalogue lists what the caller may know of: public products without a token, its own with one', async () => {
    const ids = async (headers = {}): Promise<string[]> => {
      const { products } = (await (await ask('/products', headers)).json()) as { products: { id: string }[] }
      return products.map(({ id }) => id)
    }
    assert.deepEqual(await ids(), ['quakes', 'closed', 'old'])
    assert.deepEqual(await ids(bearer(bench.token({ consumer: 'owner' }))), ['quakes', 'closed', 'old', 'hidden'])
    assert.equal((await ask('/products', bearer('x'))).status, 401)
  })

  it('a product tells its streams for reading, and nothing of where the data lies', async () => {
    const answer = await ask('/products/quakes')
    const text = await answer.text()
    const { streams } = JSON.parse(text) as { streams: object[] }
    assert.deepEqual(streams[0], { id: 'events', title: 'Seismic events', url: '/streams/quakes/events' })
    assert.equal(streams.length, 2)
    assert.doesNotMatch(text, /\.v1|partition|topic|server/)
  })

  it('an unchanged catalogue is 304 without a body', async () => {
    const first = await ask('/products/quakes')
    const tag = first.headers.get('etag') ?? ''
    assert.match(tag, /^"[\w-]{22}"$/)
    assert.equal(first.headers.get('cache-control'), 'no-cache')
    const again = await ask('/products/quakes', { 'If-None-Match': `"other", ${tag}` })
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, tag, ''])
    const other = await ask('/products/quakes', { 'If-None-Match': '"other"' })
    assert.equal(other.status, 200)
    const { stdout } = await run('curl', [
      ...['-sS', '-i', '-H', `If-None-Match: ${tag}`, `${bench.url}/products/quakes`],
      ...['--next', '-sS', `${bench.url}/healthz`],
    ])
    assert.match(stdout, /^HTTP\/1\.1 304 Not Modified\r\n/)
    assert.doesNotMatch(stdout, /content-length: 0\r\n/i)
    assert.match(stdout, /\r\n\r\n\{"status":"ok"\}$/)
  })

  it('a weak or starred If-None-Match matches as well', async () => {
    const tag = (await ask('/products')).headers.get('etag') ?? ''
    for (const value of [`W/${tag}`, '*'])
      assert.equal((await ask('/products', { 'If-None-Match': value })).status, 304, value)
  })

  it('/readyz is 200 or 503 with its checks, /healthz is 200', async () => {
    const good = await ask('/readyz')
    assert.deepEqual([good.status, await good.json()], [200, { status: 'ready', checks: { documents: '1 served' } }])
    ready = false
    const bad = await ask('/readyz')
    assert.deepEqual([bad.status, ((await bad.json()) as { status: string }).status], [503, 'not ready'])
    ready = true
    assert.equal((await ask('/healthz')).status, 200)
  })

  it('a token of 12 KB is taken however the network splits it', async () => {
    const token = bench.token({ text: 'a'.repeat(12_000) })
    const head = `GET /streams/quakes/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`
    for (const size of [head.length, 5_000, 4_096, 1_400, 700]) {
      const pieces = Array.from({ length: Math.ceil(head.length / size) }, (_, i) =>
        head.slice(i * size, (i + 1) * size),
      )
      assert.match(await exchange(bench.url, pieces), /^HTTP\/1\.1 200 OK\r\n/, `in pieces of ${size}`)
    }
  })

  it('a request line and headers beyond all measure are refused, and the gateway lives on', async () => {
    const head = `GET /streams/quakes/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${'a'.repeat(400_000)}\r\n\r\n`
    for (const size of [head.length, 10_000]) {
      const pieces = Array.from({ length: Math.ceil(head.length / size) }, (_, i) =>
        head.slice(i * size, (i + 1) * size),
      )
      assert.match(await exchange(bench.url, pieces), /^(HTTP\/1\.1 4\d\d |$)/)
    }
    assert.equal((await ask('/healthz')).status, 200)
    assert.deepEqual(bench.faults, [])
  })
})

/** Sends pieces in writes of their own; answers the first bytes that come back, '' where the connection ends without any. */
async function exchange(url: string, pieces: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.setNoDelay(true)
  let text = ''
  let over = false
  socket.on('data', (data) => (text += data.toString()))
  socket.on('error', () => (over = true))
  socket.on('close', () => (over = true))
  for (const piece of pieces) {
    // The next piece leaves once the kernel has taken this one, and the gateway has had a turn.
    await new Promise((resolve) => {
      socket.write(piece, () => setTimeout(resolve, 2))
    })
  }
  await until('an answer', () => text !== '' || over || null)
  socket.destroy()
  return text
}
