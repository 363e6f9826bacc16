import { sleep, type Clock } from '../../clock.ts'
import { silentLog } from '../../log.ts'
import { KafkaCluster, type KafkaConfig, type KafkaLimits } from './cluster.ts'
import { topicConfigs, type TopicConfigs } from './configs.ts'
import { KafkaError } from './errors.ts'
import { fetch, partitionsOf } from './fetch.ts'
import type { Metadata } from './metadata.ts'
import { EARLIEST, listOffsets } from './offsets.ts'
import { permits, producerId, type PermittedTopic } from './permits.ts'
import { FETCH, type ApiVersions } from './protocol.ts'

/** One address, and whether what is there serves us. */
export interface Reached {
  /** `host:port` */
  readonly address: string
  readonly error: KafkaError | null
}

/** Answers of a broker that has just come up, or gave out no producer's number yet: loading, not available, not the coordinator. */
const NOT_YET = new Set([14, 15, 16])
const TRIES_MAX = 10
const RETRY_MS = 200

const NO_EPOCH = -1
/** Of a partition there comes one batch at least, however large. */
const BYTES_MAX = 1

/**
 * Looks at a cluster as the gateway would use it, and leaves nothing behind: no topic, no record, no group. Each question throws
 * `KafkaError` where nobody answers.
 */
export class KafkaProbe {
  readonly #config: KafkaConfig
  readonly #limits: KafkaLimits
  readonly #clock: Clock
  readonly #cluster: KafkaCluster
  readonly #opened: KafkaCluster[] = []
  #versions: ApiVersions = {}

  constructor(config: KafkaConfig, limits: KafkaLimits, clock: Clock) {
    this.#config = config
    this.#limits = limits
    this.#clock = clock
    this.#cluster = this.#open(config)
  }

  /** Each configured broker by itself: whether it lets us in. */
  seeds(): Promise<readonly Reached[]> {
    return Promise.all(
      this.#config.brokers.map(async (address) => ({
        address,
        error: await failureOf(this.#open({ ...this.#config, brokers: [address] }).metadata([])),
      })),
    )
  }

  /** Each broker at the address by which the cluster sends clients to it. */
  async advertised(): Promise<readonly Reached[]> {
    const { nodes }: Metadata = await this.#cluster.metadata([])
    return Promise.all(
      nodes.map(async ({ id, host, port }) => ({
        address: `${host}:${port}`,
        error: await failureOf(this.#cluster.ask(id, this.#noting([]))),
      })),
    )
  }

  /** The newest version of Fetch that a broker speaks: it tells one release from another; null before any was asked. */
  get fetchVersion(): number | null {
    return this.#versions[FETCH.key]?.maxVersion ?? null
  }

  /** null: all that we may see. */
  async topics(names: readonly string[] | null): Promise<readonly PermittedTopic[]> {
    return (await this.#cluster.askAny(this.#noting(names))).topics
  }

  /** Reads at the start of a partition as a stream does. Returns `KAFKA_CODE`. */
  async read(topic: string, partition: number, leader: number): Promise<number> {
    const earliest = { partition, timestamp: EARLIEST }
    const [first] = (await this.#cluster.ask(leader, listOffsets(topic, [earliest]))).offsets
    if (first === undefined || first.code !== 0) return first?.code ?? NO_ANSWER
    const from = { partition, fetchOffset: first.offset, maxBytes: BYTES_MAX, leaderEpoch: NO_EPOCH }
    const topics = [{ topic, id: null, partitions: [from] }]
    const query = fetch({ maxWaitMs: 0, minBytes: 0, maxBytes: BYTES_MAX, topics })
    const fetched = await this.#cluster.ask(leader, query)
    return fetched.code === 0 ? (partitionsOf(fetched)[0]?.code ?? NO_ANSWER) : fetched.code
  }

  settings(topic: string, names: readonly string[]): Promise<TopicConfigs> {
    return this.#cluster.askAny(topicConfigs(topic, names))
  }

  /** Whether we may write idempotently. Returns `KAFKA_CODE`. */
  async mayProduce(): Promise<number> {
    for (let tries = 1; ; tries++) {
      const { code } = await this.#cluster.askAny(producerId())
      if (!NOT_YET.has(code) || tries === TRIES_MAX) return code
      await sleep(this.#clock, RETRY_MS)
    }
  }

  close(): void {
    for (const cluster of this.#opened) cluster.close()
  }

  #noting(names: readonly string[] | null) {
    return (versions: ApiVersions): ReturnType<typeof permits> => {
      this.#versions = versions
      return permits(names)
    }
  }

  #open(config: KafkaConfig): KafkaCluster {
    const cluster = new KafkaCluster(config, this.#limits, this.#clock, silentLog)
    this.#opened.push(cluster)
    return cluster
  }
}

const NO_ANSWER = -1

/** Of several that all failed, the first. */
async function failureOf(answer: Promise<unknown>): Promise<KafkaError | null> {
  try {
    await answer
    return null
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof AggregateError ? error.cause.errors[0] : error
    return cause instanceof KafkaError ? cause : new KafkaError('refused', String(cause), { cause })
  }
}
