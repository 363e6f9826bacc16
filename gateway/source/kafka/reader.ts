import { KAFKA_CODE } from '../../drivers/kafka/errors.ts'
import {
  fetch,
  partitionsOf,
  type Fetched,
  type FetchedPartition,
  type FetchPartition,
} from '../../drivers/kafka/fetch.ts'
import { SourceError, isUnresolved, type Slice, type Vector } from '../../stream/source.ts'
import type { KafkaContext } from './context.ts'
import { NO_LEADER, asSourceError, type Topology } from './directory.ts'
import { Gate } from './gate.ts'
import { gather } from './gather.ts'
import { resolved, type Offsets } from './offsets.ts'
import { decoded, joined, lostAt } from './slices.ts'

/** The next offset by partition, or why there is none yet. */
type Positions = Map<number, number | undefined>

/** What one round of asking all leaders gave. */
interface Round {
  readonly slices: readonly Slice[]
  readonly error: SourceError | null
}

/** The log that one read is about. */
interface Wanted {
  readonly topic: string
  readonly id: string | null
  readonly epoch: number
}

/** What one broker gave. */
interface Given {
  readonly slices: readonly Slice[]
  /** Something was asked for by the topic's name, so that another log under that name may have answered. */
  readonly byName: boolean
}

const ANY_LEADER = -1

/** Replay reads: one fetch for each broker that leads partitions, over connections that no tail shares. */
export class KafkaReader {
  readonly #context: KafkaContext
  readonly #gates = new Map<number, Gate>()
  /** Until when (monotonic, ms) a broker that failed is not waited for. */
  readonly #suspectUntil = new Map<number, number>()
  #turn = 0

  constructor(context: KafkaContext) {
    this.#context = context
  }

  /**
   * As `Source.read` says. A partition that could not be read now has no slice, one that could not be resolved has its
   * position unchanged with the end 0, so that it never looks caught up.
   */
  async read(
    topic: string,
    from: Vector,
    bytesMax: number,
    signal?: AbortSignal,
    epoch?: number,
  ): Promise<readonly Slice[]> {
    signal?.throwIfAborted()
    const { id, leaders, ...found } = await this.#find(topic, epoch)
    const wanted = { topic, id, epoch: found.epoch }
    const positions: Positions = new Map(leaders.map((_, partition) => [partition, from[partition]]))
    const slices = new Map<number, Slice>()
    let error: SourceError | null = null
    for (let rounds = 0; rounds < this.#context.limits.readRoundsMax; rounds++) {
      const round = await this.#round(wanted, positions, bytesMax, signal)
      error ??= round.error
      if (!this.#takeOver(round.slices, slices, positions)) break
    }
    if (slices.size === 0 && error !== null) throw error
    return withUnresolved(slices, from, leaders.length)
  }

  /** What is known may be of an earlier log than the one that is asked for. */
  async #find(topic: string, epoch: number | undefined): Promise<Topology> {
    const { directory } = this.#context
    const known = await directory.get(topic)
    if (epoch === undefined || known.epoch === epoch) return known
    return same(await directory.refresh(topic), { topic, id: null, epoch })
  }

