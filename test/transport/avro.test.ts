import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import avsc, { type Schema } from 'avsc'
import { Bench } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const SCHEMA = {
  type: 'record',
  name: 'Quake',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
}
const QUAKE = Buffer.from(avsc.Type.forSchema(SCHEMA as Schema).toBuffer({ id: 'a\nb', at: 0 }))
const NO_AVRO = Buffer.from('{"id":"a"}')
const EXPECTED = [
  ['record', { id: 'a\nb', at: '1970-01-01T00:00:00.000Z' }],
  ['invalid', 'undecodable'],
  ['record', null],
]

describe('a stream of Avro', () => {
  let bench: Bench
  const clients: { destroy(): void }[] = []
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client)
    return client
  }
  before(async () => {
    const encoding = { kind: 'avro', schema: SCHEMA, framing: 'plain' } as const
    bench = await Bench.start({ products: [product({ streams: [stream({ encoding, partitions: 1 })] })] })
    for (const value of [QUAKE, NO_AVRO, null])
      bench.memory.append('quakes.v1', { value, key: null, time: bench.clock.now() })
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual([bench.faults, bench.admissions.counters.dropped], [[], 0])
  })
  after(() => bench.close())

  const seen = (frames: readonly Frame[]): unknown[] =>
    frames
      .filter(({ type }) => type === 'record' || type === 'invalid')
      .map((frame) => [frame.type, frame.type === 'record' ? frame['data'] : frame['reason']])

  it('is JSON over every transport, and what is no Avro is told', async () => {
    const url = `${bench.url}/streams/quakes/events?from=earliest`
    for (const open of [WsClient, SseClient, LinesClient]) {
      const client = kept(new open(url, { token: bench.token() }))
      await until('all records', () => seen(client.frames).length === EXPECTED.length || null)
      assert.deepEqual(seen(client.frames), EXPECTED, open.name)
    }
    const page = await fetch(url, { headers: { Authorization: `Bearer ${bench.token()}` } })
    assert.deepEqual(seen(((await page.json()) as { records: Frame[] }).records), EXPECTED)
  })

  it('brings the very bytes in the format `raw` over WebSocket, and says that lines of text cannot', async () => {
    const url = `${bench.url}/streams/quakes/events?from=earliest&format=raw`
    const client = kept(new WsClient(url, { token: bench.token() }))
    await until('both payloads', () => client.payloads.length === 2 || null)
    assert.deepEqual(client.payloads.map(String), [QUAKE, 'null'].map(String))
    const refused = await fetch(url, {
      headers: { Accept: 'text/event-stream', Authorization: `Bearer ${bench.token()}` },
    })
    const problem = (await refused.json()) as { readonly code: string; readonly detail: string }
    assert.deepEqual([refused.status, problem.code], [400, 'bad-parameter'])
    assert.match(problem.detail, /binary.*WebSocket alone/)
  })
})
