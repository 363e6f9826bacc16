import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { servable } from '../../gateway/catalog/findings.ts'
import { systemClock } from '../../gateway/clock.ts'
import { corpus } from '../catalog/support.ts'
import { Bench } from './support/bench.ts'
import { SseClient } from './support/sse.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const TIME = '2026-11-28T20:00:00Z'

const ORDER = {
  orderId: '6f1d2c1e-8f0a-4a5e-9b53-2f1c0f9a7d11',
  terminalStatus: 'COMPLETED',
  retentionCategory: 'STANDARD',
  archiveReference: 'archive/1',
  recordChecksum: 'a'.repeat(64),
  terminalAt: TIME,
  archivedAt: TIME,
}

/** Documents that others wrote, with what a team of ours put beside them, and a record as their schemas have it. */
const SERVED: readonly (readonly [file: string, topic: string, record: object])[] = [
  ['01-streetlights-kafka.v31.yml', 'streetlights.measured', { lumens: 5, sentAt: TIME }],
  ['02-streetlights-kafka.v26.yml', 'streetlights.measured', { lumens: 7, sentAt: TIME }],
  ['10-streetlights-operation-security.v31.yml', 'streetlights.commands.on', { command: 'on', sentAt: TIME }],
  ['13-eventcatalog-orderservice.yml', 'ordering.orders', ORDER],
]

describe('documents of others, served with an overlay', () => {
  const compiler = new Compiler(systemClock)
  before(() => compiler.compile(corpus('14-microcks-usersignedup-ws.yml')))
  after(() => compiler.close())

  for (const [file, topic, record] of SERVED) {
    it(`${file}: a record that is published reaches partners by WebSocket and SSE, one that breaks the schema is told`, async (t) => {
      const plan = await compiler.compile(corpus(file, true))
      assert.ok(servable(plan) && plan.product)
      const { product } = plan
      const [stream] = product.streams
      assert.ok(stream)
      const agreements = product.plans.map(({ name }) => ({ product: product.id, plan: name }))
      const bench = await Bench.start({ products: [product], consumers: [{ id: 'acme', name: 'Acme', agreements }] })
      t.after(() => bench.close())
      const token = bench.token({ scopes: stream.scope === null ? [] : [stream.scope] })
      const url = `${bench.url}/streams/${product.id}/${stream.id}?from=earliest`
      const clients = [new WsClient(url, { token }), new SseClient(url, { token })]
      bench.memory.append(topic, { value: Buffer.from('"no object"') })
      bench.memory.append(topic, { value: Buffer.from(JSON.stringify(record)) })
      for (const client of clients) {
        const [first] = await until('the record', () => (client.records.length > 0 ? client.records : null))
        assert.deepEqual(first?.['data'], record)
        const invalid = client.frames.filter(({ type }) => type === 'invalid')
        assert.equal(invalid.length, stream.invalid === 'frame' ? 1 : 0)
        client.destroy()
      }
    })
  }
})
