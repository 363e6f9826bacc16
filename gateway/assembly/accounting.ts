import { join } from 'node:path'
import type { Agreement } from '../access/grant.ts'
import { DirectIntake } from '../billing/direct.ts'
import { UsageIntake } from '../billing/intake.ts'
import { openLedger, type Ledger } from '../billing/ledger.ts'
import type { LedgerTables } from '../billing/tables.ts'
import type { Clock } from '../clock.ts'
import { systemRandom } from '../clock.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../drivers/sql/database.ts'
import { connectRedis, type RedisConnection } from '../drivers/redis/connection.ts'
import type { Log } from '../log.ts'
import { MemoryLeases } from '../quota/memory.ts'
import { createQuota, type Quota } from '../quota/quota.ts'
import { RedisLeases } from '../quota/redis.ts'
import type { Account } from '../stream/account.ts'
import type { Hub } from '../stream/hub.ts'
import type { Record } from '../stream/record.ts'
import type { Source } from '../stream/source.ts'
import { decodeMessage } from '../usage/codec.ts'
import { createDirectSink } from '../usage/directSink.ts'
import { nextBoot } from '../usage/identity.ts'
import { Journal } from '../usage/journal.ts'
import { createKafkaSink } from '../usage/kafkaSink.ts'
import { createMeterTime, type MeterTime } from '../usage/meterTime.ts'
import { Shipper, type ShipperOptions } from '../usage/shipper.ts'
import type { Sink } from '../usage/sink.ts'
import type { UsageMessage } from '../usage/tally.ts'
import type { Place } from '../workers/place.ts'
import { createAccounts } from './accounts.ts'
import { kafkaConfigOf } from './kafkaConfig.ts'
import { folderOfWorker, OrphanJournals } from './orphanJournals.ts'
import { LedgerSeeds } from './seeds.ts'
import type { Ends, Sources } from './sources.ts'
import { Terms } from './terms.ts'

interface Parts {
  readonly hub: Hub
  readonly sources: Sources
  readonly clock: Clock
  readonly log: Log
  readonly place: Place
}

/** Allowances, usage and the ledger, joined to the heart. */
export interface Accounting {
  readonly accountOf: (agreement: Agreement) => Account
  readonly quota: Quota
  readonly ledger: Ledger
  readonly shipper: Shipper
  readonly journal: Journal
  readonly orphans: OrphanJournals
  tick(): void
  /** After the last client is gone: what was delivered is brought to the ledger, what was not spent goes back. */
  drain(): Promise<void>
}

const SEGMENT_BYTES_MAX = 8 * 1024 * 1024
const DRAIN_MS_MAX = 10_000
/** Of a worker that is no more: nobody waits for it, so it is never late. */
const NOTHING_MORE = { drain: () => [], lagging: () => undefined, flushMs: Infinity }

/** What it opened is ended by `ends`. Throws a `Fault` where database, journal or the node's name cannot be had. */
export async function openAccounting(config: Config, parts: Parts, ends: Ends): Promise<Accounting> {
  const { clock, log, hub, place } = parts
  const ledger = await openBooks(config, clock)
  ends.unshift(() => ledger.close())
  const redis = openRedis(config, log)
  if (redis) ends.unshift(() => redis.close())
  const meterTime = createMeterTime(clock)
  const openShipper = async (worker: number, from: Pick<ShipperOptions, 'drain' | 'lagging' | 'flushMs'>) => {
    const identity = { ...(await nextBoot(config.dataDir, config.node, freshName, worker)), worker }
    const journal = new Journal(journalOptions(config, worker), clock, log)
    const sink = sinkOf(config, ledger, parts)
    return { identity, journal, shipper: new Shipper({ clock, meterTime, identity, journal, sink, log, ...from }) }
  }
  const { identity, journal, shipper } = await openShipper(place.index, {
    drain: () => hub.meter.drain(),
    lagging: (lagging) => (lagging ? hub.halt('metering') : hub.proceed('metering')),
    flushMs: config.usage.flushMs,
  })
  const orphans = new OrphanJournals({
    folder: journalFolder(config),
    // The first worker takes them all: of two that looked at once, each would find the other's.
    from: place.index === 0 ? place.count : Infinity,
    open: (worker) => openShipper(worker, NOTHING_MORE),
    clock,
    log,
  })
  const quota = createQuota({
    leases: redis ? new RedisLeases({ redis }) : new MemoryLeases(clock),
    seeds: new LedgerSeeds(ledger, shipper, clock),
    clock,
    log,
    node: `${identity.node}.${identity.worker}.${identity.boot}`,
  })
  hub.hooks = {
    nextEdge: () => Math.min(quota.nextEdge, shipper.nextEdge),
    edge(monotonic) {
      if (monotonic >= quota.nextEdge) quota.lapse(monotonic)
      if (monotonic >= shipper.nextEdge) shipper.flush()
    },
    full: () => shipper.flush(),
  }
  if (config.usage.cluster !== null && place.index === 0) {
    const intake = openIntake(config.usage.cluster, config.usage.topic, ledger, parts)
    ends.unshift(() => intake.close())
  }
  const terms = new Terms(ledger, clock, log)
  const timekeeper = redis ? new Timekeeper(redis, meterTime, clock) : null
  return {
    accountOf: createAccounts((agreement, planVersion) => {
      terms.note(agreement, planVersion)
      return quota.pool(agreement)
    }),
    quota,
    ledger,
    shipper,
    journal,
    orphans,
    tick() {
      void quota.tick()
      shipper.tick()
      orphans.tick()
      terms.tick()
      timekeeper?.tick()
    },
    async drain() {
      await quota.drain()
      await terms.tell()
      await Promise.all([shipper.drain(DRAIN_MS_MAX), orphans.drain(DRAIN_MS_MAX)])
    },
  }
}

