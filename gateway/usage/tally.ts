/**
 * What was handed over, on its way from a gateway to the ledger: version 1 of the usage message, settled in
 * docs/decisions/0007-usage-messages.md. A change of it is a new version, never a reinterpretation.
 */

/** Identifies a message for ever. Dense: within (node, worker, boot, shard) `seq` counts 1, 2, 3 …; a lower one is a duplicate, a jump a loss. */
export interface MessageId {
  readonly node: string
  readonly worker: number
  /** Counts the starts of the node: its journal outlives a crash, and sends with the old boot's number. */
  readonly boot: number
  readonly shard: number
  readonly seq: number
}

export type UsageMessage = TalliesMessage | WatermarkMessage

/** One flush, or a part of a large one. */
export interface TalliesMessage {
  readonly kind: 'tallies'
  readonly id: MessageId
  /** Meter time of the flush, ms since 1970: [from, to] lies within one UTC hour, which is the hour of delivery. */
  readonly from: number
  readonly to: number
  readonly tallies: readonly Tally[]
}

/** All that this shard delivered before `before` stands in messages up to this one. Comes with each flush, also idle, and with `final` at the end of a drain. */
export interface WatermarkMessage {
  readonly kind: 'watermark'
  readonly id: MessageId
  readonly before: number
  readonly final: boolean
}

/** Records of one view, or of what one agreement read, in the order in which they were handed over. All columns have one length. */
export interface Tally {
  readonly stream: string
  readonly epoch: number
  /** Fingerprint of the log; 0 is unknown. */
  readonly log: number
  /** Hash of what was seen of the records, 16 hex digits. */
  readonly view: string
  readonly partitions: readonly number[]
  readonly offsets: readonly number[]
  /** Bytes of the Kafka values. */
  readonly sizes: readonly number[]
  /** Whole seconds from the record's timestamp to its delivery, at least 0: what a price for replays is decided by. */
  readonly ages: readonly number[]
  readonly shares: readonly TallyShare[]
}

export interface TallyShare {
  readonly agreement: string
  readonly plan: string
  readonly planVersion: string
  /** Places in the columns, [from, to), ascending and apart: what the agreement had at least once. */
  readonly ranges: readonly (readonly [from: number, to: number])[]
  /** Each connection counted by itself. */
  readonly delivered: number
  readonly deliveredBytes: number
}
