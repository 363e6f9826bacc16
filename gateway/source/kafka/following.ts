import type { Timer } from '../../clock.ts'
import { KAFKA_CODE } from '../../drivers/kafka/errors.ts'
import type { FetchedPartition } from '../../drivers/kafka/fetch.ts'
import {
  SourceError,
  isUnresolved,
  type FollowSink,
  type Following,
  type Slice,
  type Vector,
} from '../../stream/source.ts'
import type { KafkaContext } from './context.ts'
import { NO_LEADER, asSourceError, type Topology } from './directory.ts'
import { compared } from './divergence.ts'
import { resolved } from './offsets.ts'
import { Outage } from './outage.ts'
import type { PartitionOwner, TailPoller } from './poller.ts'
import { decoded, lostAt, type DecodedSlice } from './slices.ts'
import { TailPartition } from './tail-partition.ts'

/** Where a following finds the poller of a broker. */
export type PollerOf = (node: number) => TailPoller

/**
 * Follows one topic: gives each of its partitions a home at the poller of its leader, and a new one when the leader
 * changes or is lost. Each partition has its own backoff, so those without a leader hold up no other.
 */
export class KafkaFollowing implements Following, PartitionOwner {
  readonly #topic: string
  readonly #from: Vector
  readonly #sink: FollowSink
  readonly #context: KafkaContext
  readonly #pollerOf: PollerOf
  readonly #onClose: () => void
  readonly #outage: Outage
  readonly #partitions: TailPartition[] = []
  readonly #homes = new Map<TailPartition, TailPoller>()
  readonly #due = new Set<TailPartition>()
  readonly #timers = new Set<Timer>()
  /** Of the log that is followed; unknown until it is asked for or found. */
  #epoch: number | undefined
  #looking = false
  #paused = false
  #open = true
  #lookBackoffMs = 0

