import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { scratchFolder } from '../services/scratch.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { LinesClient } from './support/lines.ts'
import { SseClient, type Frame } from './support/sse.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const RECORDS_PER_S = 50

interface Details {
  readonly title?: string
  readonly events?: string
  readonly other?: string
}

/** An open product of two streams; the recording beside it is played into the first. */
function documentOf(id: string, { title = 'T', events = '', other = '' }: Details = {}): string {
  const channel = (name: string, more: string): string => `  ${name}:
    address: ${id}.${name}
    messages: { m: { payload: { type: object } } }
    x-data-product: { expose: read${more} }
`
  return `asyncapi: 3.0.0
info:
  title: ${title}
  version: 1.0.0
  x-data-product:
    id: ${id}
    owner: { team: t }
    visibility: public
    access: open
    lifecycle: released
    defaultPlan: free
    plans: [{ name: free, price: "0", priceCurrency: EUR }]
servers: { main: { host: 'kafka:9092', protocol: kafka } }
channels:
${channel('events', events)}${channel('other', other)}`
}

describe('documents that change while the gateway serves', () => {
  const folder = join(scratchFolder('publishing'), 'specs')
  let gateway: GatewayProcess
  let token = ''
  before(async () => {
    mkdirSync(folder)
    const records = Array.from({ length: 3 }, (_, n) => `${JSON.stringify({ key: 'k', value: { n } })}\n`).join('')
    for (const id of ['a', 'b']) {
      writeFileSync(join(folder, `${id}.yaml`), documentOf(id))
      writeFileSync(join(folder, `${id}.events.ndjson`), records)
    }
    gateway = await GatewayProcess.start({ specs: folder, playbackPerSecond: RECORDS_PER_S })
    token = await gateway.token()
  })
  after(() => gateway.stop('SIGKILL'))

  /** As editors do: beside, and then by that name. */
  const save = (name: string, text: string): void => {
    writeFileSync(join(folder, `.${name}.swp`), text)
    renameSync(join(folder, `.${name}.swp`), join(folder, name))
  }
  const products = async (): Promise<readonly string[]> => {
    const answer = await fetch(`${gateway.url}/products`, { headers: { Authorization: `Bearer ${token}` } })
    const { products: list } = (await answer.json()) as { products: readonly { id: string; title: string }[] }
    return list.map(({ id, title }) => `${id} ${title}`)
  }
  const served = (wanted: readonly string[]): Promise<unknown> =>
    until(
      () => `the products ${wanted.join(', ')}`,
      async () => JSON.stringify(await products()) === JSON.stringify(wanted) || null,
      20_000,
    )
  const url = (id: string, stream = 'events'): string => `${gateway.url}/streams/${id}/${stream}`
  const offsets = (records: readonly Frame[]): number[] =>
    records.map(({ id }) => Number((id as string).split('-').at(-1)))
  /** From the first to the last each once, in order. */
  const assertWhole = (records: readonly Frame[]): void => {
    const [first = 0] = offsets(records)
    assert.deepEqual(
      offsets(records),
      records.map((_, i) => first + i),
    )
  }
  const further = (client: { readonly records: readonly Frame[] }, count = 10): Promise<unknown> => {
    const from = client.records.length
    return until(
      () => `${count} records after ${from}, of ${client.records.length}`,
      () => client.records.length >= from + count || null,
    )
  }

  it('a new document is in the catalogue and streams, and who rides elsewhere is not touched', async () => {
    const rider = new WsClient(url('a'), { token })
    await further(rider)
    save('c.yaml', documentOf('c', { title: 'New' }))
    await served(['a T', 'b T', 'c New'])
    const client = new SseClient(url('c'), { token })
    assert.equal(await client.answered(), 200)
    await further(rider)
    assert.deepEqual(
      rider.types().filter((type) => type !== 'record' && type !== 'position'),
      ['welcome', 'subscribed'],
    )
    assertWhole(rider.records)
    client.destroy()
    rider.destroy()
  })

  it('a stream that is as before goes on for all who ride, whatever else changes in its document', async () => {
    const riders = [new WsClient(url('a'), { token }), new SseClient(url('a'), { token })]
    const lines = new LinesClient(url('a'), { token })
    for (const rider of [...riders, lines]) await further(rider)
    save('a.yaml', documentOf('a', { title: 'Other', other: ', showKey: true' }))
    await served(['a Other', 'b T', 'c New'])
    const newcomer = new WsClient(url('a'), { token })
    for (const rider of [...riders, lines, newcomer]) await further(rider)
    for (const rider of [...riders, lines]) assertWhole(rider.records)
    const [socket] = riders as [WsClient, SseClient]
    assert.equal(socket.types().filter((type) => type === 'subscribed').length, 1)
    // One view still: the newcomer joined it.
    assert.equal((await newcomer.frame('subscribed'))['view'], (await socket.frame('subscribed'))['view'])
    for (const rider of [...riders, lines, newcomer]) rider.destroy()
  })

  it('a stream that changes goes on as another view on the same connection: nothing is lost or comes twice', async () => {
    const socket = new WsClient(url('a'), { token })
    const events = new SseClient(url('a'), { token })
    const lines = new LinesClient(url('a'), { token })
    for (const rider of [socket, events, lines]) await further(rider)
    save('a.yaml', documentOf('a', { title: 'Keys', events: ', showKey: true' }))
    for (const rider of [socket, events, lines]) {
      await until('keys', () => rider.records.some(({ key }) => key === 'k') || null, 20_000)
      await further(rider)
      assertWhole(rider.records)
      // Once shown, shown from there on.
      const first = rider.records.findIndex(({ key }) => key === 'k')
      assert.ok(first > 0 && rider.records.slice(first).every(({ key }) => key === 'k'))
      rider.destroy()
    }
    const [, again] = socket.frames.filter(({ type }) => type === 'subscribed')
    assert.equal(again?.['reason'], 'document')
  })

  it('a broken document is told to the operator, and partners are served what was good before', async () => {
    const rider = new WsClient(url('a'), { token })
    await further(rider)
    save('a.yaml', documentOf('a', { title: 'Broken', events: ', shwoKey: true' }))
    await until('the metric', async () => (await gateway.metric('weir_documents_refused')) === 1 || null, 20_000)
    assert.deepEqual(await products(), ['a Keys', 'b T', 'c New'])
    const told = gateway.log().filter(({ event, file }) => event === 'finding' && file === join(folder, 'a.yaml'))
    assert.ok(told.some(({ code }) => code === 'last-good-served'))
    const [unknown] = told
    assert.deepEqual([unknown?.['code'], unknown?.['line']], ['unknown-key', 18])
    assert.match(String(unknown?.['fix']), /`showKey`/)
    const ready = await fetch(`${gateway.controlUrl}/readyz`)
    assert.equal(ready.status, 200)
    assert.match(await ready.text(), /"refused documents":"[^"]*a\.yaml"/)
    const partners = await (await fetch(`${gateway.url}/readyz`)).text()
    assert.doesNotMatch(partners, /a\.yaml/)
    await further(rider)
    assertWhole(rider.records)
    assert.equal(rider.closed, null)
    rider.destroy()
    save('a.yaml', documentOf('a', { title: 'Mended', events: ', showKey: true' }))
    await served(['a Mended', 'b T', 'c New'])
    assert.equal(await gateway.metric('weir_documents_refused'), 0)
  })

  it('a document that goes ends its streams with 4404 and a cursor; other subscriptions of the session go on', async () => {
    const socket = new WsClient(url('b'), { token })
    const events = new SseClient(url('b'), { token })
    const session = new WsClient(`${gateway.url}/streams`, { token })
    await session.open()
    session.send({ type: 'subscribe', id: 'b', product: 'b', stream: 'events' })
    session.send({ type: 'subscribe', id: 'a', product: 'a', stream: 'events' })
    for (const rider of [socket, events, session]) await further(rider)
    rmSync(join(folder, 'b.yaml'))
    await served(['a Mended', 'c New'])
    assert.deepEqual(await socket.ended(), { code: 4404, reason: 'no-such-stream' })
    for (const { frame } of [await closingOf(socket), await closingOf(events)]) {
      assert.deepEqual([frame['code'], frame['error'], frame['retry']], [4404, 'no-such-stream', 'never'])
      assert.match((frame['cursors'] as { [id: string]: string })['0'] ?? '', /^w1\./)
    }
    const ended = await session.frame('ended')
    assert.deepEqual([ended['id'], ended['code']], ['b', 'no-such-stream'])
    await further(session)
    assert.equal(session.closed, null)
    session.destroy()
    const late = new WsClient(url('b'), { token })
    await late.refused()
    assert.equal(late.status, 404)
  })

  it('a folder that goes away takes nothing with it, and when it is back its changes count', async () => {
    const rider = new WsClient(url('a'), { token })
    await further(rider)
    renameSync(folder, `${folder}-away`)
    await until(
      'the finding',
      () => gateway.log().some(({ code, file }) => code === 'file-unreadable' && file === folder) || null,
      30_000,
    )
    await further(rider)
    assert.deepEqual(await products(), ['a Mended', 'c New'])
    renameSync(`${folder}-away`, folder)
    save('c.yaml', documentOf('c', { title: 'Back' }))
    await until('the change', async () => (await products()).includes('c Back') || null, 30_000)
    assertWhole(rider.records)
    rider.destroy()
  })
})

async function closingOf(client: WsClient | SseClient): Promise<{ readonly frame: Frame }> {
  return { frame: await client.frame('closing') }
}
