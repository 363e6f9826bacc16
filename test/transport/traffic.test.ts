import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { Bench } from '../integration/support/bench.ts'
import { until } from '../integration/support/until.ts'

const STREAM = '/streams/quakes/events?from=earliest'
const RECORDS = 50
const PINGS = 40

/** What riders' headroom is reckoned by (`stream/headroom.ts`): too little of it, and a broadcast overflows a socket. */
describe('traffic', () => {
  let bench: Bench
  const ends: (() => void)[] = []
  before(async () => {
    bench = await Bench.start()
    for (let n = 0; n < RECORDS; n++) bench.append({ n, pad: 'x'.repeat(500) })
  })
  after(async () => {
    for (const end of ends) end()
    await bench.close()
  })

  const authorized = (): Record<string, string> => ({ authorization: `Bearer ${bench.token()}` })

  it('counts all that a WebSocket is sent by itself: what it reads, control frames, pongs', async () => {
    const before = bench.hub.traffic.bytes
    const client = new WebSocket(bench.url.replace('http', 'ws') + STREAM, { headers: authorized() })
    ends.push(() => client.terminate())
    let messages = 0
    let pongs = 0
    client.on('message', () => messages++)
    client.on('pong', () => pongs++)
    const [{ socket, rawHeaders }] = (await once(client, 'upgrade')) as [IncomingMessage]
    const head = rawHeaders.join(': ').length
    await until('all records', () => messages >= RECORDS + 2 || null)
    for (let ping = 0; ping < PINGS; ping++) client.ping('x'.repeat(100))
    client.send('{"type":"ping"}')
    await until('all pongs', () => (pongs === PINGS && messages >= RECORDS + 3) || null)
    const received = socket.bytesRead - head
    const counted = bench.hub.traffic.bytes - before
    assert.ok(received > RECORDS * 500 + PINGS * 100)
    assert.ok(counted >= received - 200, `${counted} of ${received} bytes`)
    assert.ok(counted < received * 1.2, `${counted} of ${received} bytes: as little as may be`)
  })

  it('counts all that an event stream is sent by itself, and not once more what is broadcast', async () => {
    const before = bench.hub.traffic.bytes
    const aborting = new AbortController()
    ends.push(() => aborting.abort())
    const headers = { ...authorized(), accept: 'text/event-stream' }
    const { signal } = aborting
    const answers = await Promise.all([1, 2, 3].map(() => fetch(bench.url + STREAM, { headers, signal })))
    let received = 0
    const readers = answers.map((answer) => (answer.body as ReadableStream<Uint8Array>).getReader())
    const reads = readers.map(async (reader) => {
      for (;;) {
        const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }))
        if (done || value === undefined) return
        received += value.byteLength
      }
    })
    await until('all records', () => received > 3 * RECORDS * 500 || null)
    const counted = bench.hub.traffic.bytes - before
    assert.ok(counted >= received - 3 * 500, `${counted} of ${received} bytes`)
    const rides = bench.hub.traffic.bytes
    const readBefore = received
    bench.append({ n: RECORDS, pad: 'x'.repeat(10_000) })
    await until('the broadcast', () => received > readBefore + 3 * 10_000 || null)
    assert.ok(bench.hub.traffic.bytes - rides < 20_000, 'a broadcast counts once')
    aborting.abort()
    await Promise.all(reads)
  })
})
