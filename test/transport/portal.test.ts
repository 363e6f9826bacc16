import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { createPortal } from '../../gateway/portal/portal.ts'
import { isNear } from '../../gateway/transport/near.ts'
import type { PortalContext } from '../../gateway/transport/portal.ts'
import { Bench } from '../integration/support/bench.ts'
import { parameter, product, stream } from '../integration/support/product.ts'
import { ALL, HOSTILE, hostileProduct } from '../portal/hostile.ts'

const SCHEMA = {
  type: 'object',
  properties: { magnitude: { type: 'number', description: 'How strong.' }, place: { type: 'string' } },
}
const STREAM = stream({
  schema: SCHEMA,
  filterable: [{ name: 'magnitude', path: ['magnitude'], type: 'number' }],
  kinds: [
    {
      name: 'quake',
      title: null,
      summary: null,
      description: null,
      examples: [{ name: 'main', summary: 'The shock.', payload: { magnitude: 6.4 } }],
    },
  ],
})
const PRODUCTS = [
  product({ streams: [STREAM, stream({ id: 'in', topic: 'in.v1', expose: 'write' })] }),
  product({
    id: 'two',
    title: 'Two streams',
    streams: [
      stream({ id: 'a', topic: 'a.v1' }),
      stream({ id: 'b', topic: 'b.v1', parameters: [parameter('city', { examples: ["O'Brien & co"] })] }),
    ],
  }),
  product({ id: 'hidden', title: 'Hush', visibility: 'private', streams: [stream({ topic: 'h.v1' })] }),
  { ...hostileProduct(), id: 'hostile' },
]
const TOKEN = 'made.for.you'
/** All that a page is made of. */
const TAGS =
  '!doctype html head meta title link script body a header img span main div nav h1 h2 h3 p ul ol li code dl dt dd section small pre noscript form fieldset label input select option button details summary table thead tbody tr th td figure figcaption article footer'.split(
    ' ',
  )

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

