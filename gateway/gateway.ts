/** The composition root: builds the parts from a configuration, starts them, and sees them out. No logic of its own. */
import { createAuthenticator, type Authenticator } from './access/authenticator.ts'
import { createConsumers } from './access/consumers.ts'
import { openDevelopmentIssuer } from './access/developmentIssuer.ts'
import type { IssuerSettings } from './access/issuers.ts'
import { openAccounting, type Accounting } from './assembly/accounting.ts'
import { openPortal } from './assembly/portal.ts'
import { createPlaces } from './assembly/places.ts'
import { createUsageBook } from './assembly/usageBook.ts'
import { windowsOf } from './assembly/windows.ts'
import { registerAccounting, registerFigures, registerPublishing } from './assembly/figures.ts'
import { createGate } from './assembly/gate.ts'
import { Publishing } from './assembly/publishing.ts'
import { openSources, type Ends } from './assembly/sources.ts'
import type { Product } from './catalog/plan.ts'
import { sleep, systemRandom, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { listenForControl, type Readiness } from './control/http.ts'
import type { Log } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { Hub } from './stream/hub.ts'
import { Admissions } from './transport/admissions.ts'
import { createCors } from './transport/cors.ts'
import { listen } from './transport/http.ts'
import { alone, type Place } from './workers/place.ts'

export interface Gateway extends Serving {
  readonly controlUrl: string
}

/** What serves partners, without a port for the operator. */
export interface Serving {
  /** Where partners connect, as they see it. */
  readonly url: string
  readonly products: readonly Product[]
  readonly metrics: Metrics
  readiness(): Readiness
  /** Tells clients to leave, waits for them a bounded time, and ends everything. */
  drain(): Promise<void>
}

interface Parts {
  readonly clock: Clock
  readonly log: Log
}

const TICK_MS = 250
/** Last frames and close frames need a moment to leave the process. */
const FAREWELL_MS = 250
const TURN_MS_MAX = 1
const BLOCK_BYTES_MAX = 1024 * 1024

/** Throws a `Fault` where a part cannot be had: a port, a key file, a broken consumer list. */
export function startGateway(config: Config, parts: Parts): Promise<Gateway> {
  const { control, listen: address } = config
  return orEnd(parts.log, async (ends) => {
    const serving = await assemble(config, parts, alone(address.port), ends)
    const listener = await listenForControl(control.host, control.port, serving.metrics, () => serving.readiness())
    ends.unshift(() => listener.close())
    return { ...serving, controlUrl: `http://${control.host}:${listener.port}` }
  })
}

/** One of several processes on one port; the operator's port is the supervisor's. Throws like `startGateway`. */
export function startWorker(config: Config, parts: Parts, place: Place): Promise<Serving> {
  return orEnd(parts.log, (ends) => assemble(config, parts, place, ends))
}

async function orEnd<T>(log: Log, begin: (ends: Ends) => Promise<T>): Promise<T> {
  const ends: Ends = []
  try {
    return await begin(ends)
  } catch (error) {
    await end(ends, log)
    throw error
  }
}

async function assemble(config: Config, { clock, log }: Parts, place: Place, ends: Ends): Promise<Serving> {
  const { limits, listen: address } = config
  const shared = place.count > 1
  const publishing = await Publishing.open(config, { clock, log })
  ends.unshift(() => publishing.close())
  const opened = await openSources(config, publishing.catalog, { clock, log }, ends)
  const { sources } = opened
  const hub = new Hub(clock, hubLimits(config), (error, doing) =>
    log.error({ event: 'fault', error: stackOf(error) }, `fault while ${doing}`),
  )
  ends.unshift(() => hub.close())
  const authenticator = createAuthenticator(
    { issuers: await issuersOf(config, clock), ...consumerClaim(config) },
    { clock, random: systemRandom, log },
  )
  ends.unshift(() => authenticator.close())
  authenticator.start()
  const consumers = createConsumers(config.consumers, log)
  const tellAgreements = (): void => {
    for (const problem of consumers.check(publishing.catalog.products))
      log.warn({ event: 'agreement', ...problem }, problem.message)
  }
  tellAgreements()
  let publicUrl = address.publicUrl ?? ''
  const accounting = await openAccounting(config, { hub, sources, clock, log, place }, ends)
  const gate = createGate({
    catalog: () => publishing.catalog,
    authenticator,
    consumers,
    sources,
    config,
    publicUrl: () => publicUrl,
    ...gateParts(accounting),
  })
  const cors = createCors(config.access.corsOrigins, () => gate.publicUrl())
  const admissions = new Admissions({ gate, hub, clock, limits, log, cors, random: systemRandom })
  const ready = (): Readiness => readiness(authenticator, publishing, admissions)
  const portal = openPortal(config, () => publishing.catalog.products, clock)
  const listener = await listen(address.host, place.port, admissions, { ready }, { portal, shared })
  ends.unshift(() => listener.close())
  publicUrl ||= `http://${reachable(address.host)}:${listener.port}`
  const metrics = createMetrics(log, shared ? String(place.index) : null)
  ends.unshift(() => metrics.close())
  registerFigures(metrics, hub, admissions, authenticator)
  registerAccounting(metrics, accounting, hub)
  registerPublishing(metrics, publishing)
  const ticking = clock.every(TICK_MS, () => {
    hub.tick()
    accounting.tick()
    admissions.tick()
  })
  ends.unshift(() => ticking.cancel())
  publishing.watch(async (catalog) => {
    tellAgreements()
    try {
      await opened.adopt(catalog)
    } finally {
      await admissions.republished()
    }
  })
  const { products } = publishing.catalog
  log.info({ event: 'listening', url: publicUrl, products: products.map(({ id }) => id) }, 'serving')
  return {
    url: publicUrl,
    products,
    metrics,
    readiness: () => withDocuments(ready(), publishing),
    async drain() {
      listener.stopListening()
      await admissions.drain(limits.drainMsMax)
      await sleep(clock, FAREWELL_MS)
      await accounting.drain()
      await end(ends, log)
      log.info({ event: 'stopped' }, 'drained')
    },
  }
}

type GateParts = Parameters<typeof createGate>[0]

function gateParts({
  accountOf,
  quota,
  ledger,
}: Accounting): Pick<GateParts, 'accountOf' | 'seatOf' | 'windowsOf' | 'usageBook'> {
  const ofPlan: GateParts['windowsOf'] = (agreement) => windowsOf(agreement, quota)
  const usageBook = createUsageBook(ledger, ofPlan)
  return { accountOf, seatOf: createPlaces(quota.seats), windowsOf: ofPlan, usageBook }
}

async function issuersOf(config: Config, clock: Clock): Promise<readonly IssuerSettings[]> {
  if (config.access.issuers.length > 0) return config.access.issuers
  return [(await openDevelopmentIssuer(config.dataDir, clock)).settings]
}

function consumerClaim({ access }: Config): { readonly consumerClaim?: string } {
  return access.consumerClaim === null ? {} : { consumerClaim: access.consumerClaim }
}

export function hubLimits({ limits }: Config): ConstructorParameters<typeof Hub>[1] {
  const { logMemoryBytesMax, sessionBufferBytesMax, lingerMs, replaySlotsMax } = limits
  const heldBytesMax = Math.floor(logMemoryBytesMax / 4)
  return {
    logMemoryBytesMax,
    sessionBufferBytesMax,
    lingerMs,
    replaySlotsMax,
    heldBytesMax,
    blockBytesMax: BLOCK_BYTES_MAX,
    turnMsMax: TURN_MS_MAX,
  }
}

function readiness(authenticator: Authenticator, { catalog }: Publishing, admissions: Admissions): Readiness {
  const checks: { [name: string]: string } = { documents: `${catalog.products.length} served` }
  let ready = admissions.refusal() === null
  if (!ready) checks['connections'] = 'draining or full'
  for (const { issuer, keys } of authenticator.issuers()) {
    checks[`keys of ${issuer}`] = keys.status
    if (keys.status === 'never-loaded' || keys.status === 'expired') ready = false
  }
  return { ready, checks }
}

/** For the operator alone: partners have no business with names of files. A document that is refused takes nothing away from the others. */
function withDocuments({ ready, checks }: Readiness, { refused }: Publishing): Readiness {
  return { ready, checks: refused.length === 0 ? checks : { ...checks, 'refused documents': refused.join(', ') } }
}

/** Ends what was begun, latest first; one that fails does not keep the others. */
async function end(ends: Ends, log: Log): Promise<void> {
  for (const stop of ends.splice(0)) {
    try {
      await stop()
    } catch (error) {
      log.error({ event: 'fault', error: stackOf(error) }, 'fault while stopping')
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** «All addresses» is none that a client could call. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
}
