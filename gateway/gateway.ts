/** The composition root: builds the parts from a configuration, starts them, and sees them out. No logic of its own. */
import { createAuthenticator, type Authenticator } from './access/authenticator.ts'
import { bearerFrom } from './access/bearer.ts'
import { challengeOf, resourceMetadata } from './access/challenge.ts'
import { createConsumers, noSuchStream, type Consumers } from './access/consumers.ts'
import { openDevelopmentIssuer } from './access/developmentIssuer.ts'
import type { IssuerSettings } from './access/issuers.ts'
import { PlanCache } from './catalog/cache.ts'
import { loadCatalog, type Catalog, type CatalogStream } from './catalog/catalog.ts'
import { Compiler } from './catalog/compiler.ts'
import { recordedDataOf } from './catalog/files.ts'
import type { Product, Stream } from './catalog/plan.ts'
import { sleep, systemRandom, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { listenForControl } from './control/http.ts'
import { compileSchema } from './drivers/schema.ts'
import type { Log } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { readRecording, startPlayback, type Recording } from './playback.ts'
import { jsonDecoder } from './source/decode/json.ts'
import { KafkaSource } from './source/kafka/source.ts'
import { MemorySource } from './source/memory.ts'
import { nextStart } from './source/starts.ts'
import { streamTag } from './stream/cursor.ts'
import { Hub } from './stream/hub.ts'
import type { Source } from './stream/source.ts'
import { Admissions } from './transport/admissions.ts'
import type { Feed, Gate } from './transport/gate.ts'
import { listen } from './transport/http.ts'

export interface Gateway {
  /** Where partners connect, as they see it. */
  readonly url: string
  readonly controlUrl: string
  readonly products: readonly Product[]
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
const TURN_MS_MAX = 2
const BLOCK_BYTES_MAX = 1024 * 1024

/** Throws a `Fault` where a part cannot be had: a port, a key file, a broken consumer list. */
export async function startGateway(config: Config, parts: Parts): Promise<Gateway> {
  const ends: (() => void | Promise<void>)[] = []
  try {
    return await assemble(config, parts, ends)
  } catch (error) {
    await end(ends, parts.log)
    throw error
  }
}

async function assemble(config: Config, { clock, log }: Parts, ends: (() => void | Promise<void>)[]): Promise<Gateway> {
  const { limits, listen: address, control } = config
  const catalog = await readCatalog(config, clock, log)
  const sources = await openSources(config, catalog, { clock, log }, ends)
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
  for (const problem of consumers.check(catalog.products)) log.warn({ event: 'agreement', ...problem }, problem.message)
  let publicUrl = address.publicUrl ?? ''
  const gate = createGate({ catalog, authenticator, consumers, sources, config, publicUrl: () => publicUrl })
  const admissions = new Admissions({ gate, hub, clock, limits, log, random: systemRandom })
  const ready = (): ReturnType<typeof readiness> => readiness(authenticator, catalog, admissions)
  const listener = await listen(address.host, address.port, admissions, { ready })
  ends.unshift(() => listener.close())
  publicUrl ||= `http://${reachable(address.host)}:${listener.port}`
  const metrics = createMetrics(log)
  ends.unshift(() => metrics.close())
  register(metrics, hub, admissions, authenticator)
  const controlListener = await listenForControl(control.host, control.port, metrics, ready)
  ends.unshift(() => controlListener.close())
  const ticking = clock.every(TICK_MS, () => {
    hub.tick()
    admissions.tick()
  })
  ends.unshift(() => ticking.cancel())
  log.info({ event: 'listening', url: publicUrl, products: catalog.products.map(({ id }) => id) }, 'serving')
  return {
    url: publicUrl,
    controlUrl: `http://${control.host}:${controlListener.port}`,
    products: catalog.products,
    async drain() {
      listener.stopListening()
      await admissions.drain(limits.drainMsMax)
      await sleep(clock, FAREWELL_MS)
      await end(ends, log)
      log.info({ event: 'stopped' }, 'drained')
    },
  }
}

async function readCatalog(config: Config, clock: Clock, log: Log): Promise<Catalog> {
  const { documentBytesMax } = config.limits
  const compiler = new Compiler(clock, { documentBytesMax })
  const clusters = Object.entries(config.clusters).map(([name, { brokers }]) => ({ name, brokers }))
  try {
    const plans = new PlanCache(config.dataDir, compiler, log)
    const catalog = await loadCatalog({ specs: config.specs, clusters, documentBytesMax }, plans)
    for (const finding of catalog.findings) tell(finding, log)
    return catalog
  } finally {
    // Serving needs no parser, and it holds some 200 MB.
    await compiler.close()
  }
}

function tell(finding: Catalog['findings'][number], log: Log): void {
  const { severity, message, ...rest } = finding
  if (severity === 'info') return
  const fields = { event: 'finding', ...rest }
  if (severity === 'error') log.error(fields, message)
  else log.warn(fields, message)
}

/** By cluster; `null` is the embedded log. */
type Sources = ReadonlyMap<string | null, Source>

async function openSources(
  config: Config,
  catalog: Catalog,
  parts: Parts,
  ends: (() => void | Promise<void>)[],
): Promise<Sources> {
  if (config.embedded) return new Map([[null, await openEmbedded(config, catalog, parts, ends)]])
  const sources = new Map<string | null, Source>()
  for (const [name, { brokers, ssl, sasl }] of Object.entries(config.clusters)) {
    const login = sasl && {
      mechanism: sasl.mechanism,
      username: sasl.username,
      password: sasl.password?.reveal() ?? '',
    }
    const source = new KafkaSource({ brokers, clientId: 'weir', ssl, ...(login && { sasl: login }), ...parts })
    ends.push(() => source.close())
    sources.set(name, source)
  }
  return sources
}

async function openEmbedded(
  config: Config,
  catalog: Catalog,
  { clock, log }: Parts,
  ends: (() => void | Promise<void>)[],
): Promise<Source> {
  const memory = new MemorySource({ clock, epoch: await nextStart(config.dataDir, log, clock.now()) })
  const recordings: Recording[] = []
  for (const { stream, file } of streamsOf(catalog)) {
    const recorded = await recordedDataOf(file, stream.id)
    if (recorded !== null) recordings.push(readRecording(stream.topic, stream.partitions ?? 1, recorded))
    else if (!memory.hasTopic(stream.topic)) memory.createTopic(stream.topic, stream.partitions ?? 1)
  }
  const { recordsPerSecond } = config.playback
  const playback = startPlayback({ recordings, log: memory, recordsPerSecond, clock })
  ends.push(
    () => playback.stop(),
    () => memory.close(),
  )
  return memory
}

function streamsOf(catalog: Catalog): readonly CatalogStream[] {
  return catalog.products.flatMap((product) =>
    product.streams.map((stream) => catalog.stream(product.id, stream.id)).filter((found) => found !== null),
  )
}

async function issuersOf(config: Config, clock: Clock): Promise<readonly IssuerSettings[]> {
  if (config.access.issuers.length > 0) return config.access.issuers
  return [(await openDevelopmentIssuer(config.dataDir, clock)).settings]
}

function consumerClaim({ access }: Config): { readonly consumerClaim?: string } {
  return access.consumerClaim === null ? {} : { consumerClaim: access.consumerClaim }
}

function hubLimits({ limits }: Config): ConstructorParameters<typeof Hub>[1] {
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

interface GateParts {
  readonly catalog: Catalog
  readonly authenticator: Authenticator
  readonly consumers: Consumers
  readonly sources: Sources
  readonly config: Config
  readonly publicUrl: () => string
}

function createGate({ catalog, authenticator, consumers, sources, config, publicUrl }: GateParts): Gate {
  const feeds = new Map<Stream, Feed>()
  const feedOf = (entry: CatalogStream): Feed => {
    const known = feeds.get(entry.stream)
    if (known) return known
    const feed = { spec: specOf(entry, config.limits.recordBytesMax), source: sources.get(entry.cluster) as Source }
    feeds.set(entry.stream, feed)
    return feed
  }
  return {
    authenticate: (token) => authenticator.authenticate(token),
    authorize(identity, product, stream) {
      const entry = catalog.stream(product, stream)
      return entry ? consumers.authorize(identity, entry.product, entry.stream) : noSuchStream(product, stream)
    },
    feed: ({ product, stream }) => feedOf(catalog.stream(product.id, stream.id) as CatalogStream),
    visible: (identity) => catalog.products.filter((product) => consumers.visible(identity, product)),
    bearer: bearerFrom,
    challenge: (refusal, tokenSent) => challengeOf(refusal, tokenSent, publicUrl()),
    resourceMetadata: () =>
      resourceMetadata(
        publicUrl(),
        config.access.issuers.map(({ issuer }) => issuer),
        scopesOf(catalog),
      ),
  }
}

function specOf({ product, stream }: CatalogStream, recordBytesMax: number): Feed['spec'] {
  const key = `${product.id}/${stream.id}`
  const check = stream.schema === null ? null : compileSchema(stream.schema, { strict: false })
  const { topic, showKey, showHeaders, invalid } = stream
  return {
    key: `${key} record`,
    stream: { key, tag: streamTag(key), topic },
    decode: jsonDecoder(check, recordBytesMax),
    showKey,
    showHeaders,
    invalid,
  }
}

function scopesOf({ products }: Catalog): readonly string[] {
  return products.flatMap(({ streams }) => streams.flatMap(({ scope }) => (scope === null ? [] : [scope])))
}

function readiness(
  authenticator: Authenticator,
  catalog: Catalog,
  admissions: Admissions,
): { ready: boolean; checks: { [name: string]: string } } {
  const checks: { [name: string]: string } = { documents: `${catalog.products.length} served` }
  let ready = admissions.refusal() === null
  if (!ready) checks['connections'] = 'draining or full'
  for (const { issuer, keys } of authenticator.issuers()) {
    checks[`keys of ${issuer}`] = keys.status
    if (keys.status === 'never-loaded' || keys.status === 'expired') ready = false
  }
  return { ready, checks }
}

function register(metrics: Metrics, hub: Hub, admissions: Admissions, authenticator: Authenticator): void {
  const { counters } = admissions
  metrics.gauge('weir_connections', 'Connections of partners.', () => admissions.live)
  metrics.counter('weir_connections_opened_total', 'Connections let in.', () => counters.opened)
  metrics.counter('weir_connections_closed_total', 'Connections that ended.', () => counters.closed)
  metrics.counter('weir_requests_refused_total', 'Requests and handshakes turned down.', () => counters.refused)
  metrics.counter(
    'weir_frames_dropped_total',
    'Frames that the socket layer dropped: above 0 is a fault.',
    () => counters.dropped,
  )
  metrics.gauge('weir_subscriptions', 'Subscriptions by mode.', () => modes(hub), ['mode'])
  metrics.gauge('weir_tails', 'Topics followed.', () => hub.stats().tails)
  metrics.gauge('weir_tails_down', 'Topics followed that cannot be read now.', () => hub.stats().down)
  metrics.gauge('weir_ring_bytes', 'Memory of the newest records.', () => hub.stats().ringBytes)
  metrics.gauge('weir_replay_bytes', 'Memory of replay blocks.', () => hub.stats().blockBytes)
  metrics.counter('weir_replay_reads_total', 'Reads from the log for replays.', () => hub.replay.reads)
  metrics.counter(
    'weir_taken_off_total',
    'Riders that left the broadcast, by reason.',
    () => labelled('why', hub.counts.off),
    ['why'],
  )
  metrics.counter(
    'weir_riding_total',
    'Readers that stepped onto the broadcast, by why they had been reading.',
    () => labelled('why', hub.counts.on),
    ['why'],
  )
  metrics.counter(
    'weir_token_cache_hits_total',
    'Tokens that needed no signature check.',
    () => authenticator.cache().hits,
  )
  metrics.counter(
    'weir_token_cache_misses_total',
    'Tokens whose signature was checked.',
    () => authenticator.cache().misses,
  )
}

function modes(hub: Hub): ReturnType<typeof labelled> {
  const { riding, subscriptions } = hub.stats()
  return labelled('mode', { riding, reading: subscriptions - riding })
}

function labelled(
  label: string,
  values: { readonly [value: string]: number },
): { labels: { [name: string]: string }; value: number }[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

/** Ends what was begun, latest first; one that fails does not keep the others. */
async function end(ends: (() => void | Promise<void>)[], log: Log): Promise<void> {
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
