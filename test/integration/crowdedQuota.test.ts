import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { kafkaBrokers, redisUrl } from '../services/use.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { seeded, seedOfRun } from './support/random.ts'
import type { Frame } from './support/sse.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const ALLOWANCE = 10_000
const CONNECTIONS = 1_000
/** `WEIR_TEST_SEEDS=20` tries more. */
const SEEDS = Number(process.env['WEIR_TEST_SEEDS'] ?? 3)
type Magnitude = number | null
const FILTERS: readonly { readonly where?: string; readonly keeps: (magnitude: Magnitude) => boolean }[] = [
  { keeps: () => true },
  { where: 'magnitude=ge=1', keeps: (magnitude) => magnitude !== null && magnitude >= 1 },
  { where: 'magnitude=ge=2', keeps: (magnitude) => magnitude !== null && magnitude >= 2 },
  { where: 'magnitude=lt=1', keeps: (magnitude) => magnitude !== null && magnitude < 1 },
  { where: 'place!=nowhere', keeps: () => true },
]
type Filter = (typeof FILTERS)[number]
const LEAVES = 600

/** One connection, which subscribes, leaves politely, so that nothing is lost on its way, and comes back to another view. */
class Member {
  received = 0
  /** Of them, by the subscription that it has. */
  receivedHere = 0
  filter: Filter | null = null
  /** What it was last told of its subscription. */
  state: 'idle' | 'asked' | 'subscribed' | 'paused' | 'leaving' = 'idle'
  error: string | null = null
  readonly #socket: WebSocket
  #subscriptions = 0

  constructor(gateway: GatewayProcess, token: string) {
    const headers = { Authorization: `Bearer ${token}` }
    this.#socket = new WebSocket(`${gateway.url.replace(/^http/, 'ws')}/streams`, 'weir.v1', {
      headers,
      perMessageDeflate: false,
    })
    this.#socket.on('message', (data: Buffer) => this.#hear(data))
    this.#socket.on('error', (error) => (this.error = error.message))
    this.#socket.on('close', (code) => (this.error ??= `closed with ${code}`))
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  join(filter: Filter): void {
    if (this.state !== 'idle') return
    this.state = 'asked'
    this.filter = filter
    this.receivedHere = 0
    const id = `s${++this.#subscriptions}`
    this.#send({
      type: 'subscribe',
      id,
      product: 'earthquakes',
      stream: 'events',
      from: 'earliest',
      where: filter.where,
    })
  }

  leave(): void {
    if (this.state !== 'subscribed' && this.state !== 'paused') return
    this.state = 'leaving'
    this.#send({ type: 'unsubscribe', id: `s${this.#subscriptions}` })
  }

  end(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.terminate()
  }

  #send(frame: object): void {
    this.#socket.send(JSON.stringify(frame))
  }

  #hear(data: Buffer): void {
    if (data.toString('latin1', 0, 16) === '{"type":"record"') {
      this.received++
      this.receivedHere++
      return
    }
    const { type, code } = JSON.parse(data.toString()) as Frame
    if (type === 'subscribed') this.state = 'subscribed'
    if (type === 'paused') this.state = this.state === 'leaving' ? 'leaving' : 'paused'
    if (type === 'resumed') this.state = this.state === 'leaving' ? 'leaving' : 'subscribed'
    if (type === 'unsubscribed') this.state = 'idle'
    if (type === 'error' || type === 'ended' || type === 'closing') this.error = `${type}: ${String(code)}`
  }
}

describe('an allowance under a crowd', () => {
  const seed = seedOfRun()
  const consumers = Array.from({ length: SEEDS }, (_, i) => `crowd-${seed}-${i}`)
  let topic: Topic
  const gateways: GatewayProcess[] = []
  let members: Member[] = []

  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    topic = await Topic.create(kafkaBrokers())
    await topic.produce(earthquakes())
    const common = {
      brokers: kafkaBrokers(),
      topic: topic.name,
      consumers,
      terms: { windows: `{ per: P1D, messages: ${ALLOWANCE} }`, onLimit: 'pause' as const },
      config: { redis: { url: redisUrl() } },
    }
    const first = await GatewayProcess.start(common)
    gateways.push(first, await GatewayProcess.start({ ...common, issuer: first }))
  })
  after(async () => {
    for (const member of members) member.end()
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await topic?.close()
  })

  for (const [i, consumer] of consumers.entries()) {
    it(`of ${CONNECTIONS} connections that come and go over ${FILTERS.length} views on two gateways is spent to the last record and no further, seed ${i + 1} of ${SEEDS}`, async () => {
      const random = seeded(seed + i)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
      const token = await (gateways[0] as GatewayProcess).token(3_600_000, consumer)
      members = Array.from({ length: CONNECTIONS }, (_, n) => new Member(gateways[n % 2] as GatewayProcess, token))
      await until('everybody to be connected', () => members.every(({ open }) => open) || null, 30_000)
      for (const member of members) if (random() < 0.5) member.join(pick(FILTERS))
      for (let leaves = 0; leaves < LEAVES; leaves++) {
        const member = pick(members)
        if (member.state === 'idle') member.join(pick(FILTERS))
        else member.leave()
        if (leaves % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      // Who was early may have all there is for it: nothing waits, so it is not paused.
      const magnitudes = earthquakes().map(({ value }) => (JSON.parse(value) as { magnitude: Magnitude }).magnitude)
      const whole = new Map(FILTERS.map((filter) => [filter, magnitudes.filter(filter.keeps).length]))
      const settled = ({ state, filter, receivedHere }: Member): boolean =>
        state === 'idle' || state === 'paused' || (filter !== null && receivedHere === whole.get(filter))
      const received = (): number => members.reduce((sum, one) => sum + one.received, 0)
      const errors = (): readonly string[] => members.flatMap(({ error }) => error ?? [])
      const open = (): string =>
        members
          .filter((one) => !settled(one))
          .slice(0, 3)
          .map(({ state, filter, receivedHere }) => `${state} ${filter?.where} has ${receivedHere}`)
          .join()
      const states = (): object =>
        Object.fromEntries(
          ['idle', 'asked', 'subscribed', 'paused', 'leaving'].map((state) => [
            state,
            members.filter((one) => one.state === state).length,
          ]),
        )
      await until(
        () =>
          `everybody to be paused at ${ALLOWANCE}, there are ${received()}: ${JSON.stringify(states())}, ${open()}; ${errors().slice(0, 3).join()}`,
        () => members.every(settled) || null,
        90_000,
      )
      assert.deepEqual(errors(), [])
      assert.equal(received(), ALLOWANCE)
      for (const member of members.splice(0)) member.end()
    })
  }
})