  /** Whether another round may give records: this one moved over markers and the like alone, and there is more. */
  #takeOver(round: readonly Slice[], slices: Map<number, Slice>, positions: Positions): boolean {
    let records = 0
    const again: Positions = new Map()
    for (const slice of round) {
      const moved = slice.lost !== undefined || slice.next !== positions.get(slice.partition)
      records += slice.records.length
      slices.set(slice.partition, joined(slices.get(slice.partition), slice))
      if (slice.next < slice.end && moved) again.set(slice.partition, slice.next)
    }
    positions.clear()
    for (const [partition, next] of again) positions.set(partition, next)
    return records === 0 && positions.size > 0
  }

  async #round(wanted: Wanted, positions: Positions, bytesMax: number, signal?: AbortSignal): Promise<Round> {
    const first = await this.#ask(wanted, positions, bytesMax, signal)
    const left: Positions = new Map(positions)
    for (const { partition } of first.slices) left.delete(partition)
    if (left.size === 0 || first.slices.some((slice) => slice.records.length > 0)) return first
    // Leaders may have changed since they were looked up. Who was late is not asked again while others answered.
    const { leaders } = same(await this.#context.directory.refresh(wanted.topic), wanted)
    for (const partition of left.keys()) {
      if (first.slices.length > 0 && this.#isSuspect(leaders[partition] ?? NO_LEADER)) left.delete(partition)
    }
    const second = await this.#ask(wanted, left, bytesMax, signal)
    return { slices: [...first.slices, ...second.slices], error: second.error ?? first.error }
  }

  async #ask(wanted: Wanted, positions: Positions, bytesMax: number, signal?: AbortSignal): Promise<Round> {
    const { directory, clock } = this.#context
    const nodes = byNode(same(await directory.get(wanted.topic), wanted).leaders, positions)
    const share = Math.ceil(bytesMax / Math.max(1, nodes.size))
    const tasks = new Map<number, Promise<Given>>()
    for (const [node, mine] of nodes) tasks.set(node, this.#askNode(wanted, node, mine, share, signal))
    const patienceMs = (values: ReadonlyMap<number, Given>): number => this.#patienceMs(values, nodes)
    const { values, errors } = await gather(tasks, patienceMs, clock, signal)
    for (const node of nodes.keys()) if (!values.has(node)) this.#suspect(node)
    // Had another log come under the name before the answers, the name stands for it now.
    if ([...values.values()].some(({ byName }) => byName)) same(await directory.refresh(wanted.topic), wanted)
    const failure = [...errors.values()][0]
    if (failure !== undefined) void directory.refresh(wanted.topic).catch(() => null)
    const slices = [...values.values()].flatMap((given) => given.slices)
    return { slices, error: failure === undefined ? null : asSourceError(failure) }
  }

  /** How long those that are left are waited for: short where records are there, or where they failed a moment ago. */
  #patienceMs(values: ReadonlyMap<number, Given>, nodes: ReadonlyMap<number, unknown>): number {
    const { readGraceMs, readPatienceMs } = this.#context.limits
    if (values.size === 0) return Number.POSITIVE_INFINITY
    if ([...values.values()].some(({ slices }) => slices.some(({ records }) => records.length > 0))) return readGraceMs
    const left = [...nodes.keys()].filter((node) => !values.has(node))
    return left.every((node) => this.#isSuspect(node)) ? readGraceMs : readPatienceMs
  }

  #suspect(node: number): void {
    this.#suspectUntil.set(node, this.#context.clock.monotonic() + this.#context.limits.suspectMs)
  }

  #isSuspect(node: number): boolean {
    return (this.#suspectUntil.get(node) ?? 0) > this.#context.clock.monotonic()
  }

  async #askNode(
    wanted: Wanted,
    node: number,
    positions: Positions,
    bytesMax: number,
    signal?: AbortSignal,
  ): Promise<Given> {
    const gate = this.#gates.get(node) ?? new Gate(this.#context.limits.readsInFlightMax)
    this.#gates.set(node, gate)
    // A queue before a broker that does not answer would only grow.
    if (gate.full && this.#isSuspect(node)) throw new SourceError('unavailable', `broker ${node} does not answer`)
    return await gate.pass((place) => this.#fetch(wanted, node, positions, bytesMax, place), signal)
  }

  async #fetch(
    { topic, id }: Wanted,
    node: number,
    positions: Positions,
    bytesMax: number,
    place: number,
  ): Promise<Given> {
    const { cluster, limits } = this.#context
    const offsets = await resolved(cluster, node, topic, positions)
    if (offsets.size === 0) return { slices: [], byName: false }
    const partitions = this.#queries(offsets, bytesMax)
    const topics = [{ topic, id, partitions }]
    const query = fetch({ maxWaitMs: limits.readWaitMs, minBytes: 0, maxBytes: bytesMax, topics })
    const answer = await cluster.askOn(node, `read-${place}`, query, limits.readWaitMs + limits.readMsMax)
    this.#suspectUntil.delete(node)
    const slices = await this.#slices(topic, node, partitionsOf(answer), offsets)
    return { slices, byName: id !== null && this.#askedByName(answer, positions, offsets, slices) }
  }

  /** Only fetches can be asked by id: what resolved a time, or said what is lost, went by the name. */
  #askedByName({ byId }: Fetched, positions: Positions, offsets: Offsets, slices: readonly Slice[]): boolean {
    if (!byId || slices.some(({ lost }) => lost !== undefined)) return true
    return [...offsets].some(([partition, offset]) => positions.get(partition) !== offset)
  }

  /** Another partition comes first each time, since a broker fills in the order of asking. */
  #queries(offsets: ReadonlyMap<number, number>, bytesMax: number): FetchPartition[] {
    const { readPartitionBytesMin } = this.#context.limits
    const maxBytes = Math.min(bytesMax, Math.max(readPartitionBytesMin, Math.ceil(bytesMax / offsets.size)))
    const leaderEpoch = ANY_LEADER
    const queries = Array.from(offsets, ([partition, fetchOffset]) => ({
      partition,
      fetchOffset,
      maxBytes,
      leaderEpoch,
    }))
    const first = this.#turn++ % queries.length
    return [...queries.slice(first), ...queries.slice(0, first)]
  }

  async #slices(
    topic: string,
    node: number,
    answers: readonly FetchedPartition[],
    offsets: ReadonlyMap<number, number>,
  ): Promise<Slice[]> {
    const slices: Slice[] = []
    let failure: unknown = null
    for (const answer of answers) {
      try {
        const slice = await this.#slice(topic, node, answer, offsets.get(answer.partition)!)
        if (slice !== null) slices.push(slice)
      } catch (error) {
        failure = error
        this.#context.log.error({ topic, partition: answer.partition, err: error }, 'a partition could not be read')
      }
    }
    if (slices.length === 0 && failure !== null) throw failure
    return slices
  }

  async #slice(topic: string, node: number, answer: FetchedPartition, from: number): Promise<Slice | null> {
    switch (answer.code) {
      case KAFKA_CODE.none:
        // A block is as short-lived as what it was fetched in.
        return (await decoded(answer, from, 'fetched')).slice
      case KAFKA_CODE.offsetOutOfRange:
        return await lostAt(this.#context.cluster, node, topic, answer.partition, from)
      case KAFKA_CODE.topicDenied:
        throw new SourceError('denied', `the cluster does not let us read topic ${topic}`)
      default:
        // Another broker leads it now, or none does: the round looks up who, and asks again.
        return null
    }
  }
}

/** Throws `changed` where another log stands under the name. */
function same(topology: Topology, { topic, epoch }: Wanted): Topology {
  if (topology.epoch === epoch) return topology
  const message = `topic ${topic} was made anew: its epoch is ${topology.epoch}, no longer ${epoch}`
  throw new SourceError('changed', message)
}

function byNode(leaders: readonly number[], positions: Positions): Map<number, Positions> {
  const nodes = new Map<number, Positions>()
  for (const [partition, next] of positions) {
    const node = leaders[partition] ?? NO_LEADER
    if (node === NO_LEADER) continue
    const mine = nodes.get(node) ?? new Map()
    nodes.set(node, mine.set(partition, next))
  }
  return nodes
}

function withUnresolved(slices: ReadonlyMap<number, Slice>, from: Vector, partitions: number): Slice[] {
  const all = [...slices.values()]
  for (const [partition, next] of from.entries()) {
    if (partition >= partitions || slices.has(partition) || !isUnresolved(next)) continue
    all.push({ partition, from: next, records: [], next, end: 0 })
  }
  return all
}
