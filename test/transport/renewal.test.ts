import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { Product, Stream } from '../../gateway/catalog/plan.ts'
import { Bench, type BenchOptions } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { parameter, pricePlan, product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const FIELD = { name: 'n', path: ['n'], type: 'integer' } as const
const OPEN = stream({ partitions: 1, showKey: false, filterable: [FIELD] })

describe('renewal', () => {
  const benches: Bench[] = []
  const clients: { destroy(): void }[] = []
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    for (const bench of benches.splice(0)) await bench.close()
  })

  const started = async (streams: readonly Stream[] = [OPEN], options: BenchOptions = {}): Promise<Bench> => {
    const bench = await Bench.start({ products: [of(streams)], ...options })
    benches.push(bench)
    return bench
  }
  const of = (streams: readonly Stream[]): Product => product({ streams, plans: [pricePlan()] })
  const kept = <C extends { destroy(): void }>(client: C): C => {
    clients.push(client)
    return client
  }
  const socket = (bench: Bench, query = ''): WsClient =>
    kept(new WsClient(bench.stream + query, { token: bench.token() }))
  const session = async (bench: Bench): Promise<WsClient> => {
    const client = kept(new WsClient(`${bench.url}/streams`, { token: bench.token() }))
    await client.open()
    return client
  }
  const events = (bench: Bench, query = ''): SseClient =>
    kept(new SseClient(bench.stream + query, { token: bench.token() }))
  const lines = (bench: Bench, query = ''): LinesClient =>
    kept(new LinesClient(bench.stream + query, { token: bench.token() }))
  const riding = (bench: Bench, count: number): Promise<unknown> =>
    until(`${count} riding`, () => bench.hub.stats().riding === count || null)
  const dataOf = (frames: readonly Frame[]): unknown[] => frames.map(({ data }) => (data as { n: number }).n)
  const records = (client: { readonly records: readonly Frame[] }, count: number): Promise<unknown> =>
    until(
      () => `${count} records, there are ${JSON.stringify(client.records)}`,
      () => client.records.length >= count || null,
    )

  it('a reader in the middle of its replay goes on with the next record, as riders do', async () => {
    const bench = await started()
    for (let n = 0; n < 2_000; n++) bench.append({ n, pad: 'x'.repeat(500) }, { key: 'k' })
    const all = [socket(bench, '?from=earliest'), events(bench, '?from=earliest'), lines(bench, '?from=earliest')]
    for (const client of all) await records(client, 1)
    await bench.republish([of([{ ...OPEN, showKey: true }])])
    bench.append({ n: 2_000 }, { key: 'k' })
    for (const client of all) {
      await records(client, 2_001)
      assert.deepEqual(
        dataOf(client.records),
        Array.from({ length: 2_001 }, (_, n) => n),
      )
      assert.equal(client.records.at(-1)?.['key'], 'k')
    }
    assert.deepEqual(bench.faults, [])
  })

  it('what is the same stream stays on its view, also where the product around it is another', async () => {
    const bench = await started()
    const client = socket(bench)
    await riding(bench, 1)
    await bench.republish([{ ...of([OPEN, stream({ id: 'more', topic: 'quakes.v1' })]), title: 'Other' }])
    bench.append({ n: 1 })
    await records(client, 1)
    assert.equal(bench.hub.counts.on.start, 1)
    assert.deepEqual(client.types(), ['welcome', 'subscribed', 'record'])
  })

  it('a filter that the new document does not have ends the subscription that asked for it, and no other', async () => {
    const bench = await started()
    const client = await session(bench)
    client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'events', where: 'n==1' })
    client.send({ type: 'subscribe', id: 'b', product: 'quakes', stream: 'events' })
    await riding(bench, 2)
    await bench.republish([of([{ ...OPEN, filterable: [], showKey: true }])])
    const ended = await client.frame('ended')
    assert.deepEqual([ended['id'], ended['code']], ['a', 'bad-parameter'])
    assert.match(ended['cursor'] as string, /^w1\./)
    bench.append({ n: 1 }, { key: 'k' })
    await records(client, 1)
    assert.equal(client.closed, null)
  })

  it('a product that is retired ends with 4410 and the cursor, over each transport', async () => {
    const bench = await started()
    const [ws, sse, ndjson] = [socket(bench), events(bench), lines(bench)]
    await riding(bench, 3)
    await bench.republish([{ ...of([OPEN]), lifecycle: 'retired' }])
    assert.deepEqual(await ws.ended(), { code: 4410, reason: 'retired' })
    for (const client of [ws, sse, ndjson]) {
      const closing = await until('closing', () => client.frames.find(({ type }) => type === 'closing'))
      assert.deepEqual([closing['code'], closing['error']], [4410, 'retired'])
      assert.match((closing['cursors'] as { [id: string]: string })['0'] ?? '', /^w1\./)
    }
    assert.equal(bench.hub.stats().subscriptions, 0)
  })

  it('another topic under the same stream is read from the time that was reached', async () => {
    const family = { ...OPEN, topic: 'quakes.v1' }
    const bench = await started([family, stream({ id: 'spare', topic: 'quakes.v2', partitions: 1 })])
    const client = events(bench)
    await riding(bench, 1)
    bench.append({ n: 1 })
    await records(client, 1)
    const value = (n: number): Buffer => Buffer.from(JSON.stringify({ n }))
    bench.memory.append('quakes.v2', { value: value(2) })
    const chosen = parameter('version', { values: ['v2'], default: 'v2' })
    await bench.republish([of([{ ...OPEN, topic: 'quakes.{version}', parameters: [chosen] }])])
    await records(client, 2)
    assert.deepEqual(dataOf(client.records), [1, 2])
  })

  it('who is still on the way in sees the new document, and loses nothing of where it wanted to start', async () => {
    let admit: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (admit = resolve))
    const bench = await started([OPEN], {
      seat: async () => {
        await gone
        return { release: () => undefined }
      },
    })
    bench.append({ n: 1 }, { key: 'k' })
    const client = events(bench, '?from=earliest')
    const lost = socket(bench, '?from=earliest')
    await bench.republish([of([{ ...OPEN, showKey: true }])])
    admit()
    for (const one of [client, lost]) {
      await records(one, 1)
      assert.deepEqual(dataOf(one.records), [1])
      assert.equal(one.records[0]?.['key'], 'k')
    }
  })
})
