import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { FilterField } from '../../gateway/catalog/plan.ts'
import { decodeCursor, streamTag, type Cursor } from '../../gateway/stream/cursor.ts'
import { Bench } from '../integration/support/bench.ts'
import { product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'
import { ENDLESS, type Listener } from './endless.ts'

const FIELDS: readonly FilterField[] = [
  { name: 'magnitude', path: ['magnitude'], type: 'number' },
  { name: 'region', path: ['region'], type: 'string' },
  { name: 'geometry.depth', path: ['geometry', 'depth'], type: 'number' },
]
const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    magnitude: { type: 'number' },
    region: { type: 'string' },
    geometry: { type: 'object', properties: { depth: { type: 'number' } } },
  },
}
const PRODUCTS = [product({ streams: [stream({ schema: SCHEMA, filterable: FIELDS, partitions: 1 })] })]

describe('where and fields', () => {
  let bench: Bench
  const clients: { destroy(): void }[] = []
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client)
    return client
  }
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS })
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual([bench.faults, bench.admissions.counters.dropped], [[], 0])
  })
  after(() => bench.close())

  let written = 0
  /** Regions alternate, magnitudes climb from 0 to 9. */
  function quake(): void {
    const n = written++
    bench.append({ n, magnitude: n % 10, region: n % 2 === 0 ? 'JP' : 'CL', geometry: { depth: n, unit: 'km' } })
  }
  const query = (parameters: { readonly [name: string]: string }): string =>
    `?${new URLSearchParams(parameters).toString()}`
  const numbers = (frames: readonly Frame[]): number[] =>
    frames.filter(({ type }) => type === 'record').map(({ data }) => (data as { n: number }).n)
  const offsetOf = (cursor: unknown): number =>
    (decodeCursor(cursor as string, streamTag('quakes/events')) as Cursor).vector[0] as number
  async function page(parameters: { readonly [name: string]: string } | string): Promise<PageBody> {
    const headers = { Authorization: `Bearer ${bench.token()}` }
    const url = typeof parameters === 'string' ? parameters : bench.stream + query(parameters)
    const answer = await fetch(url, { headers })
    const next = /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? ''
    return { ...((await answer.json()) as PageBody), status: answer.status, next }
  }
  async function live(
    open: (typeof ENDLESS)[number][1],
    parameters: { readonly [name: string]: string },
  ): Promise<Listener> {
    const client = kept(open(bench.stream + query(parameters), bench.token()))
    await until('it to ride', () => bench.hub.stats().riding === clients.length || null)
    return client
  }
  const count = (client: Listener, records: number): Promise<unknown> =>
    until(
      () => `${records} of ${JSON.stringify(client.frames).slice(0, 2000)}`,
      () => client.records.length >= records || null,
    )

  const WHERE = 'magnitude=ge=5;region==JP'
  /** What of the records from `from` on a client of `WHERE` sees. */
  const matching = (from: number): number[] =>
    Array.from({ length: written - from }, (_, i) => from + i).filter((n) => n % 10 >= 5 && n % 2 === 0)

  for (const [name, open] of ENDLESS) {
    it(`${name}: live and replayed, only what matches is sent, cut to its fields, and no frame more`, async () => {
      const from = written
      const wish = { where: WHERE, fields: 'n,geometry.depth' }
      const client = await live(open, wish)
      const before = client.frames.length
      for (let i = 0; i < 50; i++) quake()
      await count(client, 10)
      const again = kept(open(bench.stream + query({ ...wish, from: 'earliest' }), bench.token()))
      await count(again, matching(0).length)
      assert.deepEqual([numbers(client.records), numbers(again.records)], [matching(from), matching(0)])
      const [first] = matching(from)
      assert.deepEqual(client.records[0]?.['data'], { n: first, geometry: { depth: first } })
      assert.equal(client.frames.length - before, 10, 'what is filtered out costs no frame')
    })

    it(`${name}: an equality is found by its value, whatever else rides`, async () => {
      const regions = ['JP', 'CL', 'AQ']
      const all: Listener[] = []
      for (const region of regions) all.push(await live(open, { where: `region==${region}` }))
      const strong = await live(open, { where: 'magnitude==9' })
      const from = written
      for (let i = 0; i < 20; i++) quake()
      bench.append({ n: -1 })
      bench.append(null)
      bench.append({ n: -2, region: 7 })
      bench.append({ n: -3, region: 'AQ' })
      await count(all[2] as Listener, 1)
      await count(strong, 2)
      const seen = all.map((client) => numbers(client.records))
      const twenty = Array.from({ length: 20 }, (_, i) => from + i)
      assert.deepEqual(
        numbers(strong.records),
        twenty.filter((n) => n % 10 === 9),
      )
      assert.deepEqual(seen, [twenty.filter((n) => n % 2 === 0), twenty.filter((n) => n % 2 === 1), [-3]])
      for (const client of all) {
        const [invalid, ...more] = client.frames.filter(({ type }) => type === 'invalid')
        assert.deepEqual([invalid?.['reason'], invalid?.['bytes'], more.length], ['schema', undefined, 0])
      }
    })

    it(`${name}: the cursor moves by what was filtered out, and resumes with the same filter and with another`, async () => {
      const client = await live(open, { where: 'region==nowhere' })
      const from = written
      for (let i = 0; i < 7; i++) quake()
      const end = offsetOf((await page({ from: 'latest' })).cursor)
      const cursor = await until('a cursor at the end', () => {
        bench.pass(15_000)
        const last = lastCursor(client)
        return last !== null && offsetOf(last) === end ? last : null
      })
      assert.deepEqual(client.records, [])
      quake()
      quake()
      for (const [, other] of ENDLESS) {
        const same = kept(
          other(
            bench.stream + query({ where: `region=in=(JP,CL);geometry.depth=ge=${from}`, from: cursor }),
            bench.token(),
          ),
        )
        await count(same, 2)
        assert.deepEqual(numbers(same.records), [from + 7, from + 8])
      }
      const { records, caughtUp } = await page({ where: `geometry.depth==${from + 8}`, from: cursor })
      assert.deepEqual([numbers(records), caughtUp], [[from + 8], true])
    })
  }

  it('pages of a filter: each match once, Link keeps the wish, and the cursor passes what was filtered out', async () => {
    for (let i = 0; i < 2_500; i++) quake()
    const first = await page({ where: WHERE, fields: 'n', from: 'earliest', limit: '7' })
    assert.deepEqual(first.records[0]?.['data'], { n: matching(0)[0] })
    const seen = [...numbers(first.records)]
    for (let now = first; !now.caughtUp;) {
      now = await page(now.next)
      assert.equal(now.status, 200)
      seen.push(...numbers(now.records))
    }
    assert.deepEqual(seen, matching(0))
    const end = (await page({})).cursor
    const none = await page({ where: 'region==nowhere', from: 'earliest' })
    const { next } = none
    const rest = none.caughtUp ? none : await page(next)
    assert.deepEqual([numbers(none.records), rest.caughtUp, offsetOf(rest.cursor)], [[], true, offsetOf(end)])
  })

  it('a page that waits is answered by the first match, not by what does not match', async () => {
    const asked = page({ where: `geometry.depth==${written + 5}`, wait: 'PT20S' })
    await until('a page that waits', () => bench.hub.stats().riding === 1 || null)
    for (let i = 0; i < 6; i++) quake()
    const { records } = await asked
    assert.deepEqual(numbers(records), [written - 1])
  })

  it('one wish written differently is one view, shared over sessions and refused within one', async () => {
    const sockets = [0, 1].map(() => kept(new WsClient(`${bench.url}/streams`, { token: bench.token() })))
    const [one, two] = sockets as [WsClient, WsClient]
    const subscribe = (client: WsClient, id: string, more: object): void =>
      client.send({ type: 'subscribe', id, product: 'quakes', stream: 'events', ...more })
    await Promise.all(sockets.map((client) => client.frame('welcome')))
    subscribe(one, 'a', { where: 'magnitude=ge=4.50;region==JP', fields: 'n,region' })
    subscribe(two, 'a', { where: 'region=in=(JP) and magnitude>=4.5', fields: 'region,n' })
    const views = await Promise.all(sockets.map(async (client) => (await client.frame('subscribed'))['view']))
    assert.equal(views[0], views[1])
    subscribe(one, 'b', { where: '(region=="JP");(magnitude=ge=45e-1)', fields: 'region , n' })
    const refusal = await one.frame('error')
    assert.deepEqual([refusal['id'], refusal['code']], ['b', 'duplicate-subscription'])
    const before = one.frames.length
    subscribe(one, 'c', { where: 'region==JP', fields: 'n,region' })
    assert.notEqual((await one.frame('subscribed', before))['view'], views[0])
  })

  it('one session rides several equalities of one field at once, each record under the view that it is of', async () => {
    const client = kept(new WsClient(`${bench.url}/streams`, { token: bench.token() }))
    await client.frame('welcome')
    for (const region of ['JP', 'CL'])
      client.send({ type: 'subscribe', id: region, product: 'quakes', stream: 'events', where: `region==${region}` })
    await until('both to ride', () => bench.hub.stats().riding === 2 || null)
    const views = new Map(client.frames.filter(({ type }) => type === 'subscribed').map(({ id, view }) => [view, id]))
    for (let i = 0; i < 40; i++) quake()
    await until('40 records', () => client.records.length === 40 || null)
    for (const { view, data } of client.records) assert.equal(views.get(view), (data as { region: string }).region)
    client.send({ type: 'unsubscribe', id: 'JP' })
    await client.frame('unsubscribed')
    const before = client.records.length
    for (let i = 0; i < 4; i++) quake()
    await until('the other one', () => client.records.length === before + 2 || null)
    assert.equal(bench.hub.stats().riding, 1)
  })

  const WRONG: readonly (readonly [parameter: 'where' | 'fields', text: string, detail: RegExp])[] = [
    ['where', 'magnitud=ge=4', /did you mean `magnitude`\?/],
    ['where', 'depth==1', /did you mean `geometry\.depth`\?/],
    ['where', 'magnitude==strong', /a number, written like/],
    ['where', 'magnitude=', /It is written like `magnitude=ge=4\.5/],
    ['where', '', /is empty/],
    ['fields', 'geometry.dept', /did you mean `geometry\.depth`\?/],
    ['fields', 'n,,region', /nothing at place 2/],
  ]
  it('what cannot be meant is 400, or an `error` frame, with the parameter and what was probably meant', async () => {
    const session = kept(new WsClient(`${bench.url}/streams`, { token: bench.token() }))
    await session.frame('welcome')
    for (const [parameter, text, detail] of WRONG) {
      const told: { readonly [member: string]: unknown }[] = [await page({ [parameter]: text })]
      for (const accept of ['text/event-stream', 'application/x-ndjson']) {
        const headers = { Authorization: `Bearer ${bench.token()}`, Accept: accept }
        const answer = await fetch(bench.stream + query({ [parameter]: text }), { headers })
        told.push((await answer.json()) as { [member: string]: unknown })
      }
      const refused = await kept(
        new WsClient(bench.stream + query({ [parameter]: text }), { token: bench.token() }),
      ).refused()
      told.push(JSON.parse(refused.body) as { [member: string]: unknown })
      const before = session.frames.length
      session.send({ type: 'subscribe', id: 'x', product: 'quakes', stream: 'events', [parameter]: text })
      told.push(await session.frame('error', before))
      for (const problem of told) {
        assert.deepEqual(
          [problem['status'], problem['code'], problem['parameter']],
          [400, 'bad-parameter', parameter],
          text,
        )
        assert.match(problem['detail'] as string, detail)
      }
    }
    session.send({ type: 'ping' })
    await session.frame('pong')
  })
})

interface PageBody {
  readonly status: number
  readonly next: string
  readonly records: readonly Frame[]
  readonly cursor: string
  readonly caughtUp: boolean
  readonly [member: string]: unknown
}

/** Wherever a transport shows it. */
function lastCursor(client: Listener): string | null {
  if (client instanceof SseClient) return client.lastId || null
  const position = client.frames.findLast(({ type }) => type === 'position')
  return (position?.['cursor'] as string | undefined) ?? null
}
