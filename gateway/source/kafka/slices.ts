import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import type { FetchedPartition } from '../../drivers/kafka/fetch.ts'
import { SourceError, type Slice } from '../../stream/source.ts'
import { decodeBatches, type RecordMemory } from './batches.ts'
import { offsetsAt } from './offsets.ts'

export interface DecodedSlice {
  readonly slice: Slice
  /** Under which leader its last batch was written; `null` where there was none. */
  readonly leaderEpoch: number | null
}

/** What one partition's answer to a fetch at `from` gives. Throws where its bytes cannot be read. */
export async function decoded(answer: FetchedPartition, from: number, memory: RecordMemory): Promise<DecodedSlice> {
  const { partition, lastStableOffset: end, batches, aborted } = answer
  if (batches.length === 0) return { slice: { partition, from, records: [], next: from, end }, leaderEpoch: null }
  const { records, next, leaderEpoch } = await decodeBatches(partition, from, batches, aborted, memory)
  return { slice: { partition, from, records, next, end }, leaderEpoch }
}

/**
 * What is lost where the leader said that `asked` is out of its range: what lies before the log's start, or a position
 * above its end. `null` where it is in range after all, as right after a change of leaders. Throws `KafkaError`.
 */
export async function lostAt(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  partition: number,
  asked: number,
): Promise<Slice | null> {
  const [starts, ends] = await Promise.all([
    offsetsAt(cluster, node, topic, [partition], 'earliest'),
    offsetsAt(cluster, node, topic, [partition], 'latest'),
  ])
  const start = starts.get(partition)
  const end = ends.get(partition)
  if (start === undefined || end === undefined) {
    throw new SourceError('unavailable', `broker ${node} does not say what ${topic}/${partition} holds`)
  }
  if (asked < start) {
    const lost = { reason: 'retention', from: asked, to: start } as const
    return { partition, from: start, records: [], next: start, end, lost }
  }
  if (asked <= end) return null
  const lost = { reason: 'truncated', from: asked, to: end } as const
  return { partition, from: asked, records: [], next: end, end, lost }
}

/** Two slices of one partition, the second fetched where the first ended, as one. */
export function joined(first: Slice | undefined, second: Slice): Slice {
  if (first === undefined) return second
  const records = first.records.length === 0 ? second.records : [...first.records, ...second.records]
  const { lost } = first.lost === undefined ? second : first
  const from = first.lost === undefined && second.lost !== undefined ? second.from : first.from
  const slice = { partition: first.partition, from, records, next: second.next, end: second.end }
  return lost === undefined ? slice : { ...slice, lost }
}
