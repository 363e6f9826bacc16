import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { FilterField } from '../../gateway/catalog/plan.ts'
import { LINGERING_TAILS_MAX } from '../../gateway/stream/hub.ts'
import { corpus, read } from '../catalog/support.ts'
import { Bench } from '../integration/support/bench.ts'
import { parameter, product, stream } from '../integration/support/product.ts'
import type { Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'
import { ENDLESS } from './endless.ts'

const KIND: FilterField = { name: 'kind', path: ['kind'], type: 'string' }
const LEVEL: FilterField = { name: 'level', path: ['level'], type: 'integer' }
const SCHEMA = {
  type: 'object',
  properties: { n: { type: 'integer' }, kind: { type: 'string' }, level: { type: 'integer' } },
}
const STATIONS = ['KSEA', 'KPDX']
const PRODUCTS = [
  product({
    id: 'weather',
    streams: [
      stream({
        topic: 'weather.{station}',
        partitions: 1,
        schema: SCHEMA,
        filterable: [LEVEL],
        parameters: [parameter('station', { values: STATIONS }), parameter('kind', { field: KIND })],
      }),
      stream({ id: 'open', topic: 'open.{any}', partitions: 1, parameters: [parameter('any')] }),
      stream({ id: 'usual', topic: 'usual.{a}', partitions: 1, parameters: [parameter('a', { default: 'x' })] }),
    ],
  }),
]

describe('param.<name>', () => {
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
  /** Numbers go on over both stations, kinds alternate within each. */
  function observe(station: string, kind: string, level = 1): number {
    const value = Buffer.from(JSON.stringify({ n: written, kind, level }))
    bench.memory.append(`weather.${station}`, { value })
    return written++
  }
  const url = (query: string, id = 'events'): string => `${bench.url}/streams/weather/${id}?${query}`
  const numbers = (records: readonly Frame[]): number[] => records.map(({ data }) => (data as { n: number }).n)
  const session = async (): Promise<WsClient> => {
    const client = kept(new WsClient(`${bench.url}/streams`, { token: bench.token() }))
    await client.frame('welcome')
    return client
  }
  async function page(address: string, header = ''): Promise<PageBody> {
    const headers = { Authorization: `Bearer ${bench.token()}`, ...(header && { 'Last-Event-ID': header }) }
    const answer = await fetch(address, { headers })
    const next = /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? ''
    return { ...((await answer.json()) as PageBody), status: answer.status, next }
  }

  for (const [name, open] of ENDLESS) {
    it(`${name}: the value chooses the topic, another parameter its records; live, replayed and resumed`, async () => {
      const live = STATIONS.map((station) => kept(open(url(`param.station=${station}`), bench.token())))
      const metar = kept(open(url('param.station=KSEA&param.kind=metar'), bench.token()))
      const strong = kept(open(url('param.kind=metar&where=level=ge=2&param.station=KSEA'), bench.token()))
      await until('all to ride', () => bench.hub.stats().riding === 4 || null)
      const sea = [observe('KSEA', 'metar'), observe('KSEA', 'taf', 5), observe('KSEA', 'metar', 2)]
      const pdx = [observe('KPDX', 'metar', 9)]
      const expected = [sea, pdx, [sea[0], sea[2]], [sea[2]]]
      const all = [...live, metar, strong]
      await until('all records', () => all.every((one, i) => one.records.length === expected[i]?.length) || null)
      assert.deepEqual(
        all.map(({ records }) => numbers(records)),
        expected,
      )
      const cursor = live[0]?.records[1]?.['cursor'] as string
      const resumed = kept(open(url(`param.station=KSEA&from=${cursor}`), bench.token()))
      await until('the rest', () => resumed.records.length === 1 || null)
      assert.deepEqual(numbers(resumed.records), [sea[2]])
    })
  }

  it('a session reads several values at once, each under its own view; what is the same is told', async () => {
    const client = await session()
    const ask = (id: string, more: object): void =>
      client.send({ type: 'subscribe', id, product: 'weather', stream: 'events', ...more })
    for (const station of STATIONS) ask(station, { 'param.station': station })
    await until('both to ride', () => bench.hub.stats().riding === 2 || null)
    await until('both to be told', () => client.types().filter((type) => type === 'subscribed').length === 2 || null)
    const views = new Map(client.frames.filter(({ type }) => type === 'subscribed').map(({ id, view }) => [view, id]))
    const numbered = new Map([
      [observe('KSEA', 'a'), 'KSEA'],
      [observe('KPDX', 'a'), 'KPDX'],
    ])
    await until('both records', () => client.records.length === 2 || null)
    for (const { view, data } of client.records) assert.equal(views.get(view), numbered.get((data as { n: number }).n))
    ask('again', { 'param.station': 'KSEA' })
    assert.equal((await client.frame('error'))['code'], 'duplicate-subscription')
    for (const wrong of [{}, { 'param.station': 'KSEE' }, { 'param.station': 'KSEA', 'param.x': '1' }]) {
      const before = client.frames.length
      ask('x', wrong)
      const { code, parameter: named } = await client.frame('error', before)
      assert.equal(code, 'bad-parameter')
      assert.equal(named, 'param.x' in wrong ? 'param.x' : 'param.station')
    }
  })

  it('a cursor of another value is refused, wherever it is given; a stream without topics of its own takes its old ones', async () => {
    observe('KSEA', 'a')
    const { cursor, records } = await page(url('param.station=KSEA&from=earliest'))
    assert.ok(records.length > 0)
    const foreign = await Promise.all([
      page(url(`param.station=KPDX&from=${cursor}`)),
      page(url(`param.station=KPDX&lastEventId=${cursor}`)),
      page(url('param.station=KPDX'), cursor),
    ])
    for (const { status, code, detail } of foreign) {
      assert.deepEqual([status, code], [400, 'cursor-invalid'])
      assert.match(detail as string, /another topic/)
    }
    const client = await session()
    const ask = { type: 'subscribe', id: 'a', product: 'weather', stream: 'events', from: cursor }
    client.send({ ...ask, 'param.station': 'KPDX' })
    assert.equal((await client.frame('error'))['code'], 'cursor-invalid')
    const same = await page(url(`param.kind=a&param.station=KSEA&from=${cursor}`))
    assert.equal(same.status, 200, 'a filter does not bind a cursor')
  })

  it('pages: Link keeps the parameters, each record of the value comes once, a default is what was left out', async () => {
    const from = written
    for (let i = 0; i < 30; i++) for (const station of STATIONS) observe(station, i % 2 === 0 ? 'even' : 'odd')
    const seen: number[] = []
    let now = await page(url('param.station=KPDX&param.kind=even&from=earliest&limit=4'))
    for (;;) {
      assert.equal(now.status, 200)
      seen.push(...numbers(now.records))
      if (now.caughtUp) break
      assert.match(now.next, /param\.station=KPDX&param\.kind=even/)
      now = await page(now.next)
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 15 }, (_, i) => from + i * 4 + 1),
    )
    const left = await page(url('', 'usual'))
    const given = await page(url(`param.a=x&from=${left.cursor}`, 'usual'))
    assert.deepEqual([left.status, given.status], [200, 200])
  })

  it('ids are per value, and a CloudEvent names its topic by the address that it came from', async () => {
    const sources = await Promise.all(
      STATIONS.map(async (station) => {
        const { records } = await page(url(`param.station=${station}&from=earliest&limit=1&format=cloudevents`))
        return [records[0]?.['id'], records[0]?.['source']]
      }),
    )
    assert.deepEqual(
      sources,
      STATIONS.map((station) => ['0-0', url(`param.station=${station}`)]),
    )
  })

  it('a value without a topic is source-unavailable and leaves nothing behind', async () => {
    for (let i = 0; i < 50; i++) {
      const { status, code } = await page(url(`param.any=none-${i}`, 'open'))
      assert.deepEqual([status, code], [503, 'source-unavailable'])
    }
    const before = bench.hub.stats().tails
    const { status, code, parameter: named } = await page(url('param.any=a%2Fb', 'open'))
    assert.deepEqual([status, code, named], [400, 'bad-parameter', 'param.any'])
    assert.equal(bench.hub.stats().tails, before)
    assert.ok(before <= 3, `${before} tails`)
  })

  it('whoever walks through topics leaves a bounded number of tails behind', async () => {
    const many = LINGERING_TAILS_MAX + 40
    for (let i = 0; i < many; i++) {
      bench.memory.createTopic(`open.t${i}`, 1)
      assert.equal((await page(url(`param.any=t${i}`, 'open'))).status, 200)
    }
    await until('nobody to be left', () => bench.hub.stats().subscriptions === 0 || null)
    bench.tick()
    assert.equal(bench.hub.stats().tails, LINGERING_TAILS_MAX)
  })

  it('the catalogue lists what can be given, and what must be', async () => {
    const answer = await fetch(`${bench.url}/products/weather`)
    const { streams } = (await answer.json()) as { streams: { id: string; parameters: object[] }[] }
    assert.deepEqual(streams[0]?.parameters, [
      { name: 'station', description: null, required: true, values: STATIONS, default: null, examples: [] },
      { name: 'kind', description: null, required: false, values: null, default: null, examples: [] },
    ])
    assert.equal('field' in (streams[0]?.parameters[0] ?? {}), false)
  })

  it('a document in the wild: the streetlight of its address is the topic that is read', async (t) => {
    const { text, ...rest } = corpus('01-streetlights-kafka.v31.yml', true)
    const overlay = {
      file: 'o.yaml',
      text: rest.overlay?.text.replace(/^ *bindings: .*\n/m, '').replace(/, scope: \S+/, '') ?? '',
    }
    const served = read({ ...rest, text, overlay }).product
    assert.ok(served)
    const own = await Bench.start({ products: [served] })
    t.after(() => own.close())
    for (const light of ['7', '8']) {
      const topic = `smartylighting.streetlights.1.0.event.${light}.lighting.measured`
      own.memory.createTopic(topic, 3)
      own.memory.append(topic, { value: Buffer.from(JSON.stringify({ lumens: Number(light) })) })
    }
    const address = `${own.url}/streams/streetlights/lightingmeasured?from=earliest`
    const headers = { Authorization: `Bearer ${own.token()}` }
    const ask = async (query: string): Promise<PageBody> =>
      (await (await fetch(address + query, { headers })).json()) as PageBody
    assert.deepEqual(
      (await ask('&param.streetlightId=8')).records.map(({ data }) => data),
      [{ lumens: 8 }],
    )
    assert.deepEqual(
      [(await ask(''))['parameter'], (await ask('&param.streetlightid=8'))['parameter']],
      ['param.streetlightId', 'param.streetlightid'],
    )
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
