import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { rawMember } from '../../gateway/rawMember.ts'
import { kafkaBrokers, postgresUrl, redisUrl } from '../services/use.ts'
import { billsOf, type Bill } from './support/bill.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { newDatabase } from './support/database.ts'
import { readBack } from './support/readBack.ts'
import { COMPACTED, earthquakes, type Message, Topic } from './support/topic.ts'
import type { Frame } from './support/sse.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const PARTNERS = ['acme', 'beta', 'gamma'] as const
/** Comes only to be killed. */
const LATE = 'delta'
/** What gamma sees. */
const FILTER = 'magnitude=ge=2'
const CUTS = 12
const PARTITIONS = 4
/** Every so many-th record of a batch is revised in the next one, under the same key: compaction takes what it was. */
const REVISED_EVERY = 3
const HOLES_MIN = 50
/** Title of what is not committed. */
const ABORTED = 'aborted'
const FLUSH_MS = 1_000

/** Of each record: when it came first, monotonic ms, and the bytes of its value as they came. */
interface Had {
  readonly at: number
  readonly bytes: number
  readonly magnitude: number
}

/** One partner, who comes back with the last cursor, to either gateway; and all that it was handed. */
class Partner {
  readonly consumer: string
  readonly ids = new Map<string, Had>()
  /** Records that were written and never committed. */
  aborted = 0
  at: GatewayProcess | null = null
  received = 0
  #cursor = 'earliest'
  #client: WsClient | null = null

  constructor(consumer: string) {
    this.consumer = consumer
  }

  connect(gateway: GatewayProcess, token: string): void {
    this.at = gateway
    const where = this.consumer === 'gamma' ? `&where=${FILTER}` : ''
    const onText = (text: string): void => this.#hear(JSON.parse(text) as Frame, text)
    this.#client = new WsClient(`${gateway.stream}?from=${this.#cursor}${where}`, { token, onText })
  }

  get gone(): boolean {
    return this.#client === null || this.#client.closed !== null || this.#client.status !== 0
  }

  cut(): void {
    this.#client?.destroy()
    this.#client = null
  }

  /** Comes back without its cursor: reads all that there still is once more. */
  forget(): void {
    this.cut()
    this.#cursor = 'earliest'
  }

  #hear({ type, id, cursor, data }: Frame, text: string): void {
    if (typeof cursor === 'string') this.#cursor = cursor
    if (type !== 'record') return
    this.received++
    const { title, magnitude } = data as { readonly title: string; readonly magnitude: number }
    if (title === ABORTED) this.aborted++
    const bytes = Buffer.byteLength(rawMember(text, 'data') as string)
    const before = this.ids.get(id as string)
    assert.equal(before?.bytes ?? bytes, bytes, `${String(id)} is the same whenever it comes`)
    if (!before) this.ids.set(id as string, { at: performance.now(), bytes, magnitude })
  }
}

