import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { after, afterEach, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Slice, Source } from '../../gateway/stream/source.ts'
import { assertPage } from '../contract/wire.ts'
import { Bench, type BenchOptions } from '../integration/support/bench.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024

interface Page {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly next: string
  readonly records: readonly Frame[]
  readonly gaps: readonly Frame[]
  readonly notices: readonly Frame[]
  readonly cursor: string
  readonly caughtUp: boolean
  /** Of a refusal. */
  readonly code?: string
  readonly parameter?: string
  readonly detail?: string
}

describe('pages', () => {
  const benches: Bench[] = []
  const clients: { destroy(): void }[] = []
  let bench: Bench
  before(async () => {
    bench = await started()
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    for (const each of benches) {
      await until(
        'everybody to have left',
        () => (each.admissions.live === 0 && each.hub.stats().subscriptions === 0) || null,
      )
      assert.deepEqual([each.faults, each.admissions.counters.dropped], [[], 0])
    }
    for (const each of benches.splice(1)) await each.close()
  })
  after(() => bench.close())

  async function started(options: BenchOptions = {}): Promise<Bench> {
    const made = await Bench.start(options)
    benches.push(made)
    return made
  }
  const withStream = (more: Parameters<typeof stream>[0], plan = {}, options: BenchOptions = {}): Promise<Bench> =>
    started({ products: [product({ streams: [stream(more)], plans: [pricePlan(plan)] })], ...options })

  async function get(url: string, at = bench, headers: { [name: string]: string } = {}): Promise<Page> {
    const answer = await fetch(url.startsWith('?') || url === '' ? at.stream + url : url, {
      headers: { Authorization: `Bearer ${at.token()}`, Accept: 'application/json', ...headers },
      signal: AbortSignal.timeout(20_000),
    })
    const text = await answer.text()
    if (answer.ok) assertPage(JSON.parse(text))
    const next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? ''
    return { ...(JSON.parse(text) as Page), status: answer.status, headers: answer.headers, text, next }
  }
  /** Asks and asks again until nothing more is there. */
  async function walk(first: string, at = bench, each: (page: Page) => void = () => undefined): Promise<Frame[]> {
    const records: Frame[] = []
    for (let url = first; ;) {
      const page = await get(url, at)
      assert.equal(page.status, 200, page.text)
      records.push(...page.records)
      each(page)
      if (page.caughtUp) return records
      url = page.next
    }
  }
  const ids = (records: readonly Frame[]): string[] => records.map(({ id }) => id as string)
  const waiting = async (at: Bench, count = 1): Promise<void> => {
    await until('pages that wait', () => at.hub.stats().riding === count || null)
  }
  function assertWhole(records: readonly Frame[], counts: readonly number[]): void {
    counts.forEach((count, partition) => {
      const own = ids(records).filter((id) => id.startsWith(`${partition}-`))
      assert.deepEqual(
        own,
        Array.from({ length: count }, (_, offset) => `${partition}-${offset}`),
      )
    })
  }

  for (const limit of [1, 7, 1000] as const) {
    it(`walking from the start with limit ${limit} gives the log, each record once, never more at a time`, async () => {
      const own = await started()
      const count = { 1: 60, 7: 300, 1000: 2500 }[limit]
      for (let n = 0; n < count; n++)
        own.append({ n, text: 'x'.repeat((n * 37) % 400) }, { partition: n % 5 === 0 ? 1 : 0 })
      let pages = 0
      const records = await walk(`?from=earliest&limit=${limit}`, own, (page) => {
        pages++
        assert.ok(page.records.length <= limit, `${page.records.length} records`)
        // No page is thin without a reason.
        if (!page.caughtUp) assert.equal(page.records.length, limit)
      })
      assertWhole(records, [count - Math.ceil(count / 5), Math.ceil(count / 5)])
      assert.ok(pages <= count / limit + 2, `${pages} pages`)
    })
  }

  it('the default is 100 records, each as everywhere else, with the cursor of the page after the last one', async () => {
    const own = await started()
    for (let n = 0; n < 101; n++) own.append({ n }, { partition: 0, key: 'k' })
    const page = await get('?from=earliest', own)
    assert.deepEqual(Object.keys(JSON.parse(page.text) as object), ['records', 'gaps', 'notices', 'cursor', 'caughtUp'])
    assert.equal(page.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.deepEqual(Object.keys(page.records[0] ?? {}), ['type', 'id', 'cursor', 'time', 'key', 'headers', 'data'])
    assert.deepEqual([page.records.length, page.caughtUp], [100, false])
    assert.equal(page.records.at(-1)?.['cursor'], page.cursor)
    assert.deepEqual(ids((await get(page.next, own)).records), ['0-100'])
  })

  it('whatever Accept says that is not an endless form, the answer is a page', async () => {
    for (const accept of ['*/*', 'application/json', 'text/html', 'text/event-stream;q=0']) {
      const page = await get('', bench, { Accept: accept })
      assert.deepEqual([page.status, page.records, page.caughtUp], [200, [], true], accept)
    }
    const { stdout } = await run('curl', ['-sS', '-H', `Authorization: Bearer ${bench.token()}`, bench.stream])
    assert.match(stdout, /^\{"records":\[\],"gaps":\[\],"notices":\[\],"cursor":"w1\.[\w-]+","caughtUp":true\}\n$/)
  })

  it('walking while records are appended misses none and repeats none', async () => {
    const own = await started()
    const COUNT = 1500
    let appended = 0
    const append = (upTo: number): void => {
      for (; appended < Math.min(upTo, COUNT); appended++) own.append({ n: appended }, { partition: appended % 2 })
    }
    append(200)
    const records: Frame[] = []
    for (let url = '?from=earliest&limit=40'; records.length < COUNT;) {
      const page = get(url, own)
      append(appended + 60)
      const { records: some, next } = await page
      records.push(...some)
      url = next
    }
    assertWhole(records, [COUNT / 2, COUNT / 2])
  })

  it('a wide topic, whose records carry few cursors, is walked without one twice', async () => {
    const own = await withStream({ partitions: 40 })
    for (let n = 0; n < 2000; n++) own.append({ n }, { partition: n % 40 })
    const records = await walk('?from=earliest&limit=33', own)
    assertWhole(
      records,
      Array.from({ length: 40 }, () => 50),
    )
  })

  it('an empty page waits for the first record, and no longer', async () => {
    const page = get('?wait=PT30S')
    await waiting(bench)
    bench.append({ n: 'first' }, { partition: 0 })
    bench.append({ n: 'second' }, { partition: 1 })
    const { records, caughtUp, next } = await page
    assert.deepEqual([records.map(({ data }) => data), caughtUp], [[{ n: 'first' }, { n: 'second' }], true])
    const after = get(next)
    await waiting(bench)
    bench.append({ n: 'third' })
    assert.deepEqual(
      (await after).records.map(({ data }) => data),
      [{ n: 'third' }],
    )
  })

  it('a page that waits in vain is empty once its time is over, and the next one misses nothing', async () => {
    let over = false
    const page = get('?wait=PT20S&limit=5')
    void page.then(() => (over = true))
    await waiting(bench)
    bench.pass(19_000)
    await get('')
    assert.equal(over, false)
    bench.append(Buffer.from('seen'), { partition: 0 })
    assert.equal((await page).records[0]?.type, 'invalid')
    const vain = get('?wait=PT20S')
    await waiting(bench)
    bench.pass(20_000)
    const { status, records, caughtUp, next } = await vain
    assert.deepEqual([status, records, caughtUp], [200, [], true])
    bench.append({ n: 'between' })
    assert.deepEqual(
      (await get(next)).records.map(({ data }) => data),
      [{ n: 'between' }],
    )
  })

  it('without `wait` a page at the end of the log does not wait', async () => {
    const { records, caughtUp } = await get('?from=latest')
    assert.deepEqual([records, caughtUp], [[], true])
  })

  it('a page stays within 1 MiB; a single larger record comes alone', async () => {
    const own = await started({ limits: { recordBytesMax: 16 * MIB } })
    const sizes = [...Array<number>(6).fill(300_000), 3 * MIB, 10, ...Array<number>(700).fill(2_000)]
    for (const size of sizes) own.append({ text: 'x'.repeat(size) }, { partition: 0 })
    const counts: number[] = []
    const records = await walk('?from=earliest&limit=1000', own, ({ text, records: some }) => {
      counts.push(some.length)
      assert.ok(text.length <= MIB || some.length === 1, `${some.length} records in ${text.length} bytes`)
    })
    assertWhole(records, [sizes.length])
    assert.deepEqual(counts.slice(0, 3), [3, 3, 1])
    // Few wanted and large ones there: the size counts all the same, and no record is lost on the way.
    assertWhole(
      await walk('?from=earliest&limit=5', own, ({ text, records: some }) =>
        assert.ok(text.length <= MIB || some.length === 1),
      ),
      [sizes.length],
    )
  })

  it('a large page reaches a slow client whole, and counts as a connection until it has', async () => {
    const own = await started({ limits: { recordBytesMax: 16 * MIB } })
    own.append({ text: 'y'.repeat(15 * MIB) })
    const chunks: Buffer[] = []
    let ended = false
    const asked = request(
      `${own.stream}?from=earliest`,
      { headers: { Authorization: `Bearer ${own.token()}` }, agent: false },
      (response) => {
        response.pause()
        response.on('data', (bytes: Buffer) => chunks.push(bytes))
        response.on('end', () => (ended = true))
        void until('the page to be on its way', () => own.hub.stats().subscriptions === 0 || null).then(() => {
          assert.equal(own.admissions.live, 1)
          response.resume()
        })
      },
    )
    asked.end()
    await until('the end', () => ended || null)
    const page = JSON.parse(Buffer.concat(chunks).toString()) as Page
    assert.equal(page.records.map(({ data }) => (data as { text: string }).text.length)[0], 15 * MIB)
    await until('the connection to be free', () => own.admissions.live === 0 || null)
  })

  it('records that will never come are told in `gaps`, also where nothing else is there', async () => {
    const own = await started()
    for (let n = 0; n < 10; n++) own.append({ n }, { partition: 0 })
    const { cursor, next } = await get('?from=earliest&limit=3', own)
    own.memory.deleteRecordsBefore('quakes.v1', 0, 8)
    const page = await get(next, own)
    assert.deepEqual(ids(page.records), ['0-8', '0-9'])
    assert.deepEqual(
      page.gaps.map(({ type, reason, offsets }) => ({ type, reason, offsets })),
      [{ type: 'gap', reason: 'retention', offsets: 5 }],
    )
    own.memory.deleteRecordsBefore('quakes.v1', 0, 10)
    const only = await get(`?from=${cursor}&wait=PT30S`, own)
    assert.deepEqual([only.records, only.gaps.length, only.caughtUp], [[], 1, true])
    assert.deepEqual((await get(`?from=${only.cursor}`, own)).gaps, [])
  })

  it('the horizon of the plan and a topic made anew are gaps as well', async () => {
    const own = await withStream({ partitions: 1 }, { replayHorizonMs: 3_600_000 })
    const now = own.clock.now()
    own.append({ n: 0 }, { time: now - 7_200_000 })
    own.append({ n: 1 }, { time: now })
    const start = await get(`?from=${new Date(now - 10_000_000).toISOString()}`, own)
    assert.deepEqual([ids(start.records), start.gaps.map(({ reason }) => reason)], [['0-1'], ['horizon']])
    own.memory.recreate('quakes.v1')
    own.append({ n: 2 })
    const page = await get(start.next, own)
    assert.deepEqual([ids(page.records), page.gaps.map(({ reason }) => reason)], [['1.0-0'], ['reset']])
  })

  it('records that a stream leaves out are counted in `notices`, and the cursor is behind them', async () => {
    const own = await withStream({ invalid: 'skip', partitions: 1 })
    for (let n = 0; n < 6; n++) own.append(n % 2 === 0 ? { n } : Buffer.from('{'))
    const page = await get('?from=earliest', own)
    assert.deepEqual([page.records.length, page.caughtUp], [3, true])
    assert.deepEqual(page.notices, [{ type: 'notice', kind: 'invalid', count: 3 }])
    const after = await get(page.next, own)
    assert.deepEqual([after.records, after.notices], [[], []])
  })

  it('a cursor goes from a page to WebSocket and SSE and back', async () => {
    const own = await started()
    for (let n = 0; n < 40; n++) own.append({ n }, { partition: n % 2 })
    const first = await get('?from=earliest&limit=10', own)
    const socket = new WsClient(`${own.stream}?from=${first.cursor}`, { token: own.token() })
    clients.push(socket)
    await until('30 records', () => socket.records.length === 30 || null)
    const events = new SseClient(own.stream, {
      token: own.token(),
      lastEventId: socket.records[9]?.['cursor'] as string,
    })
    clients.push(events)
    await until('20 records', () => events.records.length === 20 || null)
    const back = await walk(`?limit=4&lastEventId=${events.records[4]?.['cursor'] as string}`, own)
    assertWhole([...first.records, ...socket.records.slice(0, 10), ...events.records.slice(0, 5), ...back], [20, 20])
    assert.equal((await get('', own, { 'Last-Event-ID': first.cursor })).records.length, 30)
  })

  it('the link asks for the same again, from the cursor on', async () => {
    const { cursor } = await get('?limit=7')
    const page = await get(`?limit=7&from=earliest&lastEventId=${cursor}&wait=PT0S&format=record`)
    const next = new URL(page.next)
    assert.equal(next.origin + next.pathname, bench.stream)
    assert.deepEqual(
      [...next.searchParams],
      [
        ['limit', '7'],
        ['from', page.cursor],
        ['wait', 'PT0S'],
        ['format', 'record'],
      ],
    )
  })

  for (const [query, parameter, said] of [
    ['?limit=0', 'limit', /from 1 to 1000; «0» is not/],
    ['?limit=1001', 'limit', /from 1 to 1000/],
    ['?limit=1e2', 'limit', /whole number/],
    ['?limit=', 'limit', /whole number/],
    ['?limit=5&limit=5', 'limit', /given twice/],
    ['?wait=PT31S', 'wait', /up to PT30S; «PT31S» is not/],
    ['?wait=-PT1S', 'wait', /ISO 8601 duration/],
    ['?wait=20', 'wait', /Did you mean `PT20S`/],
    ['?limt=5', 'limt', /did you mean `limit`/],
  ] as const) {
    it(`${query} is refused by name`, async () => {
      const problem = await get(query)
      assert.deepEqual([problem.status, problem.code, problem.parameter], [400, 'bad-parameter', parameter])
      assert.match(problem.detail ?? '', said)
    })
  }

  it('limit and wait are refused where there is no page', async () => {
    const events = new SseClient(`${bench.stream}?limit=5`, { token: bench.token() })
    clients.push(events)
    await until('the refusal', () => (events.status === 400 && events.body) || null)
    assert.match(events.body, /`limit` belongs to pages/)
    const socket = new WsClient(`${bench.url}/streams`, { token: bench.token() })
    clients.push(socket)
    await socket.open()
    socket.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events', wait: 'PT1S' })
    assert.match((await socket.frame('error'))['detail'] as string, /`wait` belongs to pages/)
  })

  it('what keeps a page from beginning is told with its status', async () => {
    const own = await withStream({}, {}, { limits: { connectionsMax: 1 } })
    const first = get('?wait=PT30S', own)
    await waiting(own)
    const second = await get('', own)
    assert.deepEqual([second.status, second.code], [429, 'too-many-connections'])
    assert.match(second.headers.get('retry-after') ?? '', /^\d+$/)
    own.append({ n: 1 })
    await first
    own.memory.deleteTopic('quakes.v1')
    const third = await get('?from=earliest', own)
    assert.deepEqual([third.status, third.code], [503, 'source-unavailable'])
    assert.match(third.headers.get('retry-after') ?? '', /^\d+$/)
    assert.equal((await get('', own, { Authorization: 'Bearer x' })).status, 401)
  })

  it('a log that goes away under a page that waits is 503, not an empty page that says all is well', async () => {
    const own = await started()
    const page = get('?wait=PT20S', own)
    await waiting(own)
    own.memory.deleteTopic('quakes.v1')
    await until('the log to be missed', () => own.hub.stats().down === 1 || null)
    own.pass(20_000)
    const { status, code } = await page
    assert.deepEqual([status, code], [503, 'source-unavailable'])
  })

  it('a page that finds nothing for a second says so and lets the client go on from there', async () => {
    const own = await started({ source: (memory) => new Silent(memory) })
    own.append({ n: 1 })
    const page = get('?from=earliest&wait=PT30S', own)
    await until('it to read', () => own.hub.stats().reads === 1 || null)
    own.pass(500)
    assert.equal(own.hub.stats().subscriptions, 1)
    own.pass(500)
    const { status, records, caughtUp } = await page
    assert.deepEqual([status, records, caughtUp], [200, [], false])
  })

  it('a token that expires ends the wait with 401; a node that goes away, with an empty page', async () => {
    const own = await started()
    const expiring = get('?wait=PT30S', own, { Authorization: `Bearer ${own.token({ ttlMs: 10_000 })}` })
    await waiting(own)
    own.pass(10_000)
    const { status, code } = await expiring
    assert.deepEqual([status, code], [401, 'token-expired'])
    const left = get('?wait=PT30S', own)
    await waiting(own)
    await own.admissions.drain(1_000)
    const page = await left
    assert.deepEqual([page.status, page.records, page.caughtUp], [200, [], true])
    assert.equal((await get('', own)).status, 503)
  })

  it('a client that leaves is forgotten at once', async () => {
    const gone = new AbortController()
    const page = fetch(`${bench.stream}?wait=PT30S`, {
      headers: { Authorization: `Bearer ${bench.token()}` },
      signal: gone.signal,
    })
    await waiting(bench)
    gone.abort()
    await assert.rejects(page)
    await until(
      'nobody to be left',
      () => (bench.admissions.live === 0 && bench.hub.stats().subscriptions === 0) || null,
    )
  })

  it('a hundred pages that wait for the same record all get it, and delay no stream', async () => {
    const events = new SseClient(bench.stream, { token: bench.token() })
    clients.push(events)
    const pages = Array.from({ length: 100 }, () => get('?wait=PT30S&limit=3'))
    await waiting(bench, 101)
    for (let n = 0; n < 20; n++) bench.append({ n }, { partition: 0 })
    await until('20 events', () => events.records.length === 20 || null)
    for (const page of await Promise.all(pages))
      assert.deepEqual(
        page.records.map(({ data }) => data),
        [{ n: 0 }, { n: 1 }, { n: 2 }],
      )
  })
})

/** A log that never gets to an answer. */
class Silent implements Source {
  readonly locate: Source['locate']
  readonly follow: Source['follow']
  constructor(inner: Source) {
    this.locate = inner.locate.bind(inner)
    this.follow = inner.follow.bind(inner)
  }
  read(): Promise<readonly Slice[]> {
    return new Promise(() => undefined)
  }
  async close(): Promise<void> {}
}
