import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDevelopmentIssuer } from '../../gateway/access/developmentIssuer.ts'
import { openLedger } from '../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { systemClock } from '../../gateway/clock.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { GatewayProcess, type Settings } from '../../test/integration/support/gatewayProcess.ts'
import { freePorts } from '../../test/services/scratch.ts'
import type { Arm, GatewaySide, Stage } from './arm.ts'
import { COLLECTS } from './collect.ts'
import { writeSpecs } from './document.ts'
import { familyOf } from './process.ts'
import { gatewayRequests } from './request.ts'
import type { GatewayArm } from './shape.ts'
import { registerTopics } from './topics.ts'

const TTL_MS = 3_600_000
const BARE = fileURLToPath(new URL('./bareGateway.js', import.meta.url))

export async function startGatewayArm(name: GatewayArm, stage: Stage): Promise<Arm> {
  const { feed } = stage
  const gateway = await startCompiled(await settingsOf(name, stage))
  const side = sideOf(gateway, name, consumerOf(stage))
  const own = await side.tokens(1)
  return {
    name,
    pids: familyOf(gateway.child.pid),
    port: Number(new URL(gateway.url).port),
    requests: (shape, tokens = own) => gatewayRequests(shape, tokens),
    start: (burstsPerSecond) => feed.start(burstsPerSecond),
    stop: () => feed.stop(),
    end: async () => void (await gateway.stop()),
    gateway: side,
  }
}

/** One for each stage: what was taken on the last one is not to be counted here, in the same Redis. */
function consumerOf({ prefix }: Stage): string {
  return `partner-${prefix.replaceAll('.', '-')}`
}

async function settingsOf(name: GatewayArm, stage: Stage): Promise<Settings> {
  const { shape, brokers, redis, prefix, profiles } = stage
  const profiling = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const specs = writeSpecs(prefix, shape.perMinuteMax)
  const common = { brokers, specs, consumers: [consumerOf(stage)], nodeArgs: [...COLLECTS, ...profiling] }
  const config = { redis: { url: redis } }
  if (name === 'G') return { ...common, config }
  // Read once, when the binary is loaded: as our own start sets it.
  if (name === 'G-') return { ...common, config, main: BARE, env: { UWS_HTTP_MAX_HEADERS_SIZE: String(16 * 1024) } }
  const topic = `${prefix}.usage.${name}`
  registerTopics(brokers, [topic])
  const [port] = await freePorts(1)
  return {
    ...common,
    config: { ...config, usage: { cluster: 'main', topic }, control: { host: '127.0.0.1', port } },
    args: ['--workers', name.slice(1)],
  }
}

/** The compiler of documents leaves much behind: as in any second start, the compiled one is there already. */
async function startCompiled(settings: Settings): Promise<GatewayProcess> {
  const { main: _main, args: _args, ...plain } = settings
  const compiling = await GatewayProcess.start({ ...plain, nodeArgs: [] })
  await compiling.stop()
  return GatewayProcess.start({ ...settings, dataDir: compiling.dataDir })
}

function sideOf(gateway: GatewayProcess, name: GatewayArm, consumer: string): GatewaySide {
  return {
    metered: name === 'G-' ? null : () => delivered(gateway),
    redisCalls: async () => (name === 'G-' ? 0 : gateway.total('weir_quota_calls_total')),
    async tokens(count) {
      const issuer = await openDevelopmentIssuer(gateway.dataDir, systemClock)
      const wanted = Array.from({ length: count }, () => issuer.issueToken({ consumer, ttlMs: TTL_MS }))
      return (await Promise.all(wanted)).map(({ token }) => token)
    },
  }
}

/** What the ledger has, of all time. */
async function delivered({ dataDir }: GatewayProcess): Promise<number> {
  const file = join(dataDir, 'ledger.db')
  const database = await openDatabase<LedgerTables>({ url: null, file, clock: systemClock })
  const ledger = await openLedger(database, systemClock)
  try {
    const usage = await ledger.usage({}, 0, Date.now() + 86_400_000)
    return usage.reduce((sum, one) => sum + one.delivered, 0)
  } finally {
    await ledger.close()
  }
}