/** The ledger, as `weir usage` and the gateway open it. */
export async function openBooks({ database, dataDir }: Config, clock: Clock): Promise<Ledger> {
  const place = { url: database.url?.reveal() ?? null, file: join(dataDir, 'ledger.db'), clock }
  return await openLedger(await openDatabase<LedgerTables>(place), clock)
}

/** One process of each node takes usage into the ledger; of several nodes, the ledger settles which one does, record by record. */
function openIntake(cluster: string, topic: string, ledger: Ledger, { sources, clock, log }: Parts): UsageIntake {
  const source = sources.get(cluster) as Source
  return new UsageIntake({ source, topic, ledger, decode: usageMessageOf, clock, log })
}

function usageMessageOf({ key, value, headers }: Record): UsageMessage | string {
  const raw = {
    key: bufferOf(key),
    value: bufferOf(value),
    headers: Object.fromEntries(headers.map(([name, one]) => [name, bufferOf(one) ?? undefined])),
  }
  const message = decodeMessage(raw)
  return message.kind === 'damaged' ? message.why : message
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function openRedis({ redis: { url } }: Config, log: Log): RedisConnection | null {
  return url === null ? null : connectRedis({ url: url.reveal(), log })
}

function journalFolder({ usage: { journal }, dataDir }: Config): string {
  return journal.path ?? join(dataDir, 'journal')
}

/** Of one worker: the first has the configured folder itself, so that one process and several find the same there. */
function journalOptions(config: Config, worker: number): ConstructorParameters<typeof Journal>[0] {
  const { bytesMax, fsyncMs } = config.usage.journal
  const folder = journalFolder(config)
  return {
    folder: worker === 0 ? folder : folderOfWorker(folder, worker),
    bytesMax,
    fsyncMs,
    segmentBytesMax: Math.min(SEGMENT_BYTES_MAX, bytesMax / 8),
  }
}

function sinkOf(config: Config, ledger: Ledger, { clock, log }: Parts): Sink {
  const { cluster, topic } = config.usage
  if (cluster !== null) return createKafkaSink(kafkaConfigOf(config, cluster), topic, clock)
  const unreadable = (why: string): void =>
    log.error({ event: 'usage-unreadable', why }, 'a usage message in the journal cannot be read: it is not billed')
  return createDirectSink(new DirectIntake(ledger), unreadable)
}

function freshName(): string {
  const digits = Math.floor(systemRandom() * 36 ** 8).toString(36)
  return `node-${digits.padStart(8, '0')}`
}

const TIME_EVERY_MS = 30_000

/** Asks Redis what time it is: all nodes date deliveries by one clock. */
class Timekeeper {
  readonly #redis: RedisConnection
  readonly #meterTime: MeterTime
  readonly #clock: Clock
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(redis: RedisConnection, meterTime: MeterTime, clock: Clock) {
    this.#redis = redis
    this.#meterTime = meterTime
    this.#clock = clock
  }

  tick(): void {
    const asked = this.#clock.monotonic()
    if (asked - this.#askedAt < TIME_EVERY_MS) return
    this.#askedAt = asked
    void this.#redis.time().then(
      (time) => this.#meterTime.set(time, asked),
      // Its own clock goes on; that Redis is away is told elsewhere.
      () => undefined,
    )
  }
}
