import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startKafka, type KafkaCluster } from '../services/kafka.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { SseClient, type Frame } from './support/sse.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const BATCH = 100
const OUTAGE_MS_MAX = 30_000

describe('when Kafka is away', () => {
  const quakes = earthquakes()
  let kafka: KafkaCluster
  let topic: Topic
  let gateway: GatewayProcess
  let token: string
  const clients: { destroy(): void }[] = []
  before(async () => {
    kafka = await startKafka()
    topic = await Topic.create(kafka.brokers)
    gateway = await GatewayProcess.start({ brokers: kafka.brokers, topic: topic.name })
    token = await gateway.token()
  })
  after(async () => {
    clients.forEach((client) => client.destroy())
    await gateway.stop()
    await topic.disconnect()
    await kafka.stop()
  })

  it('in mid-stream, clients are told `paused` and `resumed`, stay connected and lose nothing', async () => {
    const followers = [new Follower(gateway.stream, token, 'websocket'), new Follower(gateway.stream, token, 'sse')]
    clients.push(...followers)
    await until(
      'both to ride',
      async () => (await gateway.metric('weir_subscriptions', '{mode="riding"}')) === 2 || null,
    )
    await topic.produce(quakes.slice(0, BATCH))
    for (const follower of followers) await follower.has(BATCH)
    kafka.freeze(0)
    for (const follower of followers) {
      const paused = await follower.control('paused')
      assert.equal(paused['reason'], 'source')
      assert.match(paused['cursor'] as string, /^w1\./)
    }
    kafka.thaw(0)
    for (const follower of followers) await follower.control('resumed')
    await topic.produce(quakes.slice(BATCH, 2 * BATCH))
    for (const follower of followers) {
      await follower.has(2 * BATCH)
      assert.deepEqual(new Set(follower.keys), new Set(quakes.slice(0, 2 * BATCH).map(({ key }) => key)))
      assert.deepEqual(follower.controls, ['paused', 'resumed'])
    }
    followers.forEach((follower) => follower.destroy())
  })

  it('at the start of a stream, a WebSocket is closed with 4002 and an event stream is told so inside a 200', async () => {
    const absent = await GatewayProcess.start({ brokers: ['127.0.0.1:1'], topic: topic.name, issuer: gateway })
    const webSocket = new WsClient(absent.stream, { token })
    const sse = new SseClient(absent.stream, { token })
    clients.push(webSocket, sse)
    const closing = await until('closing', () => webSocket.frames.find(({ type }) => type === 'closing'), OUTAGE_MS_MAX)
    assert.deepEqual([closing['code'], closing['error'], closing['retry']], [4002, 'source-unavailable', 'later'])
    assert.equal((await webSocket.ended()).code, 4002)
    const told = await until('closing', () => sse.frames.find(({ type }) => type === 'closing'), OUTAGE_MS_MAX)
    assert.deepEqual([sse.status, told['code'], told['retryAfter']], [200, 4002, 5])
    assert.deepEqual(sse.blocks[0], { retry: '5000' })
    assert.doesNotMatch(JSON.stringify([closing, told]), /127\.0\.0\.1|e2e\./)
    await absent.stop()
  })
})

/** Keeps the keys of records and the types of control frames. */
class Follower {
  readonly keys: string[] = []
  readonly controls: string[] = []
  readonly #frames: Frame[] = []
  readonly #client: WsClient | SseClient

  constructor(url: string, token: string, transport: 'websocket' | 'sse') {
    this.#client =
      transport === 'websocket'
        ? new WsClient(url, { token, onText: (text) => this.#see(text) })
        : new SseClient(url, { token, onBlock: ({ data }) => data !== undefined && this.#see(data) })
  }

  has(records: number): Promise<unknown> {
    return until(
      () => `${records} records, there are ${this.keys.length}`,
      () => this.keys.length === records || null,
      OUTAGE_MS_MAX,
    )
  }

  control(type: string): Promise<Frame> {
    return until(
      () => `${type} after ${this.controls.join(' ')}`,
      () => this.#frames.find((frame) => frame.type === type),
      OUTAGE_MS_MAX,
    )
  }

  destroy(): void {
    this.#client.destroy()
  }

  #see(text: string): void {
    const frame = JSON.parse(text) as Frame
    if (frame.type === 'record') return void this.keys.push(frame['key'] as string)
    this.#frames.push(frame)
    if (!['welcome', 'subscribed', 'position'].includes(frame.type)) this.controls.push(frame.type)
  }
}
