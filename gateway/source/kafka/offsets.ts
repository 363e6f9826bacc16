import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import { KAFKA_CODE } from '../../drivers/kafka/errors.ts'
import { EARLIEST, LATEST, listOffsets, type OffsetQuery } from '../../drivers/kafka/offsets.ts'
import { isUnresolved, type At } from '../../stream/source.ts'

/** Offset by partition; a partition whose leader did not say is absent. */
export type Offsets = ReadonlyMap<number, number>

/** Stands for "since ever" as a position that no leader could turn into an offset yet: no record is older. */
const SINCE_EVER_MS = 1

/** What one broker says of where `at` lies in partitions that it leads. Throws `KafkaError`. */
export async function offsetsAt(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  partitions: readonly number[],
  at: At,
): Promise<Offsets> {
  const timestamp = timestampOf(at)
  return await search(
    cluster,
    node,
    topic,
    partitions.map((partition) => ({ partition, timestamp })),
  )
}

/** Turns positions (`undefined`: the start; `-T`: a time) into offsets. Throws `KafkaError`. */
export async function resolved(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  positions: ReadonlyMap<number, number | undefined>,
): Promise<Offsets> {
  const offsets = new Map<number, number>()
  const queries: OffsetQuery[] = []
  for (const [partition, next] of positions) {
    if (next === undefined) queries.push({ partition, timestamp: EARLIEST })
    else if (isUnresolved(next)) queries.push({ partition, timestamp: timestampOf({ time: -next }) })
    else offsets.set(partition, next)
  }
  const found = await search(cluster, node, topic, queries)
  return found.size === 0 ? offsets : new Map([...offsets, ...found])
}

/** How a place is written down while no leader can say its offset. */
export function unresolvedAt(at: At, nowMs: number): number {
  if (at === 'earliest') return -SINCE_EVER_MS
  return -Math.max(SINCE_EVER_MS, Math.ceil(at === 'latest' ? nowMs : at.time))
}

function timestampOf(at: At): number {
  if (at === 'earliest') return EARLIEST
  if (at === 'latest') return LATEST
  return at.time <= SINCE_EVER_MS ? EARLIEST : Math.ceil(at.time)
}

async function search(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  queries: readonly OffsetQuery[],
): Promise<Offsets> {
  if (queries.length === 0) return new Map()
  // The end is asked first: what is appended between the two questions then lies behind it, not before.
  const timed = queries.filter(({ timestamp }) => timestamp >= 0)
  const ends = await list(
    cluster,
    node,
    topic,
    timed.map(({ partition }) => ({ partition, timestamp: LATEST })),
  )
  const offsets = new Map<number, number>()
  for (const [partition, offset] of await list(cluster, node, topic, queries)) {
    const known = offset >= 0 ? offset : ends.get(partition)
    if (known !== undefined) offsets.set(partition, known)
  }
  return offsets
}

async function list(
  cluster: KafkaCluster,
  node: number,
  topic: string,
  queries: readonly OffsetQuery[],
): Promise<Offsets> {
  if (queries.length === 0) return new Map()
  const { offsets } = await cluster.ask(node, listOffsets(topic, queries))
  const known = offsets.filter(({ code }) => code === KAFKA_CODE.none)
  return new Map(known.map(({ partition, offset }) => [partition, offset]))
}
