/**
 * The arm `G-`: what the gateway would cost if it asked nobody for a token, limited nothing and billed nothing. It takes the arguments of `weir start` and
 * is put together of the same parts, but for these:
 *
 *   authentication: every token is the same caller's, and is not looked at
 *   allowances: every account is endless, places are not counted, Redis is not dialled
 *   metering: the meter keeps nothing, so that there is no journal and no ledger
 *
 * Also without what costs nothing while records flow: documents that are watched, the portal, the operator's port.
 */
import { parseArgs } from 'node:util'
import type { Authenticator } from '../../gateway/access/authenticator.ts'
import { createConsumers } from '../../gateway/access/consumers.ts'
import type { Identity } from '../../gateway/access/grant.ts'
import { createAccounts } from '../../gateway/assembly/accounts.ts'
import { createGate } from '../../gateway/assembly/gate.ts'
import { Publishing } from '../../gateway/assembly/publishing.ts'
import { openSources } from '../../gateway/assembly/sources.ts'
import { systemClock as clock, systemRandom } from '../../gateway/clock.ts'
import { loadConfig, type Config } from '../../gateway/config.ts'
import { hubLimits } from '../../gateway/gateway.ts'
import { createLog } from '../../gateway/log.ts'
import { ENDLESS } from '../../gateway/stream/account.ts'
import { Hub } from '../../gateway/stream/hub.ts'
import { HandedLog, Meter } from '../../gateway/stream/meter.ts'
import { Admissions } from '../../gateway/transport/admissions.ts'
import { createCors } from '../../gateway/transport/cors.ts'
import type { Gate } from '../../gateway/transport/gate.ts'
import { listen } from '../../gateway/transport/http.ts'

const TICK_MS = 250

class NothingHanded extends HandedLog {
  override add(): void {}
}

/** Keeps nothing of what it is told. */
class NoMeter extends Meter {
  readonly #nothing = new NothingHanded({ epoch: 0, log: 0 })

  override broadcastOf(): HandedLog {
    return this.#nothing
  }

  override read(): void {}
}

function everybodyIs(consumer: string): Authenticator {
  const identity: Identity = { consumer, scopes: new Set(), expiresAt: clock.now() + 86_400_000, claims: {} }
  return {
    start: () => undefined,
    authenticate: () => Promise.resolve(identity),
    issuers: () => [],
    cache: () => ({ entries: 0, hits: 0, misses: 0 }),
    close: () => undefined,
  }
}

const usageBook: Pick<Gate, 'usage' | 'usageLines'> = {
  usage: () => Promise.resolve({ asOf: null, agreements: [] }),
  async *usageLines() {},
}

async function serve(config: Config): Promise<string> {
  const log = createLog('error')
  const publishing = await Publishing.open(config, { clock, log })
  const { sources } = await openSources(config, publishing.catalog, { clock, log }, [])
  const fault = (error: unknown, doing: string): void => log.error({ event: 'fault', error }, `fault while ${doing}`)
  const hub = new Hub(clock, hubLimits(config), fault, new NoMeter())
  let url = ''
  const place = { release: () => undefined }
  const gate = createGate({
    catalog: () => publishing.catalog,
    authenticator: everybodyIs(config.consumers[0]?.id ?? 'nobody'),
    consumers: createConsumers(config.consumers, log),
    sources,
    config,
    publicUrl: () => url,
    accountOf: createAccounts(() => ENDLESS),
    seatOf: () => Promise.resolve(place),
    windowsOf: () => [],
    usageBook,
  })
  const cors = createCors([], () => url)
  const admissions = new Admissions({ gate, hub, clock, limits: config.limits, log, cors, random: systemRandom })
  const { host, port } = config.listen
  const listener = await listen(host, port, admissions, { ready: () => ({ ready: true, checks: {} }) })
  clock.every(TICK_MS, () => {
    hub.tick()
    admissions.tick()
  })
  url = `http://${host}:${listener.port}`
  return url
}

const { values } = parseArgs({
  options: { config: { type: 'string' }, json: { type: 'boolean' } },
  allowPositionals: true,
})
const { config, problems } = loadConfig({ file: values.config, env: {}, cwd: process.cwd() })
if (config === null) throw new Error(JSON.stringify(problems))
process.on('SIGTERM', () => process.exit())
const url = await serve(config)
console.log(JSON.stringify({ url, controlUrl: url }))