  constructor(
    topic: string,
    from: Vector,
    sink: FollowSink,
    context: KafkaContext,
    pollerOf: PollerOf,
    epoch: number | undefined,
    onClose: () => void,
  ) {
    this.#epoch = epoch
    this.#topic = topic
    this.#from = from
    this.#sink = sink
    this.#context = context
    this.#pollerOf = pollerOf
    this.#onClose = onClose
    this.#outage = new Outage(sink, context.limits.downAfterMs, context.clock)
    context.directory.watch(topic, this.#onTopology)
    this.#later(0, () => void this.#look())
  }

  pause(): void {
    this.#paused = true
    for (const partition of this.#partitions) partition.wanted = false
  }

  resume(): void {
    if (!this.#paused || !this.#open) return
    this.#paused = false
    for (const partition of this.#partitions) partition.wanted = true
    for (const [partition, poller] of this.#homes) poller.add(partition)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#context.directory.unwatch(this.#topic, this.#onTopology)
    this.#outage.close()
    for (const timer of this.#timers) timer.cancel()
    for (const [partition, poller] of this.#homes) poller.remove(partition)
    this.#homes.clear()
    this.#onClose()
  }

  async fetched(batch: readonly (readonly [TailPartition, FetchedPartition])[]): Promise<void> {
    const slices: Slice[] = []
    for (const [partition, answer] of batch) {
      if (!this.#open) return
      if (answer.code === KAFKA_CODE.none) await this.#take(partition, answer, slices)
      else this.#refused(partition, answer.code)
    }
    this.#emit(slices)
  }

  failed(partitions: readonly TailPartition[], error: unknown): void {
    if (!this.#open) return
    for (const partition of partitions) this.#lose(partition, asSourceError(error))
  }

  async #take(partition: TailPartition, answer: FetchedPartition, slices: Slice[]): Promise<void> {
    let fetched: DecodedSlice
    try {
      fetched = await decoded(answer, partition.next!, 'own')
    } catch (error) {
      const { topic } = partition
      this.#context.log.error(
        { topic, partition: partition.partition, offset: partition.next, err: error },
        'undecodable',
      )
      return this.#lose(partition, asSourceError(error))
    }
    this.#works(partition)
    const { slice, leaderEpoch } = fetched
    partition.readEpoch = Math.max(partition.readEpoch, leaderEpoch ?? -1)
    const moved = slice.next !== partition.next
    const news = slice.end !== partition.toldEnd
    partition.next = slice.next
    partition.toldEnd = slice.end
    if (moved || news) slices.push(slice)
  }

  #refused(partition: TailPartition, code: number): void {
    if (code !== KAFKA_CODE.offsetOutOfRange) return this.#lose(partition, refusal(this.#topic, partition, code))
    this.#homes.get(partition)?.remove(partition)
    this.#homes.delete(partition)
    void this.#relocate(partition)
  }

  /** The position is not in the log: says what is lost and goes on at the nearest place that is. */
  async #relocate(partition: TailPartition): Promise<void> {
    const asked = partition.next!
    try {
      const { directory, cluster } = this.#context
      const topology = await directory.refresh(this.#topic)
      const node = topology.leaders[partition.partition] ?? NO_LEADER
      const slice = await lostAt(cluster, node, this.#topic, partition.partition, asked)
      // Offsets are asked for by name: had another log come under it meanwhile, they would be that log's.
      await directory.refresh(this.#topic)
      if (!this.#open) return
      if (slice !== null) this.#goOn(partition, slice, topology)
      this.#settle(partition, node, topology)
    } catch (error) {
      this.#lose(partition, asSourceError(error))
    }
  }

  /** The log goes on elsewhere than where the partition stood. */
  #goOn(partition: TailPartition, slice: Slice, { leaderEpochs }: Topology): void {
    partition.next = slice.next
    partition.toldEnd = slice.end
    partition.readEpoch = leaderEpochs[partition.partition] ?? -1
    this.#emit([slice])
  }

  #emit(slices: readonly Slice[]): void {
    if (this.#open && slices.length > 0) this.#sink.slices(slices)
  }

  #works(partition: TailPartition): void {
    partition.reads = true
    partition.backoffMs = 0
    this.#outage.works()
  }

  #lose(partition: TailPartition, error: SourceError): void {
    if (!this.#open) return
    this.#homes.get(partition)?.remove(partition)
    this.#homes.delete(partition)
    if (partition.reads) {
      const { topic, partition: number } = partition
      this.#context.log.warn(
        { topic, partition: number, reason: error.message },
        'partition lost, looking for its leader',
      )
    }
    partition.reads = false
    if (this.#partitions.every((one) => !one.reads)) this.#outage.fails(error)
    partition.backoffMs = this.#nextBackoff(partition.backoffMs)
    this.#later(partition.backoffMs, () => {
      this.#due.add(partition)
      void this.#look()
    })
  }

  #nextBackoff(ms: number): number {
    const { backoffMsMin, backoffMsMax } = this.#context.limits
    return Math.min(backoffMsMax, Math.max(backoffMsMin, ms * 2))
  }

  /** One look at the topic for all partitions that are due; the answer comes back through `#onTopology`. */
  async #look(): Promise<void> {
    if (this.#looking || !this.#open) return
    this.#looking = true
    try {
      await this.#context.directory.refresh(this.#topic)
      this.#lookBackoffMs = 0
    } catch (error) {
      if (this.#open) this.#cannotLook(asSourceError(error))
    } finally {
      this.#looking = false
    }
  }

  #cannotLook(error: SourceError): void {
    if (this.#partitions.every((one) => !one.reads)) this.#outage.fails(error)
    this.#lookBackoffMs = this.#nextBackoff(this.#lookBackoffMs)
    this.#later(this.#lookBackoffMs, () => void this.#look())
  }

  readonly #onTopology = (topology: Topology): void => {
    if (!this.#open) return
    this.#epoch ??= topology.epoch
    // The next look comes by itself, and sooner for whoever is due.
    if (this.#isOutdated(topology)) return
    if (this.#isAnother(topology)) return this.#changed()
    while (this.#partitions.length < topology.leaders.length) this.#discover(topology)
    const due = [...this.#due]
    this.#due.clear()
    for (const [node, partitions] of byLeader(due, topology.leaders)) void this.#house(node, partitions, topology)
  }

  /** A broker that lags behind the others may still tell of an earlier log: not believed while ours can be read. */
  #isOutdated({ epoch }: Topology): boolean {
    return epoch < this.#epoch! && this.#partitions.some((one) => one.reads)
  }

  /**
   * Another topic id is another log. Brokers that tell none leave signs only: Kafka never takes partitions away, and a topic that was gone
   * for an outage's length and is back was made anew.
   */
  #isAnother({ id, epoch, leaders }: Topology): boolean {
    if (epoch !== this.#epoch) return true
    if (id !== null || this.#partitions.length === 0) return false
    const wasGone = this.#outage.down && this.#outage.error?.code === 'no-such-topic'
    return leaders.length < this.#partitions.length || wasGone
  }

  #changed(): void {
    this.close()
    // The directory may be telling several watchers: the sink hears of it when that is done.
    queueMicrotask(() => this.#sink.changed())
  }

  #discover({ id, leaderEpochs }: Topology): void {
    const number = this.#partitions.length
    const partition = new TailPartition(this.#topic, id, number, this, this.#from[number])
    // Whoever found the position asked the leader of a moment ago.
    partition.readEpoch = leaderEpochs[number] ?? -1
    partition.wanted = !this.#paused
    this.#partitions.push(partition)
    this.#due.add(partition)
  }

  /** Finds the offsets of those that have none yet, holds the others against a leader that is new to them, then hands all to its poller. */
  async #house(node: number, partitions: readonly TailPartition[], topology: Topology): Promise<void> {
    if (node === NO_LEADER) {
      const none = new SourceError('unavailable', `partitions of ${this.#topic} have no leader`)
      return this.failed(partitions, none)
    }
    try {
      const { cluster } = this.#context
      const positions = new Map(partitions.map(({ partition, next }) => [partition, next]))
      const offsets = await resolved(cluster, node, this.#topic, positions)
      for (const partition of partitions) {
        if (offsets.get(partition.partition) === partition.next) continue
        partition.next = offsets.get(partition.partition) ?? partition.next
        partition.readEpoch = topology.leaderEpochs[partition.partition] ?? -1
      }
      const { leaderEpochs } = topology
      const news = partitions.filter((one) => isNewTo(one, leaderEpochs))
      const { lost, undecided } = await compared(cluster, node, this.#topic, news, leaderEpochs)
      if (!this.#open) return
      for (const [partition, slice] of lost) this.#goOn(partition, slice, topology)
      for (const partition of partitions) {
        if (undecided.has(partition)) this.#lose(partition, undecidedBy(node))
        else this.#settle(partition, node, topology)
      }
    } catch (error) {
      this.failed(partitions, error)
    }
  }

  #settle(partition: TailPartition, node: number, { leaderEpochs }: Topology): void {
    if (!this.#open) return
    if (node === NO_LEADER || partition.next === undefined || isUnresolved(partition.next)) {
      return this.#lose(partition, new SourceError('unavailable', `broker ${node} does not say where to read`))
    }
    partition.leaderEpoch = leaderEpochs[partition.partition] ?? -1
    const poller = this.#pollerOf(node)
    this.#homes.set(partition, poller)
    poller.add(partition)
  }

  #later(ms: number, run: () => void): void {
    const timer = this.#context.clock.after(ms, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
  }
}

/** Its position is an offset that was reached under an earlier leader. */
function isNewTo(one: TailPartition, leaderEpochs: readonly number[]): boolean {
  const placed = one.next !== undefined && !isUnresolved(one.next)
  return placed && one.readEpoch >= 0 && one.readEpoch < (leaderEpochs[one.partition] ?? -1)
}

function undecidedBy(node: number): SourceError {
  return new SourceError('unavailable', `broker ${node} does not say how far its log agrees with what was read`)
}

function refusal(topic: string, { partition }: TailPartition, code: number): SourceError {
  const kind = code === KAFKA_CODE.topicDenied ? 'denied' : 'unavailable'
  return new SourceError(kind, `the leader of ${topic}/${partition} refused a fetch (Kafka error ${code})`)
}

function byLeader(partitions: readonly TailPartition[], leaders: readonly number[]): Map<number, TailPartition[]> {
  const nodes = new Map<number, TailPartition[]>()
  for (const partition of partitions) {
    const node = leaders[partition.partition] ?? NO_LEADER
    nodes.set(node, [...(nodes.get(node) ?? []), partition])
  }
  return nodes
}
