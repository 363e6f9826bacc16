/** What Kafka answers in place of data, by its number, as far as it asks for something else than trying again. */
export const KAFKA_CODE = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  invalidTopic: 17,
  topicDenied: 29,
  clusterDenied: 31,
  /** What a broker kept of our fetches is gone, as after it was started anew or had too many to keep. */
  fetchSessionGone: 70,
  /** The broker has seen another number of fetches than we have. */
  fetchSessionEpoch: 71,
  /** The leader has changed since we looked: our leader epoch is old. */
  fencedLeaderEpoch: 74,
  /** The broker does not know yet of the leader epoch that we know of. */
  unknownLeaderEpoch: 75,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
  /** What a broker kept names topics otherwise than we do now. */
  fetchSessionTopicId: 106,
} as const

/** `gone`: not reached or no answer in time · `denied`: not allowed to · `refused`: an answer that says no. */
export type KafkaErrorKind = 'gone' | 'denied' | 'refused'

/** A broker that cannot be asked, or that refused the whole request. Errors of one partition are values in the answer. */
export class KafkaError extends Error {
  readonly kind: KafkaErrorKind
  constructor(kind: KafkaErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KafkaError'
    this.kind = kind
  }
}
