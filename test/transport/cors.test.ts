import assert from 'node:assert/strict'
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { after, afterEach, before, describe, it, mock } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { loadConfig } from '../../gateway/config.ts'
import { createCors } from '../../gateway/transport/cors.ts'
import { Bench } from '../integration/support/bench.ts'
import { openChromium } from '../integration/support/browser.ts'
import { product, stream } from '../integration/support/product.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const APP = 'https://app.example.com'
const FORMS = ['text/event-stream', 'application/x-ndjson', 'application/json'] as const

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

describe('browsers', () => {
  const benches: Bench[] = []
  const clients: { destroy(): void }[] = []
  let listed: Bench
  let open: Bench
  let closed: Bench
  const started = async (options: Parameters<typeof Bench.start>[0]): Promise<Bench> => {
    const bench = await Bench.start(options)
    benches.push(bench)
    return bench
  }
  before(async () => {
    listed = await started({ corsOrigins: [APP, 'http://127.0.0.1:1'] })
    open = await started({ corsOrigins: ['*'] })
    closed = await started({})
  })
  afterEach(() => clients.splice(0).forEach((client) => client.destroy()))
  after(async () => {
    for (const bench of benches) {
      assert.deepEqual([bench.faults, bench.admissions.counters.dropped], [[], 0])
      await bench.close()
    }
  })

  /** Node's own client decodes nothing, and lets the test send what only browsers may. An endless answer is cut at once. */
  function ask(url: string, headers: { readonly [name: string]: string }, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, headers, agent: false }, (response) => {
        const { statusCode: status = 0, headers: got } = response
        const endless = /event-stream|ndjson/.test(got['content-type'] ?? '')
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve({ status, headers: got, body: Buffer.concat(chunks) }))
        if (!endless) return
        resolve({ status, headers: got, body: Buffer.alloc(0) })
        response.destroy()
      })
      asked.on('error', reject)
      asked.end()
    })
  }
  const bearer = (bench: Bench): { Authorization: string } => ({ Authorization: `Bearer ${bench.token()}` })
  const preflight = (bench: Bench, origin: string, path = '/streams/quakes/events'): Promise<Answer> =>
    ask(
      bench.url + path,
      {
        Origin: origin,
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization,last-event-id',
      },
      'OPTIONS',
    )

  it('a page of a listed origin may read every form of a stream and the catalogue, and the headers that it needs', async () => {
    const paths = [...FORMS.map((accept) => ['/streams/quakes/events', accept]), ['/products', '*/*']]
    for (const [path, accept] of [...paths, ['/products/quakes', '*/*'], ['/errors/forbidden', '*/*']] as const) {
      const { status, headers } = await ask(listed.url + path, {
        ...bearer(listed),
        Accept: accept,
        Origin: APP,
      })
      assert.equal(status, 200, path)
      assert.equal(headers['access-control-allow-origin'], APP)
      assert.match(headers.vary ?? '', /\bOrigin\b/)
      for (const name of ['Link', 'ETag', 'Retry-After', 'WWW-Authenticate', 'RateLimit'])
        assert.ok(headers['access-control-expose-headers']?.split(', ').includes(name), name)
      assert.equal(headers['access-control-allow-credentials'], undefined)
    }
  })

  it('a refusal can be read as well: a page sees why, not a network error', async () => {
    const cases = ['/streams/quakes/events', '/streams/quakes/events?form=x', '/nothing', '/streams']
    for (const path of cases) {
      const { status, headers } = await ask(listed.url + path, { Origin: APP })
      assert.ok(status >= 400, path)
      assert.equal(headers['access-control-allow-origin'], APP, path)
    }
    const tag = (await ask(`${listed.url}/products`, { Origin: APP })).headers.etag as string
    const unchanged = await ask(`${listed.url}/products`, { Origin: APP, 'If-None-Match': tag })
    assert.deepEqual([unchanged.status, unchanged.headers['access-control-allow-origin']], [304, APP])
  })

  it('another origin is told nothing, but caches are told that it matters', async () => {
    for (const origin of [
      'https://app.example.com.evil.test',
      'http://app.example.com',
      'https://APP.example.com',
      'null',
    ]) {
      const { headers } = await ask(`${listed.url}/products`, { Origin: origin })
      assert.equal(headers['access-control-allow-origin'], undefined, origin)
      assert.match(headers.vary ?? '', /\bOrigin\b/)
      const refused = await preflight(listed, origin)
      assert.equal(refused.status, 403)
      assert.equal((JSON.parse(refused.body.toString()) as { code: string }).code, 'forbidden')
    }
    assert.match((await ask(`${listed.url}/products`, {})).headers.vary ?? '', /\bOrigin\b/)
  })

  it('`*` is any origin, for everybody alike', async () => {
    const { headers } = await ask(`${open.url}/products`, { Origin: 'https://who.test' })
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.doesNotMatch(headers.vary ?? '', /Origin/)
    assert.equal((await preflight(open, 'https://who.test')).headers['access-control-allow-origin'], '*')
  })

  it('without a list nothing is said, and OPTIONS is a method like others', async () => {
    for (const accept of FORMS) {
      const { headers } = await ask(closed.stream, { ...bearer(closed), Accept: accept, Origin: APP })
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith('access-control')),
        [],
      )
      assert.doesNotMatch(headers.vary ?? '', /Origin/)
    }
    assert.equal((await preflight(closed, APP)).status, 405)
  })

  it('a preflight needs no token, wherever it asks, and is kept', async () => {
    for (const path of [
      '/streams/quakes/events',
      '/streams/quakes/events?x',
      '/products',
      '/products/none',
      '/nothing',
    ]) {
      const { status, headers, body } = await preflight(listed, APP, path)
      assert.deepEqual([status, body.byteLength], [204, 0], path)
      assert.equal(headers['access-control-allow-origin'], APP)
      assert.match(headers['access-control-allow-methods'] ?? '', /\bGET\b/)
      const allowed = (headers['access-control-allow-headers'] ?? '').toLowerCase().split(', ')
      for (const name of ['authorization', 'last-event-id', 'accept']) assert.ok(allowed.includes(name), name)
      assert.ok(Number(headers['access-control-max-age']) > 0)
    }
  })

  it('a WebSocket of a page that is not listed is refused with 403; of one that is, and of no page, it is let in', async () => {
    const connect = (bench: Bench, origin: string | null, more: object = {}): WsClient => {
      const headers = origin === null ? {} : { Origin: origin }
      const client = new WsClient(`${bench.url}/streams`, { token: bench.token(), headers, ...more })
      clients.push(client)
      return client
    }
    const { body } = await connect(listed, 'https://evil.test').refused()
    const problem = JSON.parse(body) as { status: number; code: string; detail: string }
    assert.deepEqual([problem.status, problem.code], [403, 'forbidden'])
    assert.match(problem.detail, /https:\/\/evil\.test/)
    // A page itself cannot see a status: it is told by the code (protocol.md, «Close codes»).
    const page = connect(listed, 'https://evil.test', { token: undefined, browserToken: listed.token() })
    assert.equal((await page.frame('closing'))['error'], 'forbidden')
    assert.equal((await page.ended()).code, 4403)
    // Pages of our own address, and clients that say the address they connect to, are no strangers.
    for (const origin of [APP, null, listed.url]) await connect(listed, origin).frame('welcome')
    for (const bench of [open, closed]) await connect(bench, 'https://who.test').frame('welcome')
    await until('nobody but those', () => listed.admissions.live === 3 || null)
  })

  it('an origin is our own by the address that was asked, or by the public one', () => {
    const cors = createCors([APP], () => 'https://streams.example.com/weir')
    assert.equal(cors.refusal('https://streams.example.com', '10.0.0.7:8080'), null)
    assert.equal(cors.refusal('http://10.0.0.7:8080', '10.0.0.7:8080'), null)
    assert.equal(cors.refusal('http://streams.example.com', '10.0.0.7:8080')?.code, 'forbidden')
    assert.match(cors.refusal('https://x\u0000\n.test', 'h')?.detail ?? '', /https:\/\/x\.test/)
  })

  it('the list takes origins as browsers write them, and tells what is wrong with others', () => {
    const load = (list: string): ReturnType<typeof loadConfig> =>
      loadConfig({ cwd: tmpdir(), env: { WEIR_ACCESS_CORSORIGINS: list } })
    const good = `${APP},http://localhost:5173,http://[::1]:8080`
    for (const list of [good, '*']) assert.deepEqual(load(list).config?.access.corsOrigins, list.split(','))
    assert.deepEqual(loadConfig({ cwd: tmpdir(), env: {} }).config?.access.corsOrigins, [])
    for (const wrong of [
      `${APP}/`,
      'app.example.com',
      'https://App.example.com',
      `${APP}:443`,
      'https://*.example.com',
      'null',
    ]) {
      const [problem, ...more] = load(wrong).problems
      assert.deepEqual([problem?.key, more.length], ['WEIR_ACCESS_CORSORIGINS', 0], wrong)
      assert.match(problem?.fix ?? '', /an origin as browsers write it/)
    }
  })

  describe('in Chromium', () => {
    let browser: Browser
    let site: Server
    let other: Server
    let bench: Bench
    const originOf = (server: Server): string => `http://localhost:${(server.address() as AddressInfo).port}`
    const serve = async (): Promise<Server> => {
      const server = createServer((_, response) => response.end('<!doctype html><title>page</title>'))
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
      return server
    }
    before(async () => {
      ;[site, other] = [await serve(), await serve()]
      bench = await started({
        corsOrigins: [originOf(site)],
        products: [product({ streams: [stream({ partitions: 1 })] })],
      })
      bench.append({ n: 1 })
      browser = await openChromium()
    })
    after(async () => {
      await browser.close()
      for (const server of [site, other]) {
        server.closeAllConnections()
        server.close()
      }
    })
    async function pageOf(server: Server): Promise<Page> {
      const page = await browser.newPage()
      clients.push({ destroy: () => void page.close().catch(() => undefined) })
      await page.goto(originOf(server))
      return page
    }

    it('a page of a listed origin reads events, lines and pages with a token, and sees `Link` and refusals', async () => {
      const page = await pageOf(site)
      const got = await page.evaluate(
        async ({ url, token, forms }) => {
          const seen: (string | number | null)[] = []
          for (const accept of forms) {
            const headers = { Authorization: `Bearer ${token}`, Accept: accept, 'Last-Event-ID': '' }
            const answer = await fetch(`${url}?from=earliest`, { headers })
            const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
            let text = ''
            while (!text.includes('"n":1')) {
              const { value, done } = await reader.read()
              if (done) break
              text += new TextDecoder().decode(value)
            }
            await reader.cancel()
            seen.push(
              answer.status,
              text.includes('"n":1') ? 'record' : text,
              answer.headers.get('link') === null ? null : 'link',
            )
          }
          const refused = await fetch(url)
          return [...seen, refused.status, refused.headers.get('www-authenticate')?.slice(0, 6) ?? null]
        },
        { url: bench.stream, token: bench.token(), forms: [...FORMS] },
      )
      assert.deepEqual(got, [200, 'record', null, 200, 'record', null, 200, 'record', 'link', 401, 'Bearer'])
    })

    it('a page of another origin reads nothing', async () => {
      const page = await pageOf(other)
      const read = await page.evaluate(
        ({ url, token }) =>
          fetch(url, { headers: { Authorization: `Bearer ${token}` } }).then(
            () => 'read',
            () => 'blocked',
          ),
        { url: bench.stream, token: bench.token() },
      )
      assert.equal(read, 'blocked')
      assert.equal(
        await page.evaluate(
          (url) =>
            fetch(url).then(
              () => 'read',
              () => 'blocked',
            ),
          `${bench.url}/products`,
        ),
        'blocked',
      )
    })

    it('its WebSocket brings records to a listed origin, and the reason to another', async () => {
      const talk = ({ url, token }: { url: string; token: string }): Promise<string> =>
        new Promise((resolve) => {
          const socket = new WebSocket(url.replace('http', 'ws'), ['weir.v1', `bearer.${token}`])
          socket.addEventListener('message', ({ data }) => {
            const { type } = JSON.parse(data as string) as { type: string }
            if (type === 'record') resolve(`${socket.protocol} ${type}`)
          })
          socket.addEventListener('close', ({ code, reason }) => resolve(`${code} ${reason}`))
        })
      const url = `${bench.stream}?from=earliest`
      assert.equal(await (await pageOf(site)).evaluate(talk, { url, token: bench.token() }), 'weir.v1 record')
      assert.equal(await (await pageOf(other)).evaluate(talk, { url, token: bench.token() }), '4403 forbidden')
    })
  })

  describe('gzip', () => {
    let bench: Bench
    before(async () => {
      const streams = Array.from({ length: 40 }, (_, i) => stream({ id: `s${i}`, topic: 'quakes.v1', partitions: 1 }))
      bench = await started({ products: [product({ streams })] })
      for (let n = 0; n < 60; n++) bench.append({ n, text: 'x'.repeat(200) })
    })
    const get = (path: string, accept: string, more: object = {}, method = 'GET'): Promise<Answer> =>
      ask(bench.url + path, { ...bearer(bench), 'Accept-Encoding': accept, ...more }, method)

    it('pages and the catalogue come in gzip to who reads it, and say the same', async () => {
      for (const path of ['/streams/quakes/s0?from=earliest', '/products', '/products/quakes']) {
        const plain = await get(path, 'identity')
        const zipped = await get(path, 'br, gzip;q=0.8')
        assert.equal(zipped.headers['content-encoding'], 'gzip', path)
        assert.ok(zipped.body.byteLength * 3 < plain.body.byteLength)
        assert.equal(Number(zipped.headers['content-length']), zipped.body.byteLength)
        const same = JSON.parse(gunzipSync(zipped.body).toString()) as { cursor?: string }
        assert.deepEqual(same, JSON.parse(plain.body.toString()))
        for (const { headers } of [plain, zipped]) assert.match(headers.vary ?? '', /Accept-Encoding/)
        assert.equal(plain.headers['content-encoding'], undefined)
        assert.equal(zipped.headers['content-type'], plain.headers['content-type'])
      }
    })

    it('who does not read it, and small bodies, get them plain', async () => {
      for (const accept of ['', 'br', 'gzip;q=0', '*, gzip;q=0.0', 'identity'])
        assert.equal((await get('/products', accept)).headers['content-encoding'], undefined, accept)
      for (const accept of ['*', 'GZIP', 'x-gzip', 'deflate , gzip;q=0.001'])
        assert.equal((await get('/products', accept)).headers['content-encoding'], 'gzip', accept)
      const small = await get('/streams/quakes/s0?from=latest', 'gzip')
      assert.deepEqual([small.headers['content-encoding'], small.headers.vary], [undefined, 'Accept-Encoding'])
      assert.equal(
        (await get('/streams/quakes/s0', 'gzip', { Accept: 'text/event-stream' })).headers['content-encoding'],
        undefined,
      )
    })

    it('a tag is of one form, and finds the catalogue unchanged in any', async () => {
      const tags = await Promise.all(
        ['gzip', 'identity'].map(async (accept) => (await get('/products', accept)).headers.etag),
      )
      assert.notEqual(tags[0], tags[1])
      for (const tag of tags)
        for (const accept of ['gzip', 'identity'])
          assert.equal((await get('/products', accept, { 'If-None-Match': tag })).status, 304)
      const head = await get('/products', 'gzip', {}, 'HEAD')
      const { headers } = await get('/products', 'gzip')
      assert.deepEqual(
        [head.status, head.body.byteLength, head.headers['content-length'], head.headers['content-encoding']],
        [200, 0, headers['content-length'], 'gzip'],
      )
    })

    it('a client that leaves while its page is coded leaves nothing behind', async () => {
      const { opened } = bench.admissions.counters
      const fault = mock.method(bench.admissions, 'fault')
      // Cut in every turn from the first one on, so that some are amid the coding.
      for (let turns = 0; turns < 40; turns++) {
        const asked = request(`${bench.url}/streams/quakes/s0?from=earliest`, {
          headers: { ...bearer(bench), 'Accept-Encoding': 'gzip' },
          agent: false,
        })
        asked.on('error', () => undefined)
        asked.end()
        await until('it to have come', () => bench.admissions.counters.opened > opened + turns || null)
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve))
        asked.destroy()
      }
      await until(
        'everybody to have left',
        () => (bench.admissions.live === 0 && bench.hub.stats().subscriptions === 0) || null,
      )
      assert.equal(fault.mock.callCount(), 0)
    })
  })

  describe('behind a proxy that takes a path off', () => {
    const PUBLIC = 'https://example.com/data/weir'
    let bench: Bench
    before(async () => {
      bench = await started({ publicUrl: PUBLIC })
      bench.append({ n: 1 }, { partition: 0 })
    })
    const json = async (
      path: string,
      headers: { readonly [name: string]: string } = bearer(bench),
    ): Promise<[Answer, { readonly [member: string]: unknown }]> => {
      const answer = await ask(bench.url + path, headers)
      return [answer, JSON.parse(answer.body.toString()) as { readonly [member: string]: unknown }]
    }
    const from = `${PUBLIC}/streams/quakes/events`

    it('Link, sources, catalogue, metadata and types of problems lead through it', async () => {
      const [page, { records }] = await json('/streams/quakes/events?from=earliest&format=cloudevents')
      assert.match(String(page.headers.link), new RegExp(`^<${from}\\?`))
      assert.equal((records as { source: string }[])[0]?.source, from)
      const [, catalogue] = await json('/products')
      const [{ streams }] = catalogue['products'] as [{ streams: [{ url: string }] }]
      assert.equal(new URL(streams[0].url, `${PUBLIC}/products`).href, from)
      const [refused, problem] = await json('/streams/quakes/events', {})
      assert.equal(new URL(problem['type'] as string, from).href, `${PUBLIC}/errors/unauthenticated`)
      const metadata = `${PUBLIC}/.well-known/oauth-protected-resource`
      assert.equal(refused.headers['www-authenticate'], `Bearer resource_metadata="${metadata}"`)
      assert.equal((await json('/.well-known/oauth-protected-resource'))[1]['resource'], PUBLIC)
      const client = new WsClient(`${bench.url}/streams`, { token: bench.token(), protocols: ['cloudevents.json'] })
      clients.push(client)
      assert.equal((await client.frame('io.weir.welcome'))['source'], `${PUBLIC}/streams`)
    })
  })
})
