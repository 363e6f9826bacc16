import { topicConfigs } from '../../drivers/kafka/configs.ts'
import type { KafkaContext } from './context.ts'
import { NO_LEADER, type Topology } from './directory.ts'

const NAMES = ['cleanup.policy', 'retention.ms', 'retention.bytes'] as const

/** How long a topic keeps a record at least, ms; `null` where that is not known, has no end, or depends on its size. Never rejects: it is a courtesy. */
export async function keptMsOf(
  { cluster }: KafkaContext,
  topic: string,
  { leaders }: Topology,
): Promise<number | null> {
  const node = leaders.find((leader) => leader !== NO_LEADER)
  if (node === undefined) return null
  try {
    const { code, configs } = await cluster.ask(node, topicConfigs(topic, NAMES))
    if (code !== 0 || configs.get('cleanup.policy') !== 'delete' || configs.get('retention.bytes') !== '-1') return null
    const ms = Number(configs.get('retention.ms') ?? -1)
    return Number.isSafeInteger(ms) && ms >= 0 ? ms : null
  } catch {
    return null
  }
}
