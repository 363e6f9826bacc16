import type { Clock } from '../../clock.ts'
import type { KafkaCluster } from '../../drivers/kafka/cluster.ts'
import type { Log } from '../../log.ts'
import type { Directory } from './directory.ts'
import type { KafkaSourceLimits } from './limits.ts'

/** What the parts of one Kafka source share. */
export interface KafkaContext {
  readonly cluster: KafkaCluster
  readonly directory: Directory
  readonly limits: KafkaSourceLimits
  readonly clock: Clock
  readonly log: Log
}
