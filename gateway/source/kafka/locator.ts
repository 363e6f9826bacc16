import { SourceError, type At, type Located } from '../../stream/source.ts'
import { fingerprint } from '../fingerprint.ts'
import type { KafkaContext } from './context.ts'
import { NO_LEADER, asSourceError, type Topology } from './directory.ts'
import { gather } from './gather.ts'
import { keptMsOf } from './retention.ts'
import { offsetsAt, unresolvedAt, type Offsets } from './offsets.ts'

/** Offsets are asked for by name: where another log comes under it meanwhile, they are asked for again, so often at most. */
const LOOKS_MAX = 5

/**
 * Where `at` lies in each partition. A partition whose leader does not say stays unresolved. Throws `SourceError`:
 * `unavailable` where no leader says anything.
 */
export async function locate(context: KafkaContext, topic: string, at: At, signal?: AbortSignal): Promise<Located> {
  // The time of asking: what is appended while a leader is away lies behind it.
  const unresolved = unresolvedAt(at, context.clock.now())
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const { topology, offsets, error } = await locateTwice(context, topic, at, signal)
    if (offsets.size === 0) throw asSourceError(error ?? new Error(`no partition of ${topic} has a leader`))
    const { id, epoch, leaders } = topology
    if (id !== null && (await context.directory.refresh(topic)).id !== id) continue
    const vector = leaders.map((_, partition) => offsets.get(partition) ?? unresolved)
    // Asked for by whoever begins to follow.
    const kept = at === 'latest' ? { keptMs: await keptMsOf(context, topic, topology) } : {}
    return { epoch, log: id === null ? 0 : fingerprint(id), vector, ...kept }
  }
  throw new SourceError('unavailable', `topic ${topic} is made anew again and again`)
}

interface Attempt {
  readonly topology: Topology
  readonly offsets: Offsets
  readonly error: unknown
  /** Brokers that had not answered in time. */
  readonly late: ReadonlySet<number>
}

const NOBODY = { topology: null, offsets: new Map<number, number>(), late: new Set<number>() }

/** Leaders may have changed since they were looked up: who did not answer is looked up and asked once more. */
async function locateTwice(context: KafkaContext, topic: string, at: At, signal?: AbortSignal): Promise<Attempt> {
  const first = await attempt(context, topic, at, NOBODY, signal)
  if (first.offsets.size === first.topology.leaders.length) return first
  return await attempt(context, topic, at, first, signal)
}

async function attempt(
  context: KafkaContext,
  topic: string,
  at: At,
  earlier: Attempt | typeof NOBODY,
  signal?: AbortSignal,
): Promise<Attempt> {
  const topology = await context.directory.look(topic)
  const before = earlier.topology?.id === topology.id ? earlier : NOBODY
  const tasks = new Map<number, Promise<Offsets>>()
  for (const [node, partitions] of byNode(topology, before)) {
    tasks.set(node, offsetsAt(context.cluster, node, topic, partitions, at))
  }
  const { locateGraceMs } = context.limits
  const patienceMs = ({ size }: { readonly size: number }): number => (size > 0 ? locateGraceMs : Infinity)
  const answers = await gather(tasks, patienceMs, context.clock, signal)
  const offsets = new Map([...before.offsets, ...[...answers.values.values()].flatMap((one) => [...one])])
  const late = new Set([...tasks.keys()].filter((node) => !answers.values.has(node) && !answers.errors.has(node)))
  return { topology, offsets, error: [...answers.errors.values()][0], late }
}

function byNode({ leaders }: Topology, { offsets, late }: Pick<Attempt, 'offsets' | 'late'>): Map<number, number[]> {
  const nodes = new Map<number, number[]>()
  for (const [partition, node] of leaders.entries()) {
    if (node === NO_LEADER || late.has(node) || offsets.has(partition)) continue
    nodes.set(node, [...(nodes.get(node) ?? []), partition])
  }
  return nodes
}
