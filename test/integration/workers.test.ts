import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { packageRoot } from '../../gateway/package.ts'
import { kafkaBrokers, redisUrl } from '../services/use.ts'
import { scratchFolder } from '../services/scratch.ts'
import { billsOf } from './support/bill.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'
import type { Frame } from './support/sse.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const ALLOWANCE = 500
const FLUSH_MS = 500
/** So many that one worker has them all once in 30,000 times. */
const CROWD = 16
const CONSUMERS = Array.from({ length: CROWD }, (_, i) => `partner-${i}`)

describe('several workers on one port', () => {
  let topic: Topic
  let common: Parameters<typeof GatewayProcess.start>[0]
  const clients: WsClient[] = []
  const gateways: GatewayProcess[] = []
  const start = async (settings: Parameters<typeof GatewayProcess.start>[0] = {}): Promise<GatewayProcess> => {
    const gateway = await GatewayProcess.start({ ...common, ...settings })
    gateways.push(gateway)
    return gateway
  }

  before(async () => {
    topic = await Topic.create(kafkaBrokers())
    await topic.produce(earthquakes().slice(0, 600))
    common = {
      brokers: kafkaBrokers(),
      topic: topic.name,
      consumers: CONSUMERS,
      config: {
        redis: { url: redisUrl() },
        usage: { cluster: 'main', topic: `usage.${topic.name}`, flushMs: FLUSH_MS },
      },
      args: ['--workers', '2'],
    }
  })
  afterEach(() => clients.splice(0).forEach((client) => client.destroy()))
  const stopAll = async (): Promise<void> => {
    await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()))
  }
  after(async () => {
    await stopAll()
    await topic?.close()
  })

  it('both take connections, the operator sees each by itself, and an allowance of 500 is 500 over both', async () => {
    const terms = { windows: `{ per: P1D, messages: ${ALLOWANCE} }`, onLimit: 'pause' as const }
    const consumer = `quota-${topic.name}`
    const gateway = await start({ terms, consumers: [consumer] })
    const token = await gateway.token(3_600_000, consumer)
    const crowd = CONSUMERS.map(() => kept(new WsClient(`${gateway.stream}?from=earliest`, { token })))
    await Promise.all(crowd.map((client) => client.frame('paused')))
    const received = crowd.map(({ records }) => records.length)
    const live = await Promise.all(['0', '1'].map((i) => gateway.metric('weir_connections', `{worker="${i}"}`)))
    console.log(`${CROWD} connections as ${live.join(' + ')}; ${received.join(' + ')} records`)
    assert.equal(
      received.reduce((sum, one) => sum + one, 0),
      ALLOWANCE,
    )
    assert.ok(live.every((one) => one > 0) && sumOf(live) === CROWD)
    const ready = await fetch(`${gateway.controlUrl}/readyz`)
    const { checks } = (await ready.json()) as { readonly checks: { readonly [name: string]: string } }
    assert.deepEqual([ready.status, checks['worker 0'], checks['worker 1']], [200, 'ready', 'ready'])
    const text = await (await fetch(`${gateway.controlUrl}/metrics`)).text()
    assert.equal(text.match(/^# TYPE weir_connections gauge$/gm)?.length, 1, 'each name is described once')
    assert.equal(await gateway.metric('weir_worker_up', '{worker="1"}'), 1)
    const pages = await Promise.all(crowd.map(() => fetch(`${gateway.url}/readyz`)))
    assert.ok(pages.every(({ status }) => status === 200))
  })

  it('a worker that is killed costs its clients a reconnect: the others stay, nothing is lost, and the bill is the set that each had', async () => {
    await stopAll()
    const gateway = await start()
    const partners = await partnersOf(gateway, 'earliest')
    await haveAll(partners)
    const before = sumOf(await topic.ends())
    await settledBills(gateway, new Map(partners.map(({ consumer }) => [consumer, before])))
    const [, victim] = pidsOf(gateway) as [number, number]
    const touched = partners.filter(({ consumer }) => workerOf(gateway, consumer) === 1)
    assert.ok(touched.length > 0 && touched.length < CROWD)
    await topic.produce(earthquakes().slice(600, 1_200))
    await until('some of it', () => touched.some(({ ids }) => ids.size > 700) || null)
    process.kill(victim, 'SIGKILL')
    await until('it to be missed', () => gateway.log().some(({ event, of }) => event === 'worker-ended' && of === 1))
    for (const partner of touched) await until('its connection to end', () => partner.gone || null)
    // What stood in no flush yet is not billed, unless it is handed over again.
    const exposed = new Map(touched.map(({ consumer, ids }) => [consumer, ids.size - before]))
    const answers = await Promise.all(CONSUMERS.map(() => fetch(`${gateway.url}/products`)))
    assert.ok(answers.every(({ status }) => status === 200 || status === 401))
    assert.equal((await fetch(`${gateway.controlUrl}/readyz`)).status, 503)
    for (const partner of touched) partner.connect()
    await topic.produce(earthquakes().slice(1_200))
    await haveAll(partners)
    assert.ok(partners.every((partner) => touched.includes(partner) || !partner.gone))
    await until('another one to serve', () => pidsOf(gateway).length === 3 || null, 20_000)
    assert.equal(await gateway.metric('weir_worker_restarts_total', '{worker="1"}'), 1)
    assert.equal((await fetch(`${gateway.controlUrl}/readyz`)).status, 200)
    const all = sumOf(await topic.ends())
    const due = partners.map(({ consumer }) => [consumer, all - (exposed.get(consumer) ?? 0)] as const)
    const bills = await settledBills(gateway, new Map(due))
    for (const { consumer } of partners) {
      const unsure = exposed.get(consumer) ?? 0
      const billed = bills.get(consumer) as number
      assert.ok(billed <= all && billed >= all - unsure, `${consumer}: ${billed} of ${all}, ${unsure} exposed`)
    }
    const least = Math.max(...exposed.values())
    console.log(`${touched.length} of ${CROWD} partners lost their worker; at most ${least} records unbilled of ${all}`)
  })

  it('a supervisor that is killed takes its workers with it, who drain; one worker takes up what two left', async () => {
    // Of the test before, with a worker that was replaced.
    const [gateway] = gateways as [GatewayProcess]
    const partners = await partnersOf(gateway, 'earliest')
    await haveAll(partners)
    const pids = pidsOf(gateway)
    await gateway.stop('SIGKILL')
    for (const { client } of partners) assert.deepEqual(await client.ended(), { code: 4000, reason: 'draining' })
    await until('the workers to be gone', () => pids.every((pid) => !isAlive(pid)) || null)
    const orphan = join(gateway.dataDir, 'journal/worker-1')
    assert.ok(existsSync(orphan))
    const next = await start({ args: [], dataDir: gateway.dataDir })
    await until('its folder to be gone', () => !existsSync(orphan) || null)
    const all = sumOf(await topic.ends())
    const bills = await settledBills(next, new Map(partners.map(({ consumer }) => [consumer, all])))
    for (const { consumer } of partners) assert.equal(bills.get(consumer), all)
  })

  it('SIGTERM to all processes of the group drains each once: everybody has one `closing` with a cursor, and goes on elsewhere without a loss', async () => {
    await stopAll()
    const gateway = await start()
    const partners = await partnersOf(gateway, 'earliest')
    await haveAll(partners)
    const ended = gateway.stop('SIGTERM')
    for (const pid of pidsOf(gateway)) process.kill(pid, 'SIGTERM')
    for (const { client } of partners) assert.deepEqual(await client.ended(), { code: 4000, reason: 'draining' })
    assert.equal(await ended, 'exit code 0')
    assert.ok(partners.every(({ closings }) => closings === 1))
    await topic.produce(earthquakes().slice(0, 200))
    const next = await start({ args: [], issuer: gateway })
    for (const partner of partners) partner.connect(next)
    await haveAll(partners)
    assert.ok(partners.every(({ ids, received }) => received === ids.size))
  })

  it('is refused in words where a part lives in one process, and where the port is somebody else’s', async () => {
    const folder = scratchFolder('refused')
    const specs = join(packageRoot, 'specs/earthquakes')
    const config = join(folder, 'weir.yaml')
    const run = (yaml: object, ...args: string[]) => {
      writeFileSync(
        config,
        JSON.stringify({ specs: [specs], control: { port: 0 }, dataDir: join(folder, 'data'), ...yaml }),
      )
      return spawnSync(process.execPath, [MAIN, 'start', '--config', config, ...args], {
        encoding: 'utf8',
        cwd: folder,
      })
    }
    const bare = run({}, '--workers', '2')
    assert.equal(bare.status, 2)
    for (const key of ['clusters', 'redis.url', 'usage.cluster'])
      assert.match(bare.stderr, new RegExp(`^weir: --workers 2: .* set \`${key}\`.*, or start one worker$`, 'm'))
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const clusters = { main: { brokers: kafkaBrokers() } }
    const other = {
      clusters,
      redis: { url: redisUrl() },
      usage: { cluster: 'main' },
      listen: { host: '127.0.0.1', port },
    }
    const taken = run(other, '--workers', '2')
    server.close()
    assert.equal(taken.status, 3)
    assert.match(taken.stderr, new RegExp(`^weir: Cannot listen on 127.0.0.1:${port}: the address is taken`, 'm'))
  })

  function kept(client: WsClient): WsClient {
    clients.push(client)
    return client
  }

  async function partnersOf(gateway: GatewayProcess, from: string): Promise<Partner[]> {
    const partners: Partner[] = []
    for (const consumer of CONSUMERS) {
      const token = await gateway.token(3_600_000, consumer)
      partners.push(new Partner(consumer, token, from, kept))
    }
    for (const partner of partners) partner.connect(gateway)
    return partners
  }

  async function haveAll(partners: readonly Partner[]): Promise<void> {
    const all = sumOf(await topic.ends())
    const missing = (): Partner | undefined => partners.find(({ ids }) => ids.size < all)
    await until(
      () => `${all} records: ${missing()?.consumer} has ${missing()?.ids.size}, gone ${missing()?.gone}`,
      () => missing() === undefined || null,
      30_000,
    )
  }
})

