import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { kafkaBrokers } from '../services/use.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { SseClient } from './support/sse.ts'
import { Topic } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const HEALTHY = 4
const RECORDS = 1_500
const PAD = 'x'.repeat(10_000)
/** Beyond what the kernel's buffers of both ends hold for one loopback connection. */
const AT_ONCE = 15
const MIB = 1024 * 1024

describe('a client that does not read', () => {
  let topic: Topic
  let gateway: GatewayProcess
  let token: string
  const clients: { destroy(): void }[] = []
  let strict: GatewayProcess | null = null
  let produced = 0
  before(async () => {
    topic = await Topic.create(kafkaBrokers(), 2)
    gateway = await GatewayProcess.start({
      brokers: kafkaBrokers(),
      topic: topic.name,
      limits: { stuckMsMax: 60_000, logMemoryBytesMax: 32 * MIB },
    })
    token = await gateway.token()
  })
  after(async () => {
    clients.forEach((client) => client.destroy())
    await strict?.stop()
    await gateway.stop()
    await topic.close()
  })

  it('is taken off the broadcast, delays nobody, and loses nothing when it reads on, over both transports', async () => {
    const healthy = Array.from({ length: HEALTHY }, (_, i) => follow(gateway, i % 2 === 0 ? 'websocket' : 'sse'))
    const stuck = [follow(gateway, 'websocket'), follow(gateway, 'sse')]
    await riding(HEALTHY + 2)
    const calm = Math.min(await lap(healthy), await lap(healthy))
    for (const client of stuck) await until('them to keep up', () => client.records === produced || null)
    for (const client of stuck) client.pause()
    // The best of some laps: a busy machine disturbs some, a stuck client that is waited for would disturb each.
    const disturbed = Math.min(await lap(healthy), await lap(healthy), await lap(healthy))
    const off = await gateway.metric('weir_taken_off_total', '{why="socket"}')
    assert.ok(off >= 2, `taken off: ${off}`)
    // Compared within one run, with room for a busy machine: a stuck client that is waited for costs seconds.
    assert.ok(disturbed <= 5 * calm + 250, `p99 ${disturbed} ms with a stuck client, ${calm} ms without`)
    console.log(
      `p99 of delivery: ${calm.toFixed(1)} ms without, ${disturbed.toFixed(1)} ms with two clients that do not read`,
    )
    assert.ok(
      stuck.every(({ records }) => records < produced),
      'nobody was stuck',
    )
    for (const client of stuck) client.resume()
    for (const client of [...stuck, ...healthy]) {
      await until(
        () => `all ${produced}, there are ${client.records}`,
        () => client.records === produced || null,
        30_000,
      )
      assert.deepEqual(client.faults, [])
    }
    await riding(HEALTHY + 2)
    assert.equal(await gateway.metric('weir_frames_dropped_total'), 0)
    clients.splice(0).forEach((client) => client.destroy())
  })

  it('at all is closed as slow after stuckMsMax, and holds bounded memory until then', async () => {
    const tight = await GatewayProcess.start({
      brokers: kafkaBrokers(),
      topic: topic.name,
      issuer: gateway,
      limits: { stuckMsMax: 2_000, logMemoryBytesMax: 16 * MIB },
    })
    strict = tight
    const lost = [follow(tight, 'websocket'), follow(tight, 'sse')]
    await until('both to ride', async () => (await tight.metric('weir_subscriptions', '{mode="riding"}')) === 2 || null)
    const before = await tight.metric('weir_process_resident_memory_bytes')
    for (const client of lost) client.pause()
    let most = 0
    const left = until(
      'both to be closed',
      async () => {
        most = Math.max(most, await tight.metric('weir_process_resident_memory_bytes'))
        return (await tight.metric('weir_connections')) === 0 || null
      },
      30_000,
    )
    await produce(2 * RECORDS)
    await left
    assert.ok(before > 0)
    assert.ok(most - before < 150 * MIB, `grew by ${Math.round((most - before) / MIB)} MiB`)
    const closed = (): readonly string[] =>
      tight
        .log()
        .filter(({ event }) => event === 'closed')
        .map(({ reason, transport }) => `${String(transport)} ${String(reason)}`)
    // Lines come by another way than numbers, and may come later.
    await until('both to be told in the log', () => closed().length === 2 || null)
    assert.deepEqual([...closed()].sort(), ['sse slow', 'websocket slow'])
    for (const client of lost) client.resume()
    const [webSocket] = lost
    assert.deepEqual(await webSocket?.ended(), 4001)
  })

  /** Produces, and answers the healthy clients' 99th percentile from producing to receiving, ms. */
  async function lap(healthy: readonly Follower[]): Promise<number> {
    for (const client of healthy) client.latencies.length = 0
    await produce(RECORDS)
    for (const client of healthy)
      await until(
        () => `a healthy client to keep up: ${client.records}`,
        () => client.records === produced || null,
        30_000,
      )
    const all = healthy.flatMap(({ latencies }) => latencies).sort((a, b) => a - b)
    return all[Math.floor(all.length * 0.99)] as number
  }

  async function produce(records: number): Promise<void> {
    for (let n = 0; n < records; n += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => {
        return {
          key: `${produced + i}`,
          value: JSON.stringify({ sentAt: performance.now(), pad: PAD }),
          partition: i % 2,
        }
      })
      await topic.produce(batch)
      produced += AT_ONCE
    }
  }

  function riding(count: number): Promise<unknown> {
    return until(
      () => `${count} to ride: ${JSON.stringify(gateway.log().slice(-8))}`,
      async () => (await gateway.metric('weir_subscriptions', '{mode="riding"}')) === count || null,
    )
  }

  function follow(at: GatewayProcess, transport: 'websocket' | 'sse'): Follower {
    const follower = new Follower(at.stream, token, transport)
    clients.push(follower)
    return follower
  }
})

/** Counts records, checks that each is the next of its partition, and can stop reading. */
class Follower {
  records = 0
  readonly latencies: number[] = []
  readonly faults: string[] = []
  readonly #next: number[] = []
  readonly #client: WsClient | SseClient

  constructor(url: string, token: string, transport: 'websocket' | 'sse') {
    this.#client =
      transport === 'websocket'
        ? new WsClient(url, { token, onText: (text) => this.#see(text) })
        : new SseClient(url, { token, onBlock: ({ data }) => data !== undefined && this.#see(data) })
  }

  pause(): void {
    if (this.#client instanceof WsClient) this.#client.socket.pause()
    else this.#client.pause()
  }

  resume(): void {
    if (this.#client instanceof WsClient) this.#client.socket.resume()
    else this.#client.resume()
  }

  /** The close code of a WebSocket. */
  async ended(): Promise<number> {
    return (await (this.#client as WsClient).ended()).code
  }

  destroy(): void {
    this.#client.destroy()
  }

  #see(text: string): void {
    const frame = JSON.parse(text) as { type: string; id: string; bytes?: string; data?: { sentAt: number } }
    if (frame.type === 'gap') this.faults.push(text)
    if (frame.type !== 'record' && frame.type !== 'invalid') return
    const value = frame.data ?? (JSON.parse(Buffer.from(frame.bytes ?? '', 'base64').toString()) as { sentAt: number })
    this.latencies.push(performance.now() - value.sentAt)
    const [partition, offset] = frame.id.split('-').map(Number) as [number, number]
    const next = this.#next[partition] ?? offset
    if (offset !== next) this.faults.push(`${frame.id} where ${next} was next`)
    this.#next[partition] = offset + 1
    this.records++
  }
}