describe('pages for people', () => {
  const portal: PortalContext = {
    pages: createPortal(),
    publicUrl: null,
    issuers: ['https://idp.example.com'],
    developmentToken: async () => ({ token: TOKEN, expiresAt: 0 }),
  }
  let bench: Bench
  const others: Bench[] = []
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS, portal, corsOrigins: ['*'] })
  })
  after(async () => {
    for (const one of [bench, ...others]) await one.close()
  })
  const another = async (options: Parameters<typeof Bench.start>[0]): Promise<Bench> => {
    const made = await Bench.start({ products: PRODUCTS, ...options })
    others.push(made)
    return made
  }

  it('the catalogue, a product and one of its streams have pages, which hold what one needs without any script', async () => {
    const home = await get('/')
    assert.equal(home.status, 200)
    assert.equal(home.headers['content-type'], 'text/html; charset=utf-8')
    assert.match(home.text, /<a href="\/p\/quakes">Quakes<\/a>/)
    const { text } = await get('/p/quakes')
    for (const wanted of [
      'magnitude',
      'How strong.',
      'main: The shock.',
      '&quot;magnitude&quot;: 6.4',
      'as far as the topic keeps',
    ])
      assert.ok(text.includes(wanted), wanted)
    assert.ok(text.includes(`Bearer $TOKEN&quot; &#39;${bench.stream}&#39;`))
    assert.doesNotMatch(text, /streams\/quakes\/in|quakes\.v1/, 'what partners cannot read, and names of topics')
    const two = await get('/p/two')
    assert.match(two.text, /href="\/p\/two\/a"[^]*href="\/p\/two\/b"/)
    assert.doesNotMatch(two.text, /class="live"/)
    const b = await get('/p/two/b')
    assert.match(b.text, /class="live"/)
    assert.ok(b.text.includes('/streams/two/b?param.city=O%27Brien%20%26%20co&#39;'))
  })

  it('what is not public is on no page, and nothing tells that it is there', async () => {
    assert.doesNotMatch((await get('/')).text, /Hush|hidden/)
    const [hidden, nothing] = [await get('/p/hidden'), await get('/p/nothing')]
    assert.deepEqual([hidden.status, nothing.status], [404, 404])
    assert.equal(hidden.text, nothing.text)
    for (const path of ['/p/hidden/events', '/p/quakes/in', '/p/quakes/events/more', '/p/', '/p/__proto__'])
      assert.equal((await get(path)).status, 404, path)
  })

  it('what the type of a problem names is a page for people, and Markdown for programs, as before', async () => {
    const page = await get('/errors/slow', { Accept: 'text/html,*/*;q=0.8' })
    assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
    assert.match(page.text, /<h1>The connection took nothing for too long<\/h1>[^]*4001/)
    const plain = await get('/errors/slow', { Accept: '*/*' })
    assert.equal(plain.headers['content-type'], 'text/markdown; charset=utf-8')
    for (const { headers } of [page, plain]) assert.match(String(headers.vary), /\bAccept\b(?!-)/)
    for (const code of ['nothing', 'toString', '%3Cb%3E'])
      assert.equal((await get(`/errors/${code}`, { Accept: 'text/html' })).status, 404)
  })

  it('every address of the gateway that a page names answers', async () => {
    for (const path of ['/', '/p/quakes', '/p/two', '/p/two/b', '/errors/slow']) {
      const { text } = await get(path, { Accept: 'text/html' })
      const links = [...text.matchAll(/href="(\/[^"]*)"/g)].map(([, link]) => link as string)
      if (path === '/p/quakes') assert.ok(links.includes('/products/quakes/asyncapi.json'))
      for (const link of links) if (!link.includes('/p/hostile')) assert.equal((await get(link)).status, 200, link)
      const anchors = [...text.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id as string)
      for (const id of anchors) assert.ok(text.includes(`id="${id}"`), `#${id} on ${path}`)
    }
  })

  it('JSON stays what it was, whatever the reader accepts', async () => {
    const headers = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    for (const path of ['/products', '/products/quakes']) {
      const answer = await get(path, headers)
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
      JSON.parse(answer.text)
    }
  })

  it('nothing runs, styles or is fetched but from the gateway itself, and nobody frames a page', async () => {
    const { headers } = await get('/p/quakes')
    const host = new URL(bench.url).host
    const policy = String(headers['content-security-policy']).split('; ')
    assert.deepEqual(policy.toSorted(), [
      "base-uri 'none'",
      `connect-src 'self' ws://${host} wss://${host}`,
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
    ])
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
  })

  it('hostile words of a document are text wherever they stand', async () => {
    for (const path of ['/', '/p/hostile', '/p/hostile/events']) {
      const { text, status } = await get(path)
      assert.equal(status, 200)
      for (const one of HOSTILE) if (/[<>"']/.test(one)) assert.ok(!text.includes(one), `${one} on ${path}`)
      const tags = new Set([...text.matchAll(/<\/?([^\s>]*)/g)].map(([, name]) => name ?? ''))
      assert.deepEqual(
        [...tags].filter((tag) => !TAGS.includes(tag)),
        [],
      )
      assert.doesNotMatch(text, /(?:href|src)="(?!\/|#|https?:|mailto:)/)
    }
  })

  it('a page has a tag, which is asked for in a line; files keep their names for ever', async () => {
    const page = await get('/p/quakes')
    const again = await get('/p/quakes', { 'If-None-Match': String(page.headers.etag) })
    assert.deepEqual([again.status, again.text, page.headers['cache-control']], [304, '', 'no-cache'])
    const files = [...page.text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string)
    assert.deepEqual(
      new Set(files.map((file) => file.split('/').at(-1))),
      new Set(['mark.svg', 'style.css', 'live.css', 'live.js']),
    )
    for (const file of files) {
      const { status, headers } = await get(file)
      assert.equal(status, 200)
      assert.match(String(headers['cache-control']), /immutable/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal((await get(file, { 'If-None-Match': `W/${headers.etag}` })).status, 304)
    }
    const old = await get('/assets/older/portal/style.css')
    assert.deepEqual([old.status, old.headers['cache-control']], [200, 'no-cache'])
    for (const path of [
      '/assets/',
      '/assets/x/portal/live.ts',
      '/assets/x/../../package.json',
      '/assets/x/gateway/main.js',
    ])
      assert.equal((await get(path)).status, 404, path)
  })

  it('every module that the script names is there', async () => {
    const seen = new Set<string>()
    const visit = async (url: string): Promise<void> => {
      if (seen.has(url)) return
      seen.add(url)
      const { status, headers, text } = await get(new URL(url).pathname)
      assert.deepEqual([status, headers['content-type']], [200, 'text/javascript; charset=utf-8'], url)
      assert.doesNotMatch(text, /sourceMappingURL/)
      for (const [, name] of text.matchAll(/^(?:import|export)\s[^'"();]*\bfrom '([^']+)'/gm))
        await visit(new URL(name as string, url).href)
    }
    const script = /src="([^"]+live\.js)"/.exec((await get('/p/quakes')).text)?.[1]
    await visit(`${bench.url}${script}`)
    assert.ok(
      [...seen].some((url) => url.endsWith('/client/follow.js')),
      [...seen].join(),
    )
  })

  it('addresses to copy are those by which the reader came, and a host that is none gets nowhere', async () => {
    const named = await get('/p/quakes', { Host: 'streams.example.com:8443' })
    assert.ok(named.text.includes('http://streams.example.com:8443/streams/quakes/events'))
    for (const Host of ["a'b", 'a"; script-src *', 'a/b', 'x'.repeat(300), '<script>']) {
      const { text, headers } = await get('/p/quakes', { Host })
      assert.ok(text.includes(`${bench.url}/streams/quakes/events`), Host)
      assert.ok(!String(headers['content-security-policy']).includes(Host))
    }
  })

  it('behind a proxy that takes a path off, every address has it', async () => {
    const publicUrl = 'https://example.com/weir'
    const { url } = await another({ portal: { ...portal, publicUrl }, publicUrl })
    const { text, headers } = await get('/p/quakes', {}, url)
    for (const [, path] of text.matchAll(/(?:href|src|data-stream)="(\/[^"]*)"/g))
      assert.ok(path?.startsWith('/weir/'), path)
    assert.ok(text.includes('https://example.com/weir/streams/quakes/events'))
    assert.ok(text.includes('wss://example.com/weir/streams/quakes/events'))
    assert.match(String(headers['content-security-policy']), / wss:\/\/example\.com/)
  })

  it('a gateway without a portal has no page, no file and no token to give', async () => {
    const { url } = await another({})
    for (const path of ['/', '/p/quakes', '/assets/x/portal/style.css']) {
      const answer = await get(path, {}, url)
      assert.deepEqual([answer.status, answer.headers['content-type']], [404, 'application/problem+json'], path)
    }
    assert.equal((await post({}, url)).status, 404)
  })

  it('only GET and HEAD are served', async () => {
    assert.equal((await ask('POST', '/', {}, bench.url)).status, 405)
    const head = await ask('HEAD', '/p/quakes', {}, bench.url)
    assert.deepEqual([head.status, head.text], [200, ''])
  })

  it('a development token is given to a page on this machine, and offered on it', async () => {
    const host = new URL(bench.url).host
    const { status, headers, text } = await post({ Origin: bench.url })
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(text), { token: TOKEN, expiresAt: '1970-01-01T00:00:00.000Z' })
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers['cache-control'], 'no-store')
    const local = host.replace('127.0.0.1', 'localhost')
    assert.equal((await post({ Host: local, Origin: `http://${local}` })).status, 200)
    assert.match((await get('/p/quakes')).text, /data-token="\/development-token"/)
    assert.match((await get('/p/quakes', { 'X-Forwarded-For': '10.0.0.1' })).text, /data-token=""/)
    assert.match((await get('/p/quakes', { Host: 'evil.example' })).text, /data-token=""/)
  })

  const STRANGERS: readonly (readonly [string, () => { [name: string]: string }])[] = [
    ['a page of another origin', () => ({ Origin: 'https://evil.example' })],
    ['a page of another port', () => ({ Origin: 'http://127.0.0.1:1' })],
    ['a page without an origin of its own', () => ({ Origin: 'null' })],
    ['whoever is no page', () => ({})],
    ['a page whose name was pointed here', () => ({ Host: 'evil.example', Origin: 'http://evil.example' })],
    ['a client of a proxy on this machine', () => ({ Origin: bench.url, 'X-Forwarded-For': '203.0.113.7' })],
    ['a client of another proxy', () => ({ Origin: bench.url, Forwarded: 'for=203.0.113.7' })],
    ['a client of a third', () => ({ Origin: bench.url, Via: '1.1 edge' })],
  ]
  for (const [who, headers] of STRANGERS) {
    it(`a development token is not given to ${who}`, async () => {
      const { status, text } = await post(headers())
      assert.equal(status, 403)
      assert.ok(!text.includes(TOKEN))
    })
  }

  it('it is not given by GET, nor where there is none to give', async () => {
    assert.equal((await get('/development-token', { Origin: bench.url })).status, 404)
    const { url } = await another({ portal: { ...portal, developmentToken: null } })
    assert.equal((await post({ Origin: url }, url)).status, 404)
    const { text } = await get('/p/quakes', {}, url)
    assert.match(text, /data-token=""/)
    assert.match(text, /Tokens come from https:\/\/idp\.example\.com\./)
  })

  it('a fault while one is made is told as ours, without its words', async () => {
    const { url } = await another({
      portal: { ...portal, developmentToken: () => Promise.reject(new Error('secret')) },
    })
    const { status, text } = await post({ Origin: url }, url)
    assert.equal(status, 500)
    assert.doesNotMatch(text, /secret/)
  })

  it('loopback is 127.0.0.0/8, ::1, and the former within IPv6, and nothing else', () => {
    const near = (...bytes: number[]): boolean =>
      isNear({ forwarded: '', host: 'localhost:8080' }, Uint8Array.from(bytes))
    const v6 = (...tail: number[]): number[] => [...Array.from({ length: 16 - tail.length }, () => 0), ...tail]
    assert.ok(near(127, 0, 0, 1) && near(127, 9, 9, 9) && near(...v6(1)) && near(...v6(0xff, 0xff, 127, 0, 0, 1)))
    assert.ok(
      !near(10, 0, 0, 1) && !near(...v6(2)) && !near(...v6(0xff, 0xff, 10, 0, 0, 1)) && !near() && !near(...v6(0)),
    )
    assert.ok(!near(...v6(127, 0, 0, 1)) && !near(0x20, 1, ...v6(1).slice(2)))
  })

  it('words of a document do not grow without bound on a page', async () => {
    const long = { ...hostileProduct(), id: 'long', description: ALL.repeat(5_000) }
    const { url } = await another({ products: [long], portal })
    assert.ok((await get('/p/long', {}, url)).text.length < 200_000)
  })

  const get = (path: string, headers: { [name: string]: string } = {}, url = bench.url): Promise<Answer> =>
    ask('GET', path, headers, url)
  const post = (headers: { [name: string]: string }, url = bench.url): Promise<Answer> =>
    ask('POST', '/development-token', headers, url)
})

/** Unlike `fetch` it sends any `Host` and `Origin`. */
function ask(method: string, path: string, headers: { [name: string]: string }, url: string): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ method, hostname, port, path, headers, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
    })
    asked.on('error', reject).end()
  })
}
