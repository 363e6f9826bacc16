import type { Clock, Timer } from '../../clock.ts'
import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import { KAFKA_CODE, KafkaError } from '../../drivers/kafka/errors.ts'
import type { PartitionMetadata, TopicMetadata } from '../../drivers/kafka/metadata.ts'
import { SourceError } from '../../stream/source.ts'

/** What stands under a topic's name now. */
export interface Topology {
  /** Kafka's topic id; `null` where the brokers tell none. */
  readonly id: string | null
  /** Of the log with that id. */
  readonly epoch: number
  /** By partition; `NO_LEADER` where nobody leads it. */
  readonly leaders: readonly number[]
  /** By partition; -1 unknown. Rises with each leader. */
  readonly leaderEpochs: readonly number[]
  /** Monotonic, ms. */
  readonly at: number
}

export const NO_LEADER = -1

/** The epoch of a topic by its id. */
export type EpochOf = (topic: string, id: string | null) => Promise<number>

type TopicsByName = ReadonlyMap<string, TopicMetadata>

/** Told of each newer look at a topic. */
export type Watcher = (topology: Topology) => void

/** A topic that was made a moment ago may be unknown to the broker that answers. */
const SECOND_LOOK_MS = 250

/**
 * The topics' partitions and leaders as the cluster last said. Any number of questions at once become one request, and
 * topics that somebody watches are looked at again every `everyMs`.
 */
export class Directory {
  readonly #cluster: KafkaCluster
  readonly #epochOf: EpochOf
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #known = new Map<string, Topology>()
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #asked = new Set<string>()
  #current: Promise<unknown> = Promise.resolve()
  #next: Promise<TopicsByName> | null = null
  #timer: Timer | null = null

  constructor(cluster: KafkaCluster, epochOf: EpochOf, everyMs: number, clock: Clock) {
    this.#cluster = cluster
    this.#epochOf = epochOf
    this.#everyMs = everyMs
    this.#clock = clock
  }

  /** Maybe `everyMs` old. Throws `SourceError`. */
  async get(topic: string): Promise<Topology> {
    const known = this.#known.get(topic)
    if (known !== undefined && this.#clock.monotonic() - known.at < this.#everyMs) return known
    return await this.look(topic)
  }

  /** As the cluster says now; a topic that seems not to exist is asked for twice. Throws `SourceError`. */
  async look(topic: string): Promise<Topology> {
    try {
      return await this.refresh(topic)
    } catch (error) {
      if (!(error instanceof SourceError) || error.code !== 'no-such-topic') throw error
      await new Promise<void>((resolve) => void this.#clock.after(SECOND_LOOK_MS, resolve))
      return await this.refresh(topic)
    }
  }

  /** As the cluster says now. Throws `SourceError`. */
  async refresh(topic: string): Promise<Topology> {
    this.#asked.add(topic)
    this.#next ??= this.#ask()
    let topics: TopicsByName
    try {
      topics = await this.#next
    } catch (error) {
      throw asSourceError(error)
    }
    return await this.#take(topic, topics)
  }

  watch(topic: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(topic) ?? new Set()
    this.#watchers.set(topic, watchers.add(watcher))
    this.#timer ??= this.#clock.every(this.#everyMs, () => this.#lookAround())
  }

  unwatch(topic: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(topic)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#watchers.delete(topic)
    if (this.#watchers.size === 0) this.close()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** What is asked while a request is under way goes with the next one. */
  async #ask(): Promise<TopicsByName> {
    await this.#current
    const asked = [...this.#asked]
    this.#asked.clear()
    const answer = this.#cluster.metadata(asked)
    this.#current = answer.catch(() => null)
    this.#next = null
    const { topics } = await answer
    return new Map(topics.map((one) => [one.name, one]))
  }

  async #take(topic: string, topics: TopicsByName): Promise<Topology> {
    const at = this.#clock.monotonic()
    const { id, partitions } = existing(topic, topics)
    const epoch = await this.#epochOf(topic, id)
    const topology = { id, epoch, ...leadersOf(partitions, id, this.#known.get(topic)), at }
    this.#known.set(topic, topology)
    for (const watcher of this.#watchers.get(topic) ?? []) watcher(topology)
    return topology
  }

  #lookAround(): void {
    for (const topic of this.#watchers.keys()) {
      // Whoever follows the topic meets the same error in its own requests, and tells it.
      this.refresh(topic).catch(() => this.#known.delete(topic))
    }
  }
}

function existing(topic: string, topics: TopicsByName): TopicMetadata {
  const found = topics.get(topic)
  if (found === undefined) throw new SourceError('unavailable', `the cluster's answer does not name topic ${topic}`)
  const failure = failureOf(topic, found.code)
  if (failure !== null) throw failure
  return found
}

/** Brokers learn of a new leader one after the other: an answer with an older leader epoch than we know of is old. */
function leadersOf(
  partitions: readonly PartitionMetadata[],
  id: string | null,
  known: Topology | undefined,
): Pick<Topology, 'leaders' | 'leaderEpochs'> {
  const before = known !== undefined && known.id === id ? known : null
  const leaders: number[] = []
  const leaderEpochs: number[] = []
  for (const { partition, leader, leaderEpoch } of partitions) {
    const knownEpoch = before?.leaderEpochs[partition] ?? -1
    const old = leaderEpoch >= 0 && leaderEpoch < knownEpoch
    leaders[partition] = old ? before!.leaders[partition]! : leader < 0 ? NO_LEADER : leader
    leaderEpochs[partition] = old ? knownEpoch : leaderEpoch
  }
  return {
    leaders: Array.from(leaders, (leader) => leader ?? NO_LEADER),
    leaderEpochs: Array.from(leaderEpochs, (epoch) => epoch ?? -1),
  }
}

function failureOf(topic: string, code: number): SourceError | null {
  switch (code) {
    case KAFKA_CODE.none:
    case KAFKA_CODE.leaderNotAvailable:
      return null
    case KAFKA_CODE.topicDenied:
      return new SourceError('denied', `the cluster does not let us read topic ${topic}`)
    case KAFKA_CODE.unknownTopicOrPartition:
    case KAFKA_CODE.invalidTopic:
      return new SourceError('no-such-topic', `the cluster has no topic ${topic}`)
    default:
      return new SourceError('unavailable', `the cluster says nothing of topic ${topic} (Kafka error ${code})`)
  }
}

/** What the port promises of an error of the driver. */
export function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error
  const denied = error instanceof KafkaError && error.kind === 'denied'
  const message = error instanceof Error ? error.message : String(error)
  return new SourceError(denied ? 'denied' : 'unavailable', message, { cause: error })
}
