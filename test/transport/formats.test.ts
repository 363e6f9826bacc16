import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { CloudEvent } from 'cloudevents'
import { Bench } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const SCHEMA = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const PRODUCTS = [
  product({
    streams: [
      stream({ schema: SCHEMA, partitions: 1 }),
      stream({ id: 'plain', topic: 'plain.v1', showKey: false, partitions: 1, message: 'plain quake' }),
    ],
  }),
]

/** What a client got that is no sign of life, in order. */
interface Got {
  readonly frames: readonly Frame[]
  destroy(): void
}
type Open = (url: string, token: string) => Got
const ENDLESS: readonly (readonly [string, Open])[] = [
  ['WebSocket', (url, token) => new WsClient(url, { token })],
  ['SSE', (url, token) => new SseClient(url, { token })],
  ['NDJSON', (url, token) => new LinesClient(url, { token })],
]

describe('formats of records', () => {
  let bench: Bench
  const clients: { destroy(): void }[] = []
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client)
    return client
  }
  let time: number
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS })
    time = bench.clock.now()
    const headers = [['traceparent', Buffer.from(TRACE)]] as const
    const append = (topic: string, value: Uint8Array | null, key: string | null, more: object = {}): void => {
      bench.memory.append(topic, { value, key: key === null ? null : Buffer.from(key), time, ...more })
    }
    append('quakes.v1', Buffer.from('{"n":12345678901234567890}'), 'k "1"', { headers })
    append('quakes.v1', null, 'gone')
    append('quakes.v1', Buffer.from('{"n":"x"}'), 'bad')
    append('quakes.v1', Buffer.from('{ "n" :\r\n 1 }\n'), 'a\u0000b\u009f', {
      headers: [['traceparent', Buffer.from('0')]],
    })
    append('quakes.v1', Buffer.from('{"n":2}'), '', { time: 1e17 })
    append('plain.v1', Buffer.from('[1]'), 'secret')
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual([bench.faults, bench.admissions.counters.dropped], [[], 0])
  })
  after(() => bench.close())

  async function page(
    query: string,
    path = 'events',
  ): Promise<{ status: number; body: { [member: string]: unknown } }> {
    const headers = { Authorization: `Bearer ${bench.token()}` }
    const answer = await fetch(`${bench.url}/streams/quakes/${path}${query}`, { headers })
    return { status: answer.status, body: (await answer.json()) as { [member: string]: unknown } }
  }
  async function events(open: Open | null, count: number, path = 'events'): Promise<readonly Frame[]> {
    const query = '?from=earliest&format=cloudevents'
    if (open === null) return (await page(query, path)).body['records'] as Frame[]
    const client = kept(open(`${bench.url}/streams/quakes/${path}${query}`, bench.token()))
    const own = (): Frame[] => client.frames.filter((frame) => 'specversion' in frame)
    await until(
      () => `${count} of ${JSON.stringify(client.frames)}`,
      () => own().length >= count || null,
    )
    return own()
  }

  for (const [name, open] of [...ENDLESS, ['a page', null] as const]) {
    it(`${name}: each record is a CloudEvent that the official SDK takes, tombstones and broken ones, too`, async () => {
      const got = await events(open, 5)
      assert.equal(got.length, 5)
      got.forEach((event) => assertCloudEvent(event))
      for (const [i, event] of got.entries()) {
        assert.equal(event['id'], `0-${i}`)
        assert.equal(event['source'], bench.stream)
        assert.equal(event['sequence'], String(i).padStart(20, '0'))
        assert.equal(event['datacontenttype'], 'application/json')
        assert.match(event['cursor'] as string, /^w1\./)
        assert.equal('view' in event, name === 'WebSocket')
      }
      assert.deepEqual(
        got.map(({ type }) => type),
        ['quake', 'quake', 'io.weir.invalid', 'quake', 'quake'],
      )
      assert.deepEqual(
        got.map(({ partitionkey }) => partitionkey),
        ['k "1"', 'gone', undefined, 'a\u{fffd}b\u{fffd}', undefined],
      )
      assert.deepEqual(
        got.map(({ traceparent }) => traceparent),
        [TRACE, undefined, undefined, undefined, undefined],
      )
      const invalid = { reason: 'schema', bytes: Buffer.from('{"n":"x"}').toString('base64') }
      assert.deepEqual(
        got.slice(1).map(({ data }) => data),
        [null, invalid, { n: 1 }, { n: 2 }],
      )
      assert.equal(got[0]?.['time'], new Date(time).toISOString())
      assert.equal(got[4]?.['time'], '9999-12-31T23:59:59.999Z')
    })

    it(`${name}: a key that the product does not show is in no CloudEvent`, async () => {
      const [event] = await events(open, 1, 'plain')
      assertCloudEvent(event as Frame)
      assert.equal(event?.type, 'plain quake')
      assert.doesNotMatch(JSON.stringify(event), /secret|partitionkey/)
    })
  }

  it('the cursor of a CloudEvent resumes behind it, in any format and over any transport', async () => {
    const [, second] = await events(null, 5)
    const cursor = second?.['cursor'] as string
    for (const [, open] of ENDLESS) {
      const client = kept(open(`${bench.stream}?from=${cursor}`, bench.token()))
      const first = await until('a record', () => client.frames.find(({ id }) => String(id).startsWith('0-')))
      assert.deepEqual([first.id, first.type], ['0-2', 'invalid'])
    }
  })

  it('over SSE a CloudEvent fires `onmessage`, with the cursor as its id', async () => {
    const client = kept(new SseClient(`${bench.stream}?from=earliest&format=cloudevents`, { token: bench.token() }))
    await until('5 events', () => client.frames.length === 5 || null)
    for (const { event, id, data } of client.blocks.filter((block) => block.data !== undefined))
      assert.deepEqual([event, id], [undefined, (JSON.parse(data as string) as { cursor: string }).cursor])
  })

  it('under the subprotocol `cloudevents.json` every frame is a CloudEvent, control frames of type io.weir.…', async () => {
    const connect = (query = ''): WsClient =>
      kept(new WsClient(`${bench.url}/streams${query}`, { token: bench.token(), protocols: ['cloudevents.json'] }))
    const client = connect()
    await client.frame('io.weir.welcome')
    client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events', from: 'earliest' })
    await until('5 records', () => client.frames.filter(({ source }) => source === bench.stream).length === 5 || null)
    client.send({ type: 'subscribe', id: 'b', product: 'quakes', stream: 'none' })
    client.send({ type: 'ping' })
    await client.frame('io.weir.pong')
    bench.pass(15_000)
    const position = await client.frame('io.weir.position')
    const subscribed = await client.frame('io.weir.subscribed')
    const { view } = subscribed['data'] as { view: number }
    assert.equal((position['data'] as { view: number }).view, view)
    assert.equal(((await client.frame('io.weir.error'))['data'] as { code: string }).code, 'no-such-stream')
    assert.equal(client.frames.find(({ type }) => type === 'quake')?.['view'], view)
    const other = connect('/quakes/none')
    assert.equal((await other.refused()) && other.status, 404)
    client.send('{')
    const closing = await client.frame('io.weir.closing')
    const told = closing['data'] as { code: number; cursors: { a: string } }
    assert.deepEqual([told.code, (await client.ended()).code], [4400, 4400])
    assert.match(told.cursors.a, /^w1\./)
    client.frames.forEach((frame) => assertCloudEvent(frame))
    const second = connect()
    await second.frame('io.weir.welcome')
    const names = [...client.frames, ...second.frames].map(({ id, source }) => `${source as string} ${id as string}`)
    assert.equal(new Set(names).size, names.length, 'an id is unique within its source, over sessions')
  })

  it('a subscription names its own format, whatever the subprotocol', async () => {
    const client = kept(new WsClient(`${bench.url}/streams`, { token: bench.token(), protocols: ['cloudevents.json'] }))
    await client.frame('io.weir.welcome')
    for (const format of ['record', 'cloudevents'])
      client.send({ type: 'subscribe', id: format, product: 'quakes', stream: 'events', from: 'earliest', format })
    await until('10 records', () => client.frames.filter(({ id }) => String(id).startsWith('0-')).length === 10 || null)
    assert.deepEqual((await client.frame('record'))['key'], 'k "1"')
    assert.deepEqual(new Set(client.records.map(({ type }) => type)), new Set(['record']))
    const plain = kept(new WsClient(`${bench.stream}?from=earliest&format=cloudevents`, { token: bench.token() }))
    await plain.frame('quake')
    assert.equal(plain.frames[0]?.type, 'welcome')
  })

  it('raw over WebSocket: a binary message is the payload byte for byte, everything else is text', async () => {
    const { client, got } = raw('?from=earliest&format=raw')
    await until('4 payloads', () => got.filter((one) => one instanceof Buffer).length === 4 || null)
    bench.memory.append('quakes.v1', { value: Buffer.from('{"n":\n3}'), time })
    bench.memory.append('quakes.v1', { value: Buffer.from('{'), time })
    bench.memory.append('quakes.v1', { value: Buffer.from('{"n":4}'), time })
    await until('6 payloads', () => got.filter((one) => one instanceof Buffer).length === 6 || null)
    bench.pass(15_000)
    await until('the position', () => got.some((one) => typeof one === 'string' && one.includes('"position"')) || null)
    const told = got.map((one) => (one instanceof Buffer ? one.toString() : (JSON.parse(one as string) as Frame).type))
    assert.deepEqual(told, [
      'welcome',
      'subscribed',
      '{"n":12345678901234567890}',
      'null',
      'invalid',
      '{ "n" :\r\n 1 }\n',
      '{"n":2}',
      '{"n":\n3}',
      'invalid',
      '{"n":4}',
      'position',
    ])
    const position = JSON.parse(got.at(-1) as string) as { cursor: string }
    client.destroy()
    bench.memory.append('quakes.v1', { value: Buffer.from('{"n":5}'), time })
    const again = raw(`?from=${position.cursor}&format=raw`)
    const next = await until('the next payload', () => again.got.find((one) => one instanceof Buffer))
    assert.equal(next.toString(), '{"n":5}')
  })

  it('raw is alone in its session', async () => {
    const client = kept(new WsClient(`${bench.url}/streams`, { token: bench.token() }))
    const subscribe = (id: string, format: string): void =>
      client.send({ type: 'subscribe', id, product: 'quakes', stream: 'plain', format })
    await client.frame('welcome')
    subscribe('a', 'raw')
    await client.frame('subscribed')
    subscribe('b', 'record')
    const refusal = await client.frame('error')
    assert.deepEqual([refusal['id'], refusal['code'], refusal['parameter']], ['b', 'bad-parameter', 'format'])
    client.send({ type: 'unsubscribe', id: 'a' })
    const before = client.frames.length
    subscribe('b', 'record')
    await client.frame('subscribed', before)
    subscribe('c', 'raw')
    assert.equal((await client.frame('error', before))['id'], 'c')
  })

  it('raw over SSE: the payload on one line, its cursor as id; what is no payload has a name', async () => {
    const client = kept(new SseClient(`${bench.stream}?from=earliest&format=raw`, { token: bench.token() }))
    const blocks = await until('5 blocks', () => {
      const data = client.blocks.filter((block) => block.data !== undefined)
      return data.length >= 5 ? data.slice(0, 5) : null
    })
    assert.deepEqual(
      blocks.map(({ event, data }) => [event, event === undefined ? data : (JSON.parse(data as string) as Frame).type]),
      [
        [undefined, '{"n":12345678901234567890}'],
        [undefined, 'null'],
        ['invalid', 'invalid'],
        [undefined, '{ "n" :   1 } '],
        [undefined, '{"n":2}'],
      ],
    )
    for (const { id } of blocks) assert.match(id as string, /^w1\./)
  })

  it('raw where a payload could not be told from the rest, or cut to `fields`: 400 that names the parameter', async () => {
    const ndjson = kept(new LinesClient(`${bench.stream}?format=raw`, { token: bench.token() }))
    assert.equal(await ndjson.answered(), 400)
    const [lines, paged] = [JSON.parse(ndjson.body) as Frame, (await page('?format=raw')).body]
    for (const problem of [lines, paged])
      assert.deepEqual([problem['status'], problem['code'], problem['parameter']], [400, 'bad-parameter', 'format'])
    const cut = kept(new SseClient(`${bench.stream}?format=raw&fields=n`, { token: bench.token() }))
    assert.equal(await cut.answered(), 400)
    assert.equal((JSON.parse(cut.body) as Frame)['parameter'], 'fields')
    const socket = kept(new WsClient(`${bench.stream}?format=raw&fields=n`, { token: bench.token() }))
    assert.equal((JSON.parse((await socket.refused()).body) as Frame)['parameter'], 'fields')
    const { body } = await page('?format=cloudevent')
    assert.match(body['detail'] as string, /did you mean `cloudevents`\?/i)
  })

  function raw(query: string): { readonly client: WsClient; readonly got: readonly (Buffer | string)[] } {
    const got: (Buffer | string)[] = []
    const client = kept(new WsClient(bench.stream + query, { token: bench.token(), onText: () => undefined }))
    client.socket.on('message', (data: Buffer, isBinary: boolean) => got.push(isBinary ? data : data.toString()))
    return { client, got }
  }
})

