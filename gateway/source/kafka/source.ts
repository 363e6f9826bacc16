import type { Clock } from '../../clock.ts'
import { KafkaCluster, type KafkaConfig } from '../../drivers/kafka/cluster.ts'
import type { Log } from '../../log.ts'
import {
  SourceError,
  type At,
  type FollowSink,
  type Following,
  type Located,
  type Slice,
  type Source,
  type Vector,
} from '../../stream/source.ts'
import type { KafkaContext } from './context.ts'
import { Directory, type EpochOf } from './directory.ts'
import { MemoryEpochBook, type EpochBook } from './epoch-book.ts'
import { KafkaFollowing } from './following.ts'
import { KAFKA_SOURCE_LIMITS, type KafkaSourceLimits } from './limits.ts'
import { locate } from './locator.ts'
import { TailPoller } from './poller.ts'
import { KafkaReader } from './reader.ts'

export interface KafkaSourceOptions extends KafkaConfig {
  /** Numbers the logs of each topic under the cluster's `name`. Absent: in memory, from 0 with each start. */
  readonly epochs?: EpochBook
  readonly clock: Clock
  readonly log: Log
  /** What is not named is as in `KAFKA_SOURCE_LIMITS`. */
  readonly limits?: Partial<KafkaSourceLimits>
}

/**
 * Records of a Kafka cluster, read without consumer groups (docs/decisions/0003-kafka-without-groups.md): the positions
 * are the callers', nothing is committed and nothing left behind on the cluster. Dials nothing before it is asked.
 */
export class KafkaSource implements Source {
  readonly #context: KafkaContext
  readonly #reader: KafkaReader
  readonly #pollers = new Map<string, TailPoller>()
  readonly #followings = new Map<string, (KafkaFollowing | undefined)[]>()
  #closed = false

  /** Throws `RangeError` where a broker's address cannot be understood. */
  constructor(options: KafkaSourceOptions) {
    const { clock, log } = options
    const limits = { ...KAFKA_SOURCE_LIMITS, ...options.limits }
    const cluster = new KafkaCluster(options, limits, clock, log)
    const epochOf = epochsIn(options.epochs ?? new MemoryEpochBook(), options.name, log)
    const directory = new Directory(cluster, epochOf, limits.metadataEveryMs, clock)
    this.#context = { cluster, directory, limits, clock, log }
    this.#reader = new KafkaReader(this.#context)
  }

  async locate(topic: string, at: At, signal?: AbortSignal): Promise<Located> {
    return await this.#guarded(() => locate(this.#context, topic, at, signal), signal)
  }

  async read(
    topic: string,
    from: Vector,
    bytesMax: number,
    signal?: AbortSignal,
    epoch?: number,
  ): Promise<readonly Slice[]> {
    return await this.#guarded(() => this.#reader.read(topic, from, bytesMax, signal, epoch), signal)
  }

  follow(topic: string, from: Vector, sink: FollowSink, epoch?: number): Following {
    if (this.#closed) throw closed()
    const peers = this.#followings.get(topic) ?? []
    this.#followings.set(topic, peers)
    const free = peers.indexOf(undefined)
    const slot = free < 0 ? peers.length : free
    const pollerOf = (node: number): TailPoller => this.#poller(node, slot)
    const onClose = (): void => this.#leave(topic, slot)
    const following = new KafkaFollowing(topic, from, sink, this.#context, pollerOf, epoch, onClose)
    peers[slot] = following
    return following
  }

  /** At once: what is under way fails with `closed`. */
  async close(): Promise<void> {
    this.#closed = true
    for (const following of [...this.#followings.values()].flat()) following?.close()
    this.#context.directory.close()
    this.#context.cluster.close()
  }

  /** A fetch may name a partition once only, so a topic's second follower is polled over connections of its own. */
  #poller(node: number, slot: number): TailPoller {
    const name = `${node}/${slot}`
    let poller = this.#pollers.get(name)
    if (poller === undefined) {
      const { cluster, limits, clock } = this.#context
      poller = new TailPoller(cluster, node, `tail-${slot}`, limits, () => clock.monotonic())
      this.#pollers.set(name, poller)
    }
    return poller
  }

  #leave(topic: string, slot: number): void {
    const peers = this.#followings.get(topic)
    if (peers === undefined) return
    peers[slot] = undefined
    if (peers.every((one) => one === undefined)) this.#followings.delete(topic)
  }

  async #guarded<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw closed()
    try {
      return await run()
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw this.#closed ? closed() : error
    }
  }
}

/** Of brokers that tell no topic ids, every topic has the epoch 0: said once. */
function epochsIn(book: EpochBook, cluster: string, log: Log): EpochOf {
  let told = false
  return async (topic, id) => {
    if (id !== null) return await book.epochOf(cluster, topic, id)
    if (!told)
      log.warn({ cluster, topic }, 'the brokers tell no topic ids (Kafka 2.8): a topic made anew is not always noticed')
    told = true
    return 0
  }
}

function closed(): SourceError {
  return new SourceError('closed', 'this source is closed')
}
