import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import { FetchSession, type Polled } from '../../drivers/kafka/fetch-session.ts'
import type { Fetched, FetchedPartition } from '../../drivers/kafka/fetch.ts'
import type { Question } from '../../drivers/kafka/protocol.ts'
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
  readonly session: FetchSession<TailPartition>
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

  constructor(cluster: KafkaCluster, node: number, connection: string, limits: KafkaSourceLimits, now: () => number) {
    this.#cluster = cluster
    this.#node = node
    this.#connection = connection
    this.#limits = limits
    this.#now = now
    this.#lanes = {
      fresh: newLane('fresh', limits.freshWaitMs, limits),
      busy: newLane('busy', limits.tailWaitMs, limits),
      idle: newLane('idle', limits.tailWaitMs, limits),
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
    let answer: Polled<TailPartition>
    try {
      answer = await lane.session.poll(polled, (question) => this.#ask(lane, question))
      if (answer.code !== 0) throw new Error(`broker ${this.#node} refused a fetch (code ${answer.code})`)
    } catch (error) {
      return this.#fail(lane, polled, error)
    }
    const now = this.#now()
    await this.#hand(lane, answer.answers, now)
    this.#settle(lane, polled, now)
  }

  async #ask(lane: Lane, question: Question<Fetched>): Promise<Fetched> {
    const msMax = lane.waitMs + this.#limits.tailMsMax
    return await this.#cluster.askOn(this.#node, `${this.#connection}-${lane.name}`, question, msMax)
  }

  #fail(lane: Lane, polled: readonly TailPartition[], error: unknown): void {
    const ours = polled.filter((partition) => this.#laneOf.get(partition) === lane)
    for (const partition of ours) this.remove(partition)
    for (const [owner, partitions] of byOwner(ours, (partition) => partition)) owner.failed(partitions, error)
  }

  async #hand(lane: Lane, answers: Polled<TailPartition>['answers'], now: number): Promise<void> {
    const pairs = answers.filter(([partition]) => this.#laneOf.get(partition) === lane)
    for (const [partition, { batches }] of pairs) if (batches.length > 0) partition.busyAt = now
    const owners = byOwner(pairs, ([partition]) => partition)
    await Promise.all([...owners].map(([owner, batch]) => owner.fetched(batch)))
  }

  /** After an answer: each into the lane that fits it, through the fresh one where that cannot take it now. */
  #settle(lane: Lane, polled: readonly TailPartition[], now: number): void {
    const { busy, idle, fresh } = this.#lanes
    for (const partition of polled) {
      const fitting = now - partition.busyAt < this.#limits.idleAfterMs ? busy : idle
      if (fitting === lane || this.#laneOf.get(partition) !== lane) continue
      if (!fitting.running || fitting.gathering) {
        this.#move(partition, fitting)
        this.#start(fitting)
      } else if (lane !== fresh) {
        this.add(partition)
      }
    }
  }
}

function newLane(name: LaneName, waitMs: number, limits: KafkaSourceLimits): Lane {
  const { tailBytesMax, tailPartitionBytesMax } = limits
  const session = new FetchSession<TailPartition>({
    maxWaitMs: waitMs,
    maxBytes: tailBytesMax,
    partitionBytesMax: tailPartitionBytesMax,
  })
  return { name, waitMs, members: new Set(), session, running: false, gathering: false, round: Promise.resolve() }
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