/** RFC 3339 §5.6, as it stands there. */
const DATE_TIME = /^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** CloudEvents 1.0.2 and its JSON format, letter by letter; and the official SDK's own opinion. */
function assertCloudEvent(frame: Frame): void {
  const { data, ...attributes } = frame as unknown as { readonly [name: string]: unknown }
  const text = JSON.stringify(frame)
  for (const [name, value] of Object.entries(attributes)) {
    assert.match(name, /^[a-z0-9]{1,20}$/, text)
    assert.ok(['string', 'number', 'boolean'].includes(typeof value), `${name} of ${text}`)
    if (typeof value === 'number') assert.ok(Number.isInteger(value) && Math.abs(value) < 2 ** 31, text)
    if (typeof value !== 'string') continue
    assert.notEqual(value, '', `${name} of ${text}`)
    assert.doesNotMatch(value, /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u, `${name} of ${text}`)
  }
  assert.equal(attributes['specversion'], '1.0')
  for (const name of ['id', 'source', 'type']) assert.equal(typeof attributes[name], 'string', `${name} of ${text}`)
  assert.ok(URL.canParse(attributes['source'] as string), text)
  assert.match(attributes['time'] as string, DATE_TIME)
  assert.ok(!('data_base64' in attributes))
  const event = new CloudEvent({ ...attributes, data }, true)
  assert.ok(event.validate())
  assert.equal(event.id, attributes['id'])
}
