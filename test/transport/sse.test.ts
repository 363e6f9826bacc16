import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { EventSource } from 'eventsource'
import { Proxy } from '../integration/support/proxy.ts'
import { Bench } from '../integration/support/bench.ts'
import { SseClient, type SseOptions } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'

describe('server-sent events', () => {
  let bench: Bench
  const clients: { destroy(): void }[] = []
  before(async () => {
    bench = await Bench.start()
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual(bench.faults, [])
  })
  after(() => bench.close())

  const listen = (query = '', options: SseOptions = {}): SseClient => {
    const client = new SseClient(`${bench.stream}${query}`, { token: bench.token(), ...options })
    clients.push(client)
    return client
  }
  const begun = async (query = '', options: SseOptions = {}): Promise<SseClient> => {
    const client = listen(query, options)
    await until('the first block', () => client.blocks[0])
    return client
  }
  const source = (address = bench.stream): { readonly events: MessageEvent[]; readonly numbers: () => number[] } => {
    const token = bench.token()
    const events: MessageEvent[] = []
    const made = new EventSource(address, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
    })
    made.onmessage = (event) => events.push(event)
    clients.push({ destroy: () => made.close() })
    return { events, numbers: () => events.map((event) => (JSON.parse(event.data as string) as Numbered).data.n) }
  }
  const riding = (count: number): Promise<unknown> =>
    until(`${count} riders`, () => bench.hub.stats().riding === count || null)

  it('the first block sets the time to reconnect and the cursor to do it with, and fires nothing', async () => {
    const client = await begun()
    const [first] = client.blocks
    assert.deepEqual(Object.keys(first ?? {}), ['retry', 'id'])
    assert.match(first?.retry ?? '', /^[12]\d{3}$/)
    assert.match(first?.id ?? '', /^w1\./)
    assert.equal(client.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(client.headers['cache-control'], 'no-store')
  })

  it('each record is one event without a name, with the cursor after it as its id, and no view', async () => {
    const client = await begun()
    bench.append({ n: 1 }, { partition: 1, key: 'a\n"b' })
    const record = await client.frame('record')
    const block = client.blocks.find(({ data }) => data !== undefined)
    assert.equal(block?.event, undefined)
    assert.equal(block?.id, record['cursor'])
    assert.deepEqual(Object.keys(record), ['type', 'id', 'cursor', 'time', 'key', 'headers', 'data'])
    assert.match(record['id'] as string, /^1-\d+$/)
    assert.equal(record['key'], 'a\n"b')
    assert.deepEqual(record['data'], { n: 1 })
  })

  it('`onmessage` of an EventSource fires for the last event of a burst at once', async () => {
    const seen = source()
    await riding(1)
    for (let n = 0; n < 100; n++) bench.append({ n })
    // Nothing else is written until the next heartbeat: what is held back now would stay away.
    await until(
      () => `100 events, there are ${seen.events.length}`,
      () => seen.events.length === 100 || null,
    )
    assert.equal(seen.numbers().at(-1), 99)
  })

  it('the chunk that holds the last event is whole on the wire, for parsers that wait for its end', async () => {
    const socket = connect(Number(new URL(bench.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (bytes) => (text += bytes.toString('latin1')))
    clients.push(socket)
    const head = ['Host: x', 'Accept: text/event-stream', `Authorization: Bearer ${bench.token()}`]
    socket.write(`GET /streams/quakes/events HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`)
    await riding(1)
    bench.append({ n: 'last' })
    await until(
      () => `a whole chunk with the record in ${text}`,
      () => wholeChunks(text).includes('{"n":"last"}') || null,
    )
  })

  it('a lone event fires at once, also where it is larger than the cork buffer of the network layer', async () => {
    const { events } = source()
    await riding(1)
    for (const chars of [1, 15_900, 16_100, 17_000, 100_000, 900_000]) {
      const before = events.length
      bench.append({ text: 'x'.repeat(chars) })
      await until(`the event of ${chars} characters`, () => events.length > before || null)
      const { data } = JSON.parse(events.at(-1)?.data as string) as { data: { text: string } }
      assert.equal(data.text.length, chars)
    }
  })

  it('an EventSource whose connection is cut resumes by itself: nothing missing, nothing twice', async () => {
    const proxy = await Proxy.to(bench.url)
    const seen = source(`${proxy.url}/streams/quakes/events`)
    await riding(1)
    for (let n = 0; n < 20; n++) bench.append({ n }, { partition: n % 2 })
    await until('20 events', () => seen.events.length === 20 || null)
    proxy.cut()
    for (let n = 20; n < 40; n++) bench.append({ n }, { partition: n % 2 })
    await until(
      () => `40 events, there are ${seen.events.length}`,
      () => seen.events.length >= 40 || null,
    )
    assert.deepEqual(
      seen.numbers().sort((a, b) => a - b),
      [...Array(40).keys()],
    )
    assert.equal(proxy.connections, 2)
    proxy.close()
  })

  it('a heartbeat is a block of `id` alone: it moves the cursor of a client that received nothing', async () => {
    const client = await begun()
    const before = client.blocks.length
    bench.pass(15_000)
    const beat = await until('a heartbeat', () => client.blocks[before])
    assert.deepEqual(Object.keys(beat), ['id'])
    bench.pass(14_000)
    bench.append({ n: 'later' })
    await client.frame('record')
    assert.equal(client.blocks.length, before + 2)
  })

  it('the cursor of a heartbeat resumes where nothing was delivered', async () => {
    const client = await begun()
    bench.pass(15_000)
    await until('a heartbeat', () => client.blocks[1])
    client.destroy()
    bench.append({ n: 7 })
    const again = listen('', { lastEventId: client.lastId })
    assert.deepEqual((await again.frame('record'))['data'], { n: 7 })
  })

  it('Last-Event-ID wins over lastEventId, which wins over from', async () => {
    const client = await begun()
    const start = client.lastId
    bench.append({ n: 1 }, { partition: 0 })
    const afterFirst = (await client.frame('record'))['cursor'] as string
    bench.append({ n: 2 }, { partition: 0 })
    await until('both', () => client.records.length === 2 || null)
    const first = async (query: string, lastEventId?: string): Promise<unknown> =>
      (await listen(query, lastEventId === undefined ? {} : { lastEventId }).frame('record'))['data']
    assert.deepEqual(await first(`?from=${start}&lastEventId=${afterFirst}`), { n: 2 })
    assert.deepEqual(await first(`?from=${afterFirst}&lastEventId=${afterFirst}`, start), { n: 1 })
    assert.deepEqual(await first(`?from=earliest&lastEventId=`, afterFirst), { n: 2 })
  })

  it('a token that expires ends the stream with `closing`, its advice and the cursor', async () => {
    const client = listen('', { token: bench.token({ ttlMs: 60_500 }) })
    await until('the first block', () => client.blocks[0])
    bench.append({ n: 1 })
    await client.frame('record')
    bench.pass(1_000)
    assert.equal((await client.frame('notice'))['kind'], 'token-expiring')
    bench.pass(60_000)
    const closing = await client.frame('closing')
    const { code, error, retry } = closing
    assert.deepEqual({ code, error, retry }, { code: 4201, error: 'token-expired', retry: 'new-token' })
    assert.deepEqual(closing['cursors'], { '0': client.records.at(-1)?.['cursor'] })
    assert.equal(client.blocks.at(-1)?.id, client.records.at(-1)?.['cursor'])
    await until('the end', () => client.ended || null)
  })

  it('what can be waited out is told inside a 200, since an EventSource gives up on anything else', async () => {
    const full = await Bench.start({ limits: { connectionsMax: 1 } })
    const first = new SseClient(full.stream, { token: full.token() })
    await until('the first block', () => first.blocks[0])
    const second = new SseClient(full.stream, { token: full.token() })
    const closing = await second.frame('closing')
    assert.deepEqual([second.status, closing['code'], closing['error']], [200, 4004, 'too-many-connections'])
    assert.equal(second.blocks[0]?.retry, `${(closing['retryAfter'] as number) * 1000}`)
    await until('the end', () => second.ended || null)
    await full.close()
  })

  it('a topic that does not exist is `source-unavailable`, to be waited out', async () => {
    const bare = await Bench.start()
    bare.memory.deleteTopic('quakes.v1')
    const client = new SseClient(bare.stream, { token: bare.token() })
    const closing = await client.frame('closing')
    const { code, error, retry, retryAfter } = closing
    assert.deepEqual(
      { code, error, retry, retryAfter },
      { code: 4002, error: 'source-unavailable', retry: 'later', retryAfter: 5 },
    )
    assert.doesNotMatch(JSON.stringify(closing), /quakes\.v1/)
    await bare.close()
  })

  it('a client that left is forgotten', async () => {
    const client = await begun()
    assert.equal(bench.admissions.live, 1)
    client.destroy()
    await until('nobody to be left', () => bench.admissions.live === 0 || null)
    assert.equal(bench.hub.stats().subscriptions, 0)
  })
})

/** What a strict reader has of a chunked body (RFC 9112 §7.1): a chunk counts once the line break behind it has come. */
function wholeChunks(text: string): string {
  let body = ''
  let at = text.indexOf('\r\n\r\n') + 4
  for (;;) {
    const size = /^(?:\r\n)?([0-9a-f]+)\r\n/i.exec(text.slice(at))
    if (!size) return body
    const begin = at + size[0].length
    const end = begin + Number.parseInt(size[1] as string, 16)
    if (text.slice(end, end + 2) !== '\r\n') return body
    body += text.slice(begin, end)
    at = end + 2
  }
}

interface Numbered {
  readonly data: { readonly n: number }
}
