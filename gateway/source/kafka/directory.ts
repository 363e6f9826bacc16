import type { Clock, Timer } from '../../clock.ts'
import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import { KAFKA_CODE, KafkaError } from '../../drivers/kafka/errors.ts'
import type { Metadata, TopicMetadata } from '../../drivers/kafka/protocol.ts'
import { SourceError } from '../../stream/source.ts'

/** Who leads each partition now, by partition; `NO_LEADER` where nobody does. */
export interface Topology {
  readonly leaders: readonly number[]
  /** Monotonic, ms. */
  readonly at: number
}

export const NO_LEADER = -1

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
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #known = new Map<string, Topology>()
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #asked = new Set<string>()
  #current: Promise<unknown> = Promise.resolve()
  #next: Promise<Metadata> | null = null
  #timer: Timer | null = null

  constructor(cluster: KafkaCluster, everyMs: number, clock: Clock) {
    this.#cluster = cluster
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
    let metadata: Metadata
    try {
      metadata = await this.#next
    } catch (error) {
      throw asSourceError(error)
    }
    return this.#take(topic, metadata)
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
  async #ask(): Promise<Metadata> {
    await this.#current
    const topics = [...this.#asked]
    this.#asked.clear()
    const answer = this.#cluster.metadata(topics)
    this.#current = answer.catch(() => null)
    this.#next = null
    return await answer
  }

  #take(topic: string, metadata: Metadata): Topology {
    const found = metadata.topics.find((one) => one.name === topic)
    const topology = { leaders: leadersOf(topic, found), at: this.#clock.monotonic() }
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

function leadersOf(topic: string, found: TopicMetadata | undefined): readonly number[] {
  if (found === undefined) throw new SourceError('unavailable', `the cluster's answer does not name topic ${topic}`)
  const failure = failureOf(topic, found.code)
  if (failure !== null) throw failure
  const leaders: number[] = []
  for (const { partition, leader } of found.partitions) leaders[partition] = leader < 0 ? NO_LEADER : leader
  return Array.from(leaders, (leader) => leader ?? NO_LEADER)
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
