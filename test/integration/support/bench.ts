import { bearerFrom } from '../../../gateway/access/bearer.ts'
import { challengeOf, resourceMetadata } from '../../../gateway/access/challenge.ts'
import { createConsumers, noSuchStream } from '../../../gateway/access/consumers.ts'
import type { Agreement, Identity } from '../../../gateway/access/grant.ts'
import { createAccounts } from '../../../gateway/assembly/accounts.ts'
import type { Product, Stream } from '../../../gateway/catalog/plan.ts'
import { RenderedViews } from '../../../gateway/catalog/view/rendered.ts'
import { topicsOf } from '../../../gateway/assembly/topics.ts'
import { systemClock, type Clock } from '../../../gateway/clock.ts'
import { refuse } from '../../../gateway/errors.ts'
import { silentLog } from '../../../gateway/log.ts'
import { decoderOf } from '../../../gateway/source/decode/decoder.ts'
import { MemorySource } from '../../../gateway/source/memory.ts'
import { ENDLESS, type Account, type Pool } from '../../../gateway/stream/account.ts'
import { streamTag } from '../../../gateway/stream/cursor.ts'
import { Hub, type HubLimits } from '../../../gateway/stream/hub.ts'
import type { Source } from '../../../gateway/stream/source.ts'
import { Admissions, TICKS_A_VISIT, type TransportLimits } from '../../../gateway/transport/admissions.ts'
import { createCors } from '../../../gateway/transport/cors.ts'
import type { Feed, Gate } from '../../../gateway/transport/gate.ts'
import type { PortalContext } from '../../../gateway/transport/portal.ts'
import { product as quakes } from './product.ts'

const MIB = 1024 * 1024

export const TRANSPORT_LIMITS: TransportLimits = {
  connectionsMax: 1000,
  sessionBufferBytesMax: MIB,
  recordBytesMax: MIB,
  stuckMsMax: 30_000,
  subscriptionsPerSessionMax: 100,
  framesPerSecondMax: 100,
  frameBytesMax: 64 * 1024,
  authMsMax: 5_000,
  heartbeatMs: 15_000,
}

const HUB_LIMITS: HubLimits = {
  logMemoryBytesMax: 64 * MIB,
  sessionBufferBytesMax: MIB,
  lingerMs: 30_000,
  turnMsMax: 2,
  replaySlotsMax: 8,
  blockBytesMax: MIB,
  heldBytesMax: 16 * MIB,
}

export interface BenchOptions {
  /** What limits an agreement; absent: nothing does. */
  readonly usage?: Gate['usage']
  readonly usageLines?: Gate['usageLines']
  readonly windows?: Gate['windows']
  readonly seat?: Gate['seat']
  readonly poolOf?: (agreement: Agreement) => Pool
  readonly products?: readonly Product[]
  readonly limits?: Partial<TransportLimits>
  readonly consumers?: Parameters<typeof createConsumers>[0]
  readonly epoch?: number
  /** Where records come from in place of `memory`. */
  readonly source?: (memory: MemorySource) => Source
  readonly ready?: () => boolean
  /** Pages for people; none where nothing is said. */
  readonly portal?: PortalContext
  readonly corsOrigins?: readonly string[]
  /** Where clients reach it, as they are told; its own address where nothing else is said. */
  readonly publicUrl?: string
  /** What is random for a client, such as when an EventSource comes back; in [0, 1). */
  readonly random?: number
}

/**
 * The heart and the real transports over an embedded log that the test writes, with time that the test moves: `shift`
 * lets it pass, `tick` lets the gateway notice. Tokens are names in a table; everything else is the product's own code.
 */
export class Bench {
  readonly memory: MemorySource
  readonly hub: Hub
  readonly admissions: Admissions
  readonly faults: unknown[] = []
  readonly clock: ShiftedClock
  url = ''
  readonly #publicUrl: string | undefined
  #close: () => void = () => undefined
  readonly #tokens = new Map<string, Identity>()
  readonly #accountOf: (agreement: Agreement) => Account
  #products: readonly Product[]

  static async start(options: BenchOptions = {}): Promise<Bench> {
    endWithoutWaiting()
    // Read by the network binary when it is loaded, as main.ts sees to.
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = '16384'
    const { listen } = await import('../../../gateway/transport/http.ts')
    const bench = new Bench(options)
    const ready = (): boolean => options.ready?.() ?? true
    const listener = await listen(
      '127.0.0.1',
      0,
      bench.admissions,
      {
        ready: () => ({ ready: ready(), checks: { documents: '1 served' } }),
      },
      { portal: options.portal ?? null },
    )
    bench.url = `http://127.0.0.1:${listener.port}`
    bench.#close = () => listener.close()
    return bench
  }