describe('the bill', () => {
  const seed = seedOfRun()
  const random = seeded(seed)
  let topic: Topic
  let database: string
  let common: Parameters<typeof GatewayProcess.start>[0]
  const gateways: GatewayProcess[] = []
  /** Records that were committed, whether compaction has taken them or not. */
  let produced = 0
  let rolls = 0
  /** What acme had when the first test ended. */
  let had: ReadonlySet<string> = new Set()

  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    topic = await Topic.create(kafkaBrokers(), PARTITIONS, COMPACTED)
    database = await newDatabase(postgresUrl())
    const usageTopic = `usage.${topic.name}`
    common = {
      brokers: kafkaBrokers(),
      topic: topic.name,
      consumers: [...PARTNERS, LATE],
      config: {
        redis: { url: redisUrl() },
        usage: { cluster: 'main', topic: usageTopic, flushMs: FLUSH_MS },
      },
      env: { WEIR_DATABASE_URL: database },
    }
    const first = await GatewayProcess.start(common)
    gateways.push(first, await GatewayProcess.start({ ...common, issuer: first }))
  })
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await topic?.close()
  })

  it('is the set of records that each partner had, to the message and the byte, over cuts, aborted records, holes of compaction, a filter and a killed gateway', async () => {
    const quakes = earthquakes()
    const partners = PARTNERS.map((consumer) => new Partner(consumer))
    const [acme, beta, gamma] = partners as [Partner, Partner, Partner]
    const tokens = new Map<string, string>()
    for (const consumer of PARTNERS)
      tokens.set(consumer, await (gateways[0] as GatewayProcess).token(3_600_000, consumer))
    let killed = false
    // Only one of them meets the gateway that is killed: the others' bills have to be whole.
    const doorOf = (partner: Partner): number => ((partner !== beta && !killed) || random() < 0.4 ? 0 : 1)
    const connect = (partner: Partner): void =>
      partner.connect(gateways[doorOf(partner)] as GatewayProcess, tokens.get(partner.consumer) as string)
    /** What the killed gateway may not have written down of what each had. */
    let exposed: ReadonlyMap<Partner, readonly string[]> = new Map()
    const present = [acme, beta]
    present.forEach(connect)
    const batches = CUTS + 2
    let before: readonly Message[] = []
    for (let batch = 0; batch < batches; batch++) {
      const [from, to] = [batch, batch + 1].map((at) => Math.floor((at * quakes.length) / batches)) as [number, number]
      await produce(before.filter((_, i) => i % REVISED_EVERY === 0).map((quake) => revised(quake, { felt: batch })))
      await produce((before = quakes.slice(from, to)))
      await abort(
        topic.name,
        before.slice(0, 3).map((quake) => revised(quake, { title: ABORTED })),
      )
      await later(50 + random() * 250)
      if (batch === Math.floor(batches / 3)) {
        // From here on two of them, one with a filter, read from the start across holes, and are cut meanwhile.
        await untilCompacted()
        beta.forget()
        present.push(gamma)
      }
      if (batch === Math.floor((2 * batches) / 3)) beta.forget()
      const cut = present[Math.floor(random() * present.length)] as Partner
      cut.cut()
      if (batch === Math.floor(batches / 2)) {
        exposed = await killAndRestart(present)
        killed = true
      }
      for (const partner of present) if (partner.gone) connect(partner)
    }
    const log = await inTopic()
    // The last record of a key is never taken.
    const due = (partner: Partner): string[] =>
      [...new Map([...log].map(([id, { key, magnitude }]) => [key, { id, magnitude }])).values()]
        .filter(({ magnitude }) => partner !== gamma || magnitude >= 2)
        .map(({ id }) => id)
    for (const partner of partners) {
      await until(
        () => `${partner.consumer} to have ${due(partner).length}, it has ${partner.ids.size}; WEIR_TEST_SEED=${seed}`,
        () => {
          if (partner.gone) connect(partner)
          return due(partner).every((id) => partner.ids.has(id)) || null
        },
        60_000,
      )
      assert.equal(partner.aborted, 0)
      assert.ok(partner.ids.size <= produced)
    }
    for (const partner of partners) partner.cut()
    const crossed = [...acme.ids].filter(([id, { magnitude }]) => magnitude >= 2 && !gamma.ids.has(id)).length
    console.log(
      `${produced - log.size} of ${produced} committed records are holes of compaction, gamma crossed ${crossed} of what its filter keeps`,
    )
    assert.ok(crossed > 0 && gamma.ids.size > 0 && [...gamma.ids.values()].every(({ magnitude }) => magnitude >= 2))
    const reread = await readPage(tokens.get('acme') as string)
    for (const partner of partners) {
      const unsure = exposed.get(partner) ?? []
      const records = partner.ids.size
      const sum = (ids: Iterable<string>): number =>
        [...ids].reduce((all, id) => all + (partner.ids.get(id)?.bytes ?? NaN), 0)
      const bytes = sum(partner.ids.keys())
      const { billed, ...line } = await settled(partner.consumer, records - unsure.length)
      console.log(
        `${partner.consumer}: billed ${billed} of ${records} records, ${line.bytes} of ${bytes} bytes; received ${partner.received}, redelivered ${line.redelivered}; double-billed ${Math.max(0, billed - records)}; unbilled ${records - billed}, of ${unsure.length} exposed to the kill`,
      )
      assert.ok(billed <= records && billed >= records - unsure.length)
      assert.ok(line.bytes <= bytes && line.bytes >= bytes - sum(unsure))
      assert.equal(line.delivered, billed + line.redelivered)
      if (partner === beta) assert.ok(line.redelivered > 0, 'what came again is shown')
      else assert.deepEqual([billed, line.bytes, unsure.length], [records, bytes, 0])
      if (partner === acme)
        assert.ok(line.redelivered >= reread && reread > 0, 'what was read again is shown, and free')
    }
    had = new Set(acme.ids.keys())
  })

  it('lacks at most what one flush delivered where a gateway is killed and nobody comes back, and what was billed before is not billed again', async () => {
    const [first, second] = gateways as [GatewayProcess, GatewayProcess]
    const before = report()
    const late = new Partner(LATE)
    const again = new Partner('acme')
    for (const partner of [late, again]) partner.connect(second, await first.token(3_600_000, partner.consumer))
    const heard: { readonly at: number; readonly records: number }[] = []
    for (let at = performance.now(); at + 4_000 > performance.now();) {
      await topic.produce(earthquakes().slice(0, 20))
      heard.push({ at: performance.now(), records: late.ids.size })
    }
    const killedAt = performance.now()
    await second.stop('SIGKILL')
    const handed = late.ids.size
    gateways[1] = await GatewayProcess.start({ ...common, dataDir: second.dataDir, issuer: first })
    // A flush, the tick that it waits for, and as much again for a machine that is busy.
    const flushed = heard.findLast(({ at }) => at < killedAt - FLUSH_MS - 500)?.records ?? 0
    assert.ok(flushed > 1_000 && handed > flushed)
    const line = await until(
      () => `${flushed} of ${handed} to be billed: ${JSON.stringify(report())}`,
      () => report().find(({ consumer, billed }) => consumer === LATE && billed >= flushed),
      30_000,
    )
    console.log(`killed: ${line.billed} billed of ${handed} received, ${flushed} of them before the last flush`)
    assert.ok(line.billed >= flushed && line.billed <= handed)
    const old = before.find(({ consumer }) => consumer === 'acme') as Bill
    const now = await until('the redelivery', () =>
      report().find(({ consumer, redelivered }) => consumer === 'acme' && redelivered > old.redelivered),
    )
    const more = [...again.ids.keys()].filter((id) => !had.has(id)).length
    assert.ok(now.billed <= old.billed + more, 'a redelivery is free')
    for (const partner of [late, again]) partner.cut()
  })

  /** Answers what each partner had of the killed gateway within a flush, and the tick that it waits for. */
  async function killAndRestart(partners: readonly Partner[]): Promise<ReadonlyMap<Partner, readonly string[]>> {
    const [first, second] = gateways as [GatewayProcess, GatewayProcess]
    const since = performance.now() - FLUSH_MS - 500
    await second.stop('SIGKILL')
    const exposed = new Map(
      partners
        .filter(({ at }) => at === second)
        .map((partner) => [partner, [...partner.ids].filter(([, { at }]) => at >= since).map(([id]) => id)]),
    )
    gateways[1] = await GatewayProcess.start({ ...common, dataDir: second.dataDir, issuer: first })
    return exposed
  }

  /** Reads from the start once more; answers how many records came. */
  async function readPage(token: string): Promise<number> {
    const address = `${(gateways[0] as GatewayProcess).stream}?from=earliest&limit=1000`
    const answer = await fetch(address, { headers: { Authorization: `Bearer ${token}` } })
    return ((await answer.json()) as { readonly records: readonly unknown[] }).records.length
  }

  /** The line of a consumer once it does not change any more. */
  async function settled(consumer: string, least: number): Promise<Bill> {
    let last = ''
    return until(
      () => `the bill of ${consumer} to have ${least}: ${JSON.stringify(report())}`,
      async () => {
        const line = report().find((one) => one.consumer === consumer)
        const text = JSON.stringify(line)
        const still = text === last
        last = text
        if (still && line !== undefined && line.billed >= least) return line
        await later(2 * FLUSH_MS)
        return null
      },
      60_000,
    )
  }

  /** Three records that are written and never committed. */
  async function abort(name: string, messages: readonly Message[]): Promise<void> {
    const kafka = new Kafka({ brokers: [...kafkaBrokers()], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: `abort.${name}`, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: name, messages: [...messages] })
    await transaction.abort()
    await producer.disconnect()
  }

  async function produce(messages: readonly Message[]): Promise<void> {
    await topic.produce(messages)
    produced += messages.length
  }

  /** Until many of the records that were revised are gone. */
  async function untilCompacted(): Promise<void> {
    await until(
      () => `${HOLES_MIN} holes`,
      async () => produced - (await inTopic()).size >= HOLES_MIN || null,
      90_000,
    )
  }

  /** What there is in the topic now, by id and in the order of each partition, by a client of its own. */
  async function inTopic(): Promise<ReadonlyMap<string, Kept>> {
    const ends = Array.from({ length: PARTITIONS }, (_, partition) => {
      return { ...revised(earthquakes()[0] as Message, { felt: ++rolls }), key: `end ${rolls}`, partition }
    })
    await produce(ends)
    const keys = ends.map(({ key }) => key)
    const log = await readBack(kafkaBrokers(), topic.name, keys)
    return new Map(
      log.map(({ id, key, value }) => [id, { key, magnitude: (JSON.parse(value) as { magnitude: number }).magnitude }]),
    )
  }

  function report(): Bill[] {
    return billsOf((gateways[0] as GatewayProcess).dataDir, { WEIR_DATABASE_URL: database })
  }
})

interface Kept {
  readonly key: string
  readonly magnitude: number
}

/** The same event, told anew. */
function revised({ key, value }: Message, changes: object): Message {
  return { key, value: JSON.stringify({ ...(JSON.parse(value) as object), ...changes }) }
}
