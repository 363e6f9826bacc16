import type { Account } from './account.ts'

/**
 * What was handed over since the last time it was asked for, of one view: the records once, however many rode, and who had
 * which of them. Made by the meter of the heart, drained by `usage/`.
 */
export interface Handed {
  /** `StreamRef.key`: tells the stream, and where a parameter chooses the topic, the topic. */
  readonly stream: string
  readonly epoch: number
  /** Fingerprint of the log, the same on all nodes; 0 is unknown. Two logs are one only if both agree, see `logIdOf`. */
  readonly log: number
  /** What was seen of the records: the view's key. */
  readonly view: string
  readonly columns: Columns
  readonly shares: readonly HandedShare[]
}

/** Records in the order in which they were handed over, a column per member: `offsets[i]` of `partitions[i]`. */
export interface Columns {
  readonly partitions: readonly number[]
  readonly offsets: readonly number[]
  /** Bytes of the Kafka value; 0 for a tombstone. */
  readonly sizes: readonly number[]
  /** Kafka timestamps, ms since 1970. */
  readonly times: readonly number[]
}

export interface HandedShare {
  readonly account: Account
  /** Places in the columns, [from, to), ascending and apart: what at least one connection of the agreement had. */
  readonly ranges: readonly Range[]
  /** With each connection counted by itself: never less than the ranges hold. */
  readonly delivered: number
  readonly deliveredBytes: number
}

export type Range = readonly [from: number, to: number]