  private constructor(options: BenchOptions) {
    const { products = [quakes()], limits = {}, consumers = [], epoch = 0, source = (memory) => memory } = options
    this.clock = new ShiftedClock()
    this.#products = products
    this.#publicUrl = options.publicUrl
    this.#accountOf = createAccounts(options.poolOf ?? (() => ENDLESS))
    this.memory = new MemorySource({ clock: this.clock, epoch })
    for (const { streams } of products) {
      for (const stream of streams)
        for (const topic of topicsOf(stream))
          if (!this.memory.hasTopic(topic)) this.memory.createTopic(topic, stream.partitions ?? 1)
    }
    const transport = { ...TRANSPORT_LIMITS, ...limits }
    const { sessionBufferBytesMax } = transport
    this.hub = new Hub(this.clock, { ...HUB_LIMITS, sessionBufferBytesMax }, (error) => this.faults.push(error))
    const gate = this.#gate(createConsumers(consumers, silentLog), source(this.memory), transport, options)
    const { corsOrigins = [] } = options
    const random = (): number => options.random ?? 0.5
    this.admissions = new Admissions({
      gate,
      hub: this.hub,
      clock: this.clock,
      limits: transport,
      cors: createCors(corsOrigins, () => gate.publicUrl()),
      log: silentLog,
      random,
    })
  }

  get stream(): string {
    return `${this.url}/streams/quakes/events`
  }

  get publicUrl(): string {
    return this.#publicUrl ?? this.url
  }

  /** A token that the gate knows: of `acme`, for an hour, without scopes, where nothing else is said. */
  token(identity: { consumer?: string; scopes?: readonly string[]; ttlMs?: number; text?: string } = {}): string {
    const { consumer = 'acme', scopes = [], ttlMs = 3_600_000, text = `token-${this.#tokens.size}` } = identity
    const expiresAt = this.clock.now() + ttlMs
    this.#tokens.set(text, { consumer, scopes: new Set(scopes), expiresAt, claims: {} })
    return text
  }

  append(value: unknown, more: { partition?: number; time?: number; key?: string } = {}): void {
    const { key, ...rest } = more
    const bytes = value === null ? null : value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value))
    this.memory.append('quakes.v1', { value: bytes, ...rest, ...(key !== undefined && { key: Buffer.from(key) }) })
  }

  /** As documents that are published anew do: a stream that is the same object is the same stream. */
  async republish(products: readonly Product[]): Promise<void> {
    this.#products = products
    await this.admissions.republished()
  }

  /** Lets time pass, and the gateway notice. */
  pass(ms: number): void {
    this.clock.shiftMs += ms
    this.tick()
  }

  tick(): void {
    this.hub.tick()
    for (let tick = 0; tick < TICKS_A_VISIT; tick++) this.admissions.tick()
  }

  async close(): Promise<void> {
    this.hub.close()
    this.#close()
    await this.memory.close()
  }

  #gate(
    consumers: ReturnType<typeof createConsumers>,
    source: Source,
    { recordBytesMax }: TransportLimits,
    options: BenchOptions,
  ): Gate {
    const feeds = new Map<Stream, Feed>()
    const views = new RenderedViews(() => this.publicUrl)
    let revisions = 0
    const feedOf = (product: string, stream: Stream): Feed => {
      const key = `${product}/${stream.id}`
      const ref = { key, tag: streamTag(key), topic: stream.topic }
      return { stream: ref, decode: decoderOf(stream, recordBytesMax), source, revision: String(++revisions) }
    }
    return {
      authenticate: async (token) => {
        // As a signature does: the answer comes in a later turn.
        await new Promise((resolve) => setImmediate(resolve))
        const identity = this.#tokens.get(token)
        if (!identity) return refuse('unauthenticated', 'This token is not known.')
        return identity.expiresAt > this.clock.now() ? identity : refuse('token-expired', 'The token has expired.')
      },
      authorize: (identity, id, streamId) => {
        const product = this.#products.find((one) => one.id === id)
        const stream = product?.streams.find((one) => one.id === streamId)
        return product && stream ? consumers.authorize(identity, product, stream) : noSuchStream(id, streamId)
      },
      feed: ({ product, stream }) => {
        const feed = feeds.get(stream) ?? feedOf(product.id, stream)
        feeds.set(stream, feed)
        return feed
      },
      account: ({ agreement }) => this.#accountOf(agreement),
      usage: options.usage ?? (async () => ({ asOf: null, agreements: [] })),
      usageLines: options.usageLines ?? async function* () {},
      windows: options.windows ?? (() => []),
      seat: options.seat ?? (async () => ({ release() {} })),
      visible: (identity) => this.#products.filter((product) => consumers.visible(identity, product)),
      publicView: (identity, product, format) =>
        views.of(product, consumers.agreed(identity, product)?.name ?? null, format),
      bearer: bearerFrom,
      challenge: (refusal, tokenSent) => challengeOf(refusal, tokenSent, this.publicUrl),
      publicUrl: () => this.publicUrl,
      resourceMetadata: () => resourceMetadata(this.publicUrl, ['https://idp.example.com'], ['quakes:read']),
    }
  }
}

/** The system's clock with a wall that the test moves. */
export class ShiftedClock implements Clock {
  shiftMs = 0
  now = (): number => systemClock.now() + this.shiftMs
  monotonic = (): number => systemClock.monotonic() + this.shiftMs
  after: Clock['after'] = (ms, run) => systemClock.after(ms, run)
  every: Clock['every'] = (ms, run) => systemClock.every(ms, run)
  soon: Clock['soon'] = (run) => systemClock.soon(run)
}

let guarded = false

/** Now and then Node would wait for ever, in a loop, for handles that uWS has freed: nothing but the exit is left by then. */
function endWithoutWaiting(): void {
  if (guarded) return
  guarded = true
  process.once('exit', () => process.exit())
}
