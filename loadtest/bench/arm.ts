import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../../gateway/clock.ts'
import { openLedger } from '../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { GatewayProcess } from '../../test/integration/support/gatewayProcess.ts'
import { join } from 'node:path'
import { COLLECTS } from './collect.ts'
import { PRODUCT, STREAM, writeSpecs } from './document.ts'
import type { Feed } from './feed.ts'
import type { Request } from './loadWorker.ts'
import type { RawCommand, RawOptions, RawReport } from './rawServer.ts'
import { kindOf, type ArmName, type Shape } from './shape.ts'

/** A server under load, in a process of its own. */
export interface Arm {
  readonly name: ArmName
  readonly pid: number
  readonly port: number
  /** What its clients send first. */
  requests(shape: Shape): readonly Request[]
  /** Sends records until `stop`, which answers how many those were. */
  start(): void
  stop(): Promise<number>
  end(): Promise<void>
  /** Records that are written down as delivered so far; `null` where nothing is metered. */
  readonly metered: (() => Promise<number>) | null
  readonly gateway: GatewayProcess | null
}

export interface Stage {
  readonly shape: Shape
  readonly brokers: readonly string[]
  readonly redis: string
  /** Prefix of the names of its topics. */
  readonly prefix: string
  readonly topics: readonly string[]
  readonly feed: Feed
  /** Folder for CPU profiles of the gateway; `null`: none are written. */
  readonly profiles: string | null
}

const HOST = 'Host: 127.0.0.1\r\n'
const UPGRADE = `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`
const CONSUMER = 'partner'

export function startArm(name: ArmName, stage: Stage): Promise<Arm> {
  return name === 'G' ? startGateway(stage) : startRaw(name, stage)
}

async function startRaw(name: Exclude<ArmName, 'G'>, { shape, brokers, topics, feed }: Stage): Promise<Arm> {
  const arm = name.slice(0, 2) as RawOptions['arm']
  const options: RawOptions = { arm, shape, brokers, topics }
  const child = fork(new URL('./rawServer.js', import.meta.url), [JSON.stringify(options)], { execArgv: [...COLLECTS] })
  const port = await heard<{ port: number }>(child)
  const tell = (command: RawCommand): boolean => child.send(command)
  const own = {
    start: () => void tell('feed'),
    stop: async () => {
      tell('stop')
      return (await heard<{ sent: number }>(child)).sent
    },
  }
  let before = 0
  const sinceLast = async (): Promise<number> => {
    const sent = await own.stop()
    const since = sent - before
    before = sent
    return since
  }
  return {
    name,
    pid: child.pid as number,
    port: port.port,
    requests: (of) => requestsOf(of, (lane) => `/${lane}`, '', '\r\n\r\n', []),
    start: arm === 'B1' ? () => feed.start() : own.start,
    stop: arm === 'B1' ? () => feed.stop() : sinceLast,
    end: async () => {
      child.disconnect()
      await once(child, 'exit')
    },
    metered: null,
    gateway: null,
  }
}

async function heard<T extends RawReport>(child: ChildProcess): Promise<T> {
  const [report] = (await once(child, 'message')) as [T]
  return report
}

async function startGateway({ brokers, redis, prefix, feed, profiles }: Stage): Promise<Arm> {
  const settings = {
    brokers,
    specs: writeSpecs(prefix),
    consumers: [CONSUMER],
    config: { redis: { url: redis } },
    nodeArgs: [...COLLECTS, ...(profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`])],
  }
  // The compiler of documents leaves much behind: as in any second start, the compiled one is there already.
  const compiling = await GatewayProcess.start({ ...settings, nodeArgs: [] })
  await compiling.stop()
  const gateway = await GatewayProcess.start({ ...settings, dataDir: compiling.dataDir })
  const bearer = `Authorization: Bearer ${await gateway.token(3_600_000, CONSUMER)}\r\n`
  return {
    name: 'G',
    pid: gateway.child.pid,
    port: Number(new URL(gateway.url).port),
    requests: (shape) => gatewayRequests(shape, bearer),
    start: () => feed.start(),
    stop: () => feed.stop(),
    end: async () => void (await gateway.stop()),
    metered: () => delivered(gateway),
    gateway,
  }
}

function gatewayRequests(shape: Shape, bearer: string): readonly Request[] {
  const path = `/streams/${PRODUCT}/${STREAM}`
  if (shape.equalities === 0) {
    const sign = shape.transport === 'sse' ? 'retry: ' : '"type":"subscribed"'
    return requestsOf(shape, (lane) => `${path}?param.lane=${lane}`, bearer, sign, [])
  }
  return Array.from({ length: shape.connections }, (_, connection) => {
    const frames = Array.from({ length: shape.equalities }, (_value, at) => {
      const where = `kind==${kindOf(shape, connection * shape.equalities + at)}`
      return JSON.stringify({
        type: 'subscribe',
        id: `s${at}`,
        product: PRODUCT,
        stream: STREAM,
        'param.lane': '0',
        where,
      })
    })
    const head = `GET /streams HTTP/1.1\r\n${UPGRADE}${bearer}\r\n`
    return { head, greeting: frames, sign: '"type":"subscribed"', signs: shape.equalities, stalls: false }
  })
}

function requestsOf(
  { connections, topics, transport, stalled }: Shape,
  pathOf: (lane: number) => string,
  headers: string,
  sign: string,
  greeting: readonly string[],
): readonly Request[] {
  const rest = transport === 'sse' ? `${HOST}Accept: text/event-stream\r\n` : UPGRADE
  return Array.from({ length: connections }, (_, at) => {
    const head = `GET ${pathOf(at % topics)} HTTP/1.1\r\n${rest}${headers}\r\n`
    return { head, greeting, sign, signs: 1, stalls: at < stalled }
  })
}

/** What the ledger has, of all time. */
async function delivered({ dataDir }: GatewayProcess): Promise<number> {
  const file = join(dataDir, 'ledger.db')
  const ledger = await openLedger(
    await openDatabase<LedgerTables>({ url: null, file, clock: systemClock }),
    systemClock,
  )
  try {
    const usage = await ledger.usage({}, 0, Date.now() + 86_400_000)
    return usage.reduce((sum, one) => sum + one.delivered, 0)
  } finally {
    await ledger.close()
  }
}
