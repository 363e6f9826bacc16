import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Bench } from '../integration/support/bench.ts'
import { product, stream } from '../integration/support/product.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const WIDE = 60
const KIB = 1024

describe('a session of many subscriptions', () => {
  const benches: Bench[] = []
  after(async () => {
    for (const bench of benches) await bench.close()
  })
  const started = async (...args: Parameters<typeof Bench.start>): Promise<Bench> => {
    const bench = await Bench.start(...args)
    benches.push(bench)
    return bench
  }

  it('a newer token that allows less ends what it does not allow, with the cursor, and nothing else', async () => {
    const bench = await started({
      products: [product({ streams: [stream(), stream({ id: 'scoped', topic: 's.v1', scope: 'read' })] })],
    })
    const client = new WsClient(`${bench.url}/streams`, { token: bench.token({ scopes: ['read'] }) })
    await client.frame('welcome')
    for (const id of ['events', 'scoped']) client.send({ type: 'subscribe', id, product: 'quakes', stream: id })
    await until('both', () => client.frames.filter(({ type }) => type === 'subscribed').length === 2 || null)
    client.send({ type: 'auth', token: bench.token() })
    const ended = await client.frame('ended')
    assert.deepEqual([ended['id'], ended['code'], ended['retry']], ['scoped', 'forbidden', 'never'])
    assert.match(ended['cursor'] as string, /^w1\./)
    await client.frame('authenticated')
    bench.append({ n: 1 })
    await client.frame('record')
    assert.equal(client.closed, null)
    client.destroy()
  })

  it('over the address of a stream, a token that does not allow it any more closes the session', async () => {
    const bench = await started({ products: [product({ streams: [stream({ scope: 'read' })] })] })
    const client = new WsClient(bench.stream, { token: bench.token({ scopes: ['read'] }) })
    const { cursor } = await client.frame('subscribed')
    client.send({ type: 'auth', token: bench.token() })
    const closing = await client.frame('closing')
    assert.deepEqual([closing['code'], closing['cursors']], [4403, { '0': cursor }])
  })

  it('frames are served in the order in which they came, also where a token takes long to check', async () => {
    const bench = await started()
    const client = new WsClient(`${bench.url}/streams`)
    await client.open()
    client.send({ type: 'auth', token: bench.token() })
    client.send({ type: 'ping' })
    client.send({ type: 'subscribe', id: 'a', product: 'quakes', stream: 'none' })
    client.send({ type: 'ping' })
    await until('all answers', () => client.frames.length === 5 || null)
    assert.deepEqual(client.types(), ['welcome', 'authenticated', 'pong', 'error', 'pong'])
    client.destroy()
  })

  it('the cursors of a closing frame are bounded to 64 KiB; those that fit are there', async () => {
    const streams = Array.from({ length: WIDE }, (_, i) =>
      stream({ id: `s${i}`, topic: `wide.${i}`, partitions: 1_000 }),
    )
    const bench = await started({ products: [product({ streams })] })
    const client = new WsClient(`${bench.url}/streams`, { token: bench.token() })
    await client.frame('welcome')
    streams.forEach(({ id }, i) =>
      client.send({ type: 'subscribe', id: `${'é'.repeat(60)}${i}`, product: 'quakes', stream: id }),
    )
    await until('all of them', () => client.frames.filter(({ type }) => type === 'subscribed').length === WIDE || null)
    const cursors = new Map(
      client.frames
        .filter(({ type }) => type === 'subscribed')
        .map((frame) => [frame['id'] as string, frame['cursor'] as string]),
    )
    const all = Buffer.byteLength(JSON.stringify(Object.fromEntries(cursors)))
    assert.ok(all > 64 * KIB, `${all} bytes are too few for this test`)
    client.send('nonsense')
    const closing = await client.frame('closing')
    const told = closing['cursors'] as { [id: string]: string }
    const size = Buffer.byteLength(JSON.stringify(told))
    assert.ok(size <= 64 * KIB && size > 60 * KIB, `${size} bytes`)
    for (const [id, cursor] of Object.entries(told)) assert.equal(cursor, cursors.get(id))
    assert.equal((await client.ended()).code, 4400)
  })

  it('an id that is a name of JavaScript is an id like any other', async () => {
    const bench = await started()
    const client = new WsClient(`${bench.url}/streams`, { token: bench.token() })
    await client.frame('welcome')
    client.send({ type: 'subscribe', id: '__proto__', product: 'quakes', stream: 'events' })
    const { cursor } = await client.frame('subscribed')
    client.send('nonsense')
    const { cursors } = await client.frame('closing')
    assert.equal(JSON.stringify(cursors), `{"__proto__":"${cursor as string}"}`)
  })
})