/** Comes back with its cursor. */
class Partner {
  readonly consumer: string
  readonly ids = new Set<string>()
  received = 0
  closings = 0
  client!: WsClient
  readonly #token: string
  readonly #kept: (client: WsClient) => WsClient
  #gateway: GatewayProcess | null = null
  #cursor: string

  constructor(consumer: string, token: string, from: string, kept: (client: WsClient) => WsClient) {
    this.consumer = consumer
    this.#token = token
    this.#cursor = from
    this.#kept = kept
  }

  get gone(): boolean {
    return this.client.closed !== null || this.client.status !== 0
  }

  connect(gateway = this.#gateway as GatewayProcess): void {
    this.#gateway = gateway
    const onText = (text: string): void => this.#hear(JSON.parse(text) as Frame)
    this.client = this.#kept(new WsClient(`${gateway.stream}?from=${this.#cursor}`, { token: this.#token, onText }))
  }

  #hear(frame: Frame): void {
    const { type, id, cursor } = frame
    if (typeof cursor === 'string') this.#cursor = cursor
    if (type === 'closing') {
      this.closings++
      this.#cursor = (frame['cursors'] as { readonly [id: string]: string })['0'] as string
    }
    if (type !== 'record') return
    this.received++
    this.ids.add(id as string)
  }
}

/** Of the workers that have served, in that order. */
function pidsOf(gateway: GatewayProcess): number[] {
  return gateway.log().flatMap(({ event, pid }) => (event === 'worker-serving' ? [pid as number] : []))
}

function workerOf(gateway: GatewayProcess, consumer: string): unknown {
  return gateway.log().find((line) => line['event'] === 'admitted' && line['consumer'] === consumer)?.['worker']
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}

/** What is billed, by consumer, once it is enough for each. */
function settledBills(
  { dataDir }: GatewayProcess,
  least: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  let bills: ReadonlyMap<string, number> = new Map()
  return until(
    () => `bills of ${JSON.stringify([...least])}, there are ${JSON.stringify([...bills])}`,
    () => {
      bills = new Map(billsOf(dataDir).map(({ consumer, billed }) => [consumer, billed]))
      return [...least].every(([consumer, records]) => (bills.get(consumer) ?? 0) >= records) ? bills : null
    },
    60_000,
  )
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0)
}
