import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import {
  fetch,
  type Fetched,
  type FetchedPartition,
  type FetchPartition,
  type FetchTopic,
} from '../../drivers/kafka/fetch.ts'
import type { KafkaSourceLimits } from './limits.ts'
import type { TailPartition } from './tail-partition.ts'

/**
 * Who owns polled partitions: gets what was fetched for them, all of one answer at a time, and must never throw. No
 * further poll of that lane begins before it has done with it.
 */
export interface PartitionOwner {
  fetched(batch: readonly (readonly [TailPartition, FetchedPartition])[]): Promise<void>
  failed(partitions: readonly TailPartition[], error: unknown): void
}

type LaneName = 'fresh' | 'busy' | 'idle'

interface Lane {
  readonly name: LaneName
  readonly waitMs: number
  readonly members: Set<TailPartition>
  running: boolean
  /** Its last poll has returned and the next one waits for the fresh lane's to join. */
  gathering: boolean
  round: Promise<void>
}

/**
 * Polls the tails of the partitions that one broker leads, over a connection per lane:
 *
 *   added, resumed --> fresh --records lately--> busy --none for idleAfterMs--> fresh --> idle
 *                      fresh --none lately-----> idle --a record--------------> fresh --> busy
 *
 * Busy and idle partitions are asked apart, so that a record in one does not ask again for all that are quiet. A broker
 * may hold a poll for a while, and who comes meanwhile is polled in the fresh lane, with short waits, until it can join.
 */
export class TailPoller {
  readonly #cluster: KafkaCluster
  readonly #node: number
  readonly #connection: string
  readonly #limits: KafkaSourceLimits
  readonly #now: () => number
  readonly #lanes: { readonly [name in LaneName]: Lane }
  readonly #laneOf = new Map<TailPartition, Lane>()
  #turn = 0

  constructor(cluster: KafkaCluster, node: number, connection: string, limits: KafkaSourceLimits, now: () => number) {
    this.#cluster = cluster
    this.#node = node
    this.#connection = connection
    this.#limits = limits
    this.#now = now
    this.#lanes = {
      fresh: newLane('fresh', limits.freshWaitMs),
      busy: newLane('busy', limits.tailWaitMs),
      idle: newLane('idle', limits.tailWaitMs),
    }
  }

  get size(): number {
    return this.#laneOf.size
  }

  /** Polls the partition from now on, or at once again where it was paused. */
  add(partition: TailPartition): void {
    this.#move(partition, this.#lanes.fresh)
    this.#start(this.#lanes.fresh)
  }

  /** An answer that is under way for it is dropped. */
  remove(partition: TailPartition): void {
    this.#laneOf.get(partition)?.members.delete(partition)
    this.#laneOf.delete(partition)
  }

  #move(partition: TailPartition, to: Lane): void {
    this.#laneOf.get(partition)?.members.delete(partition)
    to.members.add(partition)
    this.#laneOf.set(partition, to)
  }

  #start(lane: Lane): void {
    if (lane.running) return
    lane.running = true
    // Owners never throw and failed requests are handed to them, so this ends only where there is nothing to poll.
    void this.#run(lane)
  }

  async #run(lane: Lane): Promise<void> {
    for (;;) {
      if (lane !== this.#lanes.fresh) await this.#gather(lane)
      const polled = [...lane.members].filter((partition) => partition.wanted)
      if (polled.length === 0) break
      lane.round = this.#poll(lane, polled)
      await lane.round
    }
    lane.running = false
  }

  async #gather(lane: Lane): Promise<void> {
    const { fresh } = this.#lanes
    if (!fresh.running) return
    lane.gathering = true
    await fresh.round
    lane.gathering = false
  }

  async #poll(lane: Lane, polled: readonly TailPartition[]): Promise<void> {
    let answer: Fetched
    try {
      answer = await this.#fetch(lane, polled)
      if (answer.code !== 0) throw new Error(`broker ${this.#node} refused a fetch (code ${answer.code})`)
    } catch (error) {
      return this.#fail(lane, polled, error)
    }
    await this.#hand(lane, polled, answer.partitions)
    for (const partition of polled) if (this.#laneOf.get(partition) === lane) this.#settle(lane, partition)
  }

  async #fetch(lane: Lane, polled: readonly TailPartition[]): Promise<Fetched> {
    const { tailBytesMax, tailMsMax } = this.#limits
    // The broker fills in the order of asking, so that another partition comes first each time.
    const topics = topicsOf(polled, this.#turn++ % polled.length, this.#limits.tailPartitionBytesMax)
    const query = fetch({ maxWaitMs: lane.waitMs, minBytes: 1, maxBytes: tailBytesMax, topics })
    return await this.#cluster.askOn(this.#node, `${this.#connection}-${lane.name}`, query, lane.waitMs + tailMsMax)
  }

  #fail(lane: Lane, polled: readonly TailPartition[], error: unknown): void {
    const ours = polled.filter((partition) => this.#laneOf.get(partition) === lane)
    for (const partition of ours) this.remove(partition)
    for (const [owner, partitions] of byOwner(ours, (partition) => partition)) owner.failed(partitions, error)
  }

  async #hand(lane: Lane, polled: readonly TailPartition[], answers: readonly FetchedPartition[]): Promise<void> {
    const byName = new Map(polled.map((partition) => [`${partition.partition} ${partition.topic}`, partition]))
    const pairs: (readonly [TailPartition, FetchedPartition])[] = []
    for (const answer of answers) {
      const partition = byName.get(`${answer.partition} ${answer.topic}`)
      if (partition === undefined || this.#laneOf.get(partition) !== lane) continue
      if (answer.batches.length > 0) partition.busyAt = this.#now()
      pairs.push([partition, answer])
    }
    const owners = byOwner(pairs, ([partition]) => partition)
    await Promise.all([...owners].map(([owner, batch]) => owner.fetched(batch)))
  }

  /** After an answer: into the lane that fits the partition, through the fresh one where that cannot take it now. */
  #settle(lane: Lane, partition: TailPartition): void {
    const busy = this.#now() - partition.busyAt < this.#limits.idleAfterMs
    const fitting = busy ? this.#lanes.busy : this.#lanes.idle
    if (fitting === lane) return
    if (!fitting.running || fitting.gathering) {
      this.#move(partition, fitting)
      this.#start(fitting)
    } else if (lane !== this.#lanes.fresh) {
      this.add(partition)
    }
  }
}

function newLane(name: LaneName, waitMs: number): Lane {
  return { name, waitMs, members: new Set(), running: false, gathering: false, round: Promise.resolve() }
}

function byOwner<T>(items: readonly T[], partitionOf: (item: T) => TailPartition): Map<PartitionOwner, T[]> {
  const owners = new Map<PartitionOwner, T[]>()
  for (const item of items) {
    const { owner } = partitionOf(item)
    const list = owners.get(owner)
    if (list === undefined) owners.set(owner, [item])
    else list.push(item)
  }
  return owners
}

function topicsOf(polled: readonly TailPartition[], first: number, maxBytes: number): FetchTopic[] {
  const topics = new Map<string, FetchTopic & { readonly partitions: FetchPartition[] }>()
  for (let i = 0; i < polled.length; i++) {
    const { topic, topicId, partition, next, leaderEpoch } = polled[(first + i) % polled.length]!
    const one = { partition, fetchOffset: next ?? 0, maxBytes, leaderEpoch }
    const asked = topics.get(topic)
    if (asked === undefined) topics.set(topic, { topic, id: topicId, partitions: [one] })
    else asked.partitions.push(one)
  }
  return [...topics.values()]
}
