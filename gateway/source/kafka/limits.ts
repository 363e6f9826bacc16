import type { KafkaLimits } from '../../drivers/kafka/cluster.ts'

/** All that reading from Kafka decides by a number. Times in ms, sizes in bytes of what the broker sends. */
export interface KafkaSourceLimits extends KafkaLimits {
  /** How long a broker may hold a poll of the tail where nothing is new. */
  readonly tailWaitMs: number
  /** The same for a tail that has just come, or comes back: it is polled apart until the others' poll has returned. */
  readonly freshWaitMs: number
  /** Beyond the wait, until a broker that does not answer counts as gone. */
  readonly tailMsMax: number
  readonly tailBytesMax: number
  readonly tailPartitionBytesMax: number
  /** A partition without records for that long is polled with the idle ones. */
  readonly idleAfterMs: number
  /** Until a replay read of one broker counts as failed. */
  readonly readMsMax: number
  /** How long a read waits for the brokers that are left once another one gave records. */
  readonly readGraceMs: number
  /** The same where the others answered that there is nothing new. */
  readonly readPatienceMs: number
  /** How long finding a place waits for the leaders that are left once another one has answered. */
  readonly locateGraceMs: number
  /** A broker that failed a read is not waited for again for that long, while others answer. */
  readonly suspectMs: number
  /** Only spent by brokers that fetch the records from remote storage: a read asks for what is there now. */
  readonly readWaitMs: number
  /** At once and per broker, each over its own connection. */
  readonly readsInFlightMax: number
  /** Of one partition, at least: smaller pieces cost more requests than they save memory. */
  readonly readPartitionBytesMin: number
  /** Fetches that one read may chain while it has seen only markers and aborted records. */
  readonly readRoundsMax: number
  /** How old the known partitions and leaders may get. */
  readonly metadataEveryMs: number
  readonly backoffMsMin: number
  readonly backoffMsMax: number
  /** No partition could be read for that long: the follower is told `down`. */
  readonly downAfterMs: number
}

export const KAFKA_SOURCE_LIMITS: KafkaSourceLimits = {
  connectMsMax: 3000,
  requestMsMax: 4000,
  hedgeMs: 500,
  tailWaitMs: 250,
  freshWaitMs: 20,
  tailMsMax: 3000,
  tailBytesMax: 4 * 1024 * 1024,
  tailPartitionBytesMax: 1024 * 1024,
  idleAfterMs: 5000,
  readMsMax: 10_000,
  readGraceMs: 300,
  readPatienceMs: 2000,
  locateGraceMs: 1000,
  suspectMs: 5000,
  readWaitMs: 500,
  readsInFlightMax: 4,
  readPartitionBytesMin: 64 * 1024,
  readRoundsMax: 100,
  metadataEveryMs: 10_000,
  backoffMsMin: 50,
  backoffMsMax: 2000,
  downAfterMs: 3000,
}
