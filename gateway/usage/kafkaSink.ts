import type { Clock } from '../clock.ts'
import type { KafkaConfig } from '../drivers/kafka/cluster.ts'
import { openProducer } from '../drivers/kafka/producer.ts'
import type { Sink } from './sink.ts'

/** How the topic is made. It is the raw proof of each bill: nothing of it goes away by itself. */
export const USAGE_TOPIC = {
  partitions: 4,
  configs: { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' },
}

/** Usage through a Kafka topic, which is made where it is not there. */
export function createKafkaSink(config: KafkaConfig, topic: string, clock: Clock): Sink {
  const producer = openProducer(config, { topic, ...USAGE_TOPIC }, clock)
  return { send: (envelopes) => producer.send(envelopes), close: () => producer.close() }
}
