import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import { KAFKA_CODE } from '../../drivers/kafka/errors.ts'
import { epochEnds } from '../../drivers/kafka/offsets.ts'
import type { Slice } from '../../stream/source.ts'
import { offsetsAt } from './offsets.ts'
import type { TailPartition } from './tail-partition.ts'

/** What a new leader says of positions that were reached under earlier ones. */
export interface Compared {
  /** Of those whose log was cut below their position: where it goes on. */
  readonly lost: ReadonlyMap<TailPartition, Slice>
  /** The leader does not say, as while leaders change: to be asked again. */
  readonly undecided: ReadonlySet<TailPartition>
}

/**
 * Holds positions against the log of a leader that is new to them. After an unclean election that log may hold other
 * records under the same offsets, and be longer: then no fetch is refused, and only the ends of the leader epochs tell
 * where it parted (KIP-320). `leaderEpochs` are the leaders', by partition. Throws `KafkaError`.
 */
export async function compared(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  partitions: readonly TailPartition[],
  leaderEpochs: readonly number[],
): Promise<Compared> {
  const ends = await endsOf(cluster, node, topic, partitions, leaderEpochs)
  const undecided = new Set(partitions.filter(({ partition }) => ends.get(partition) === undefined))
  const cut = partitions.filter(({ partition, next }) => {
    const end = ends.get(partition)
    return end !== undefined && end >= 0 && end < next!
  })
  const latest = await offsetsAtEnd(cluster, node, topic, cut)
  const lost = new Map<TailPartition, Slice>()
  for (const one of cut) {
    const to = ends.get(one.partition)!
    const end = latest.get(one.partition)
    if (end === undefined) undecided.add(one)
    else lost.set(one, slice(one.partition, one.next!, to, end))
  }
  return { lost, undecided }
}

function slice(partition: number, from: number, to: number, end: number): Slice {
  return { partition, from, records: [], next: to, end, lost: { reason: 'truncated', from, to } }
}

/** By partition; absent where the leader did not say, -1 where it has nothing of that age. */
async function endsOf(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  partitions: readonly TailPartition[],
  leaderEpochs: readonly number[],
): Promise<Map<number, number>> {
  if (partitions.length === 0) return new Map()
  const queries = partitions.map(({ partition, readEpoch }) => ({
    partition,
    currentLeaderEpoch: leaderEpochs[partition] ?? -1,
    leaderEpoch: readEpoch,
  }))
  const answer = await cluster.ask(node, epochEnds(topic, queries))
  const said = answer.ends.filter(({ code }) => code === KAFKA_CODE.none)
  return new Map(said.map(({ partition, endOffset }) => [partition, endOffset]))
}

async function offsetsAtEnd(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  partitions: readonly TailPartition[],
): Promise<ReadonlyMap<number, number>> {
  if (partitions.length === 0) return new Map()
  return await offsetsAt(
    cluster,
    node,
    topic,
    partitions.map(({ partition }) => partition),
    'latest',
  )
}
