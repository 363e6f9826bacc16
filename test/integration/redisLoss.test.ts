import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { openRedisProxy, type RedisProxy } from '../quota/proxy.ts'
import { askRedis, startRedis } from '../services/redis.ts'
import type { Service } from '../services/service.ts'
import { kafkaBrokers, redisUrl } from '../services/use.ts'
import { billsOf, type Bill } from './support/bill.ts'
import { GatewayProcess, type Terms } from './support/gatewayProcess.ts'
import type { Frame } from './support/sse.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

/** Of a lease: an eighth of the allowance where a node is alone and spends fast. */
const chunkOf = (allowance: number): number => Math.ceil(allowance / 8)
/** Of an allowance, what one node hands out by itself while Redis is away. */
const shareOf = (allowance: number): number => Math.floor(allowance / 10)
/** Beyond what a call waits for its answer. */
const SLOW_MS = 600
const quakes = earthquakes()
/** Bytes of each value, by its key: no two have the same. */
const SIZES = new Map(quakes.map(({ key, value }) => [key, Buffer.byteLength(value)]))

interface Window {
  readonly name: string
  readonly unit: string
  readonly limit: number
  readonly used?: number
}

/** What `/usage` answers. */
interface Usage {
  readonly agreements: readonly {
    readonly windows: readonly Window[]
    readonly hours: readonly { readonly billed: number }[]
  }[]
}

/** A partner on one connection, which is never cut. */
class Partner {
  readonly records: Frame[] = []
  readonly told: Frame[] = []
  cursor = ''
  /** The longest time without a record since it was last set to 0. */
  silentMs = 0
  readonly #client: WsClient
  #heardAt = performance.now()
  #left = false

  constructor(gateway: GatewayProcess, token: string, from = 'earliest') {
    const onText = (text: string): void => this.#hear(JSON.parse(text) as Frame)
    this.#client = new WsClient(`${gateway.stream}?from=${from}`, { token, onText })
  }

  /** Of the last time it was told so, and not yet that it goes on. */
  get paused(): Frame | null {
    const last = this.told.at(-1)
    return last?.type === 'paused' ? last : null
  }

  has(count: number): Promise<true> {
    return until(
      () => `${count} records, there are ${this.records.length}; told ${JSON.stringify(this.told)}`,
      () => this.records.length >= count || null,
      30_000,
    )
  }

  pauses(): Promise<Frame> {
    return until(
      () => `a pause after ${this.records.length} records; told ${JSON.stringify(this.told)}`,
      () => this.paused,
      30_000,
    )
  }

  leave(): void {
    if (this.#left) return
    this.#left = true
    assert.equal(this.#client.closed, null, 'the connection held')
    this.#client.destroy()
  }

  #hear(frame: Frame): void {
    if (typeof frame['cursor'] === 'string') this.cursor = frame['cursor']
    if (frame.type === 'paused' || frame.type === 'resumed') this.told.push(frame)
    if (frame.type !== 'record') return
    this.silentMs = Math.max(this.silentMs, performance.now() - this.#heardAt)
    this.#heardAt = performance.now()
    this.records.push(frame)
  }
}

describe('a gateway whose Redis fails', () => {
  let redis: Service
  let proxy: RedisProxy
  let topic: Topic
  let gateway: GatewayProcess
  let produced = 0
  let restart: () => Promise<void>

  afterEach(async () => {
    await gateway?.stop()
    proxy?.close()
    await redis?.stop()
    await topic?.close()
  })

  it('hands out its share while Redis is killed in mid-stream and no more, goes on when it is back, and bills what came', async () => {
    const allowance = 2_000
    await open({ windows: `{ per: P1M, messages: ${allowance} }`, onLimit: 'pause', onRedisLoss: 'local' })
    const partner = await subscribe()
    await produce(400)
    await partner.has(400)
    await redis.stop()
    await produce(700)
    const pause = await partner.pauses()
    assert.deepEqual([pause['reason'], pause['resumesAt']], ['quota', undefined])
    const alone = partner.records.length - 400
    assert.ok(alone >= shareOf(allowance), `${alone} without Redis`)
    assert.ok(alone <= shareOf(allowance) + chunkOf(allowance), `${alone} without Redis`)
    await bringRedis()
    await partner.has(1_100)
    assert.equal(partner.paused, null)
    console.log(`local: ${alone} of 700 without Redis, a share of ${shareOf(allowance)} and what was leased`)
    await assertSpent(partner, allowance, 1_100)
    await assertBilled(partner)
  })

  it('of a plan that says so pauses while Redis is killed, tells why, and goes on when it is back, nothing lost, nothing twice', async () => {
    const allowance = 5_000
    await open({ windows: `{ per: P1M, messages: ${allowance} }`, onLimit: 'pause', onRedisLoss: 'pause' })
    const partner = await subscribe()
    await produce(300)
    await partner.has(300)
    await redis.stop()
    await produce(700)
    const pause = await partner.pauses()
    assert.deepEqual([pause['reason'], pause['resumesAt']], ['quota', undefined])
    const leased = partner.records.length - 300
    assert.ok(leased <= chunkOf(allowance), `${leased} without Redis`)
    await bringRedis()
    await partner.has(1_000)
    assert.equal(partner.paused, null)
    console.log(`pause: ${leased} of 700 without Redis, of what was leased`)
    await assertSpent(partner, allowance, 1_000)
    await assertBilled(partner)
  })

  for (const [name, goesOn, helpsItself] of [
    ['with a gateway that goes on', true, false],
    ['with a gateway that starts anew', false, false],
    ['with a gateway that starts anew and has just handed out its share', false, true],
  ] as const) {
    it(`brings exactly 100 more of 300 of which 200 are spent where Redis comes back empty ${name}`, async () => {
      await open({ windows: '{ per: P1M, messages: 300 }', onLimit: 'pause' })
      const first = await subscribe()
      await produce(200)
      await first.has(200)
      await redis.stop()
      if (!goesOn) {
        first.leave()
        await restart()
      }
      if (!helpsItself) await bringRedis()
      const partner = goesOn ? first : await subscribe(first.cursor)
      await produce(200)
      if (helpsItself) {
        await partner.has(shareOf(300))
        await bringRedis()
      }
      // It may pause before it finds Redis back, and then does not know until when.
      const resumesAt = await until('exhausted', () => partner.paused?.['resumesAt'], 30_000)
      assert.ok(Date.parse(resumesAt as string) > Date.now())
      const more = partner.records.length - (goesOn ? 200 : 0)
      console.log(`empty, ${name}: ${more} more`)
      assert.equal(more, 100)
      await assertBilled(...new Set([first, partner]))
    })
  }

  it('spends of an allowance just once what it handed out while Redis was away, where Redis comes back empty', async () => {
    await open({ windows: '{ per: P1M, messages: 300 }', onLimit: 'pause' })
    const partner = await subscribe()
    await produce(200)
    await partner.has(200)
    await redis.stop()
    await produce(200)
    await partner.pauses()
    const away = partner.records.length
    assert.ok(away >= 200 + shareOf(300))
    await untilInLedger(away)
    await bringRedis()
    await until('exhausted', () => partner.paused?.['resumesAt'], 30_000)
    console.log(`empty after ${away - 200} without Redis: ${partner.records.length} of 300`)
    assert.equal(partner.records.length, 300)
    await assertBilled(partner)
  })

  it('whose scripts are forgotten again and again brings exactly 500 of 500', async () => {
    await open({ windows: '{ per: P1M, messages: 500 }', onLimit: 'pause' })
    await produce(1_000)
    const flushing = new AbortController()
    let flushes = 0
    const flush = async (): Promise<void> => {
      for (; !flushing.signal.aborted; flushes++) await askRedis(redis.value, 'SCRIPT FLUSH')
    }
    const flushed = flush()
    const partner = await subscribe()
    const pause = await partner.pauses()
    flushing.abort()
    await flushed
    const texts = Number(/cmdstat_eval:calls=(\d+)/.exec(await askRedis(redis.value, 'INFO commandstats'))?.[1] ?? 0)
    console.log(`forgotten: ${partner.records.length} of 500, ${flushes} flushes, the script sent ${texts} times`)
    assert.ok(Date.parse(pause['resumesAt'] as string) > Date.now())
    assert.ok(texts > 1, 'the script was forgotten, and sent again')
    assert.equal(partner.records.length, 500)
    await assertBilled(partner)
  })

  it('delivers on while each answer comes after its deadline, and counts it all when Redis is itself again', async () => {
    const allowance = 10_000
    await open({ windows: `{ per: P1M, messages: ${allowance} }`, onLimit: 'pause', onRedisLoss: 'local' })
    const partner = await subscribe()
    await produce(100)
    await partner.has(100)
    proxy.delayMs = SLOW_MS
    const leased =
      (await gateway.metric('weir_quota_granted_total')) - (await gateway.metric('weir_quota_returned_total'))
    const end = leased + shareOf(allowance) / 2
    partner.silentMs = 0
    while (produced < end) {
      await produce(20)
      await partner.has(produced)
    }
    const failures = await gateway.metric('weir_quota_failures_total')
    const local = await gateway.metric('weir_quota_local_total')
    console.log(
      `slow: ${produced - 100} delivered, silent for ${Math.round(partner.silentMs)} ms at most, ${failures} calls too late, ${local} of its own share`,
    )
    assert.ok(partner.silentMs < 5_000, `silent for ${partner.silentMs} ms`)
    assert.deepEqual(partner.told, [])
    assert.ok(failures > 0 && local > 0 && local <= shareOf(allowance))
    proxy.delayMs = 0
    await assertSpent(partner, allowance, produced)
    await assertBilled(partner)
  })

  async function open(terms: Terms): Promise<void> {
    // One of its own, since it is killed; the shared one is asked for so that there is a program to start.
    assert.ok(redisUrl())
    redis = await startRedis()
    proxy = await openRedisProxy(redis.value)
    topic = await Topic.create(kafkaBrokers())
    produced = 0
    gateway = await GatewayProcess.start(settings(terms))
    restart = async () => {
      await gateway.stop()
      gateway = await GatewayProcess.start({ ...settings(terms), dataDir: gateway.dataDir })
    }
  }

  function settings(terms: Terms): Parameters<typeof GatewayProcess.start>[0] {
    return { brokers: kafkaBrokers(), topic: topic.name, terms, config: { redis: { url: proxy.url } } }
  }

  async function bringRedis(): Promise<void> {
    redis = await startRedis()
    proxy.target = redis.value
  }

  async function subscribe(from = 'earliest'): Promise<Partner> {
    return new Partner(gateway, await gateway.token(), from)
  }

  async function produce(count: number): Promise<void> {
    await topic.produce(quakes.slice(produced, produced + count))
    produced += count
  }

  /** The store knows what was spent, to the message, once what riders have in advance is given back. */
  async function assertSpent(partner: Partner, allowance: number, spent: number): Promise<void> {
    partner.leave()
    let left = 0
    await until(
      () => `${allowance - spent} to be left, there are ${left}`,
      async () => {
        left = await remaining()
        return left === allowance - spent
      },
      15_000,
    )
  }

  async function usage(): Promise<Usage> {
    const headers = { Authorization: `Bearer ${await gateway.token()}` }
    return (await (await fetch(`${gateway.url}/usage`, { headers })).json()) as Usage
  }

  async function remaining(): Promise<number> {
    const { agreements } = await usage()
    const { limit, used } = agreements[0]?.windows.find(({ name, unit }) => name === 'P1M' && unit === 'messages') ?? {}
    return (limit ?? NaN) - (used ?? NaN)
  }

  async function untilInLedger(records: number): Promise<void> {
    await until(`${records} in the ledger`, async () => {
      const { agreements } = await usage()
      return agreements.flatMap(({ hours }) => hours).reduce((sum, { billed }) => sum + billed, 0) >= records
    })
  }

  /** All that came, without a hole and nothing twice, is what is billed: in messages and in bytes. Ends the gateway. */
  async function assertBilled(...partners: readonly Partner[]): Promise<void> {
    const records = partners.flatMap((partner) => partner.records)
    assertWhole(records)
    for (const partner of partners) partner.leave()
    await gateway.stop()
    const bills = billsOf(gateway.dataDir)
    const bytes = records.reduce((sum, { key }) => sum + (SIZES.get(key as string) ?? NaN), 0)
    const { delivered, billed, redelivered, bytes: billedBytes } = bills[0] as Bill
    console.log(
      `  billed ${billed} of ${records.length} messages, ${billedBytes} of ${bytes} bytes, redelivered ${redelivered}`,
    )
    assert.equal(bills.length, 1)
    assert.deepEqual([delivered, billed, redelivered, billedBytes], [records.length, records.length, 0, bytes])
  }
})

/** No record twice, and none left out of a partition, up to its last. */
function assertWhole(records: readonly Frame[]): void {
  const next = new Map<string, number>()
  for (const { id } of records) {
    const [partition, offset] = (id as string).split('-') as [string, string]
    assert.equal(Number(offset), next.get(partition) ?? 0, `${String(id)} follows the one before it`)
    next.set(partition, Number(offset) + 1)
  }
}
