import type { PartitionOwner } from './poller.ts'

/**
 * One partition of a topic that is followed.
 *
 *   homeless --leader known, position resolved--> polled --fetch failed, out of range--> homeless
 */
export class TailPartition {
  readonly topic: string
  readonly partition: number
  readonly owner: PartitionOwner
  /** The next offset; `-T` unresolved; `undefined` its start. An offset once it is polled. */
  next: number | undefined
  /** The topic that is read; `null` where its id is not known. */
  readonly topicId: string | null
  /** Of the leader that its position was last held against; -1 none yet. */
  leaderEpoch = -1
  /** Under which leader what lies before its position was written, as far as known; -1 unknown. */
  readEpoch = -1
  /** The end that the sink was told last. */
  toldEnd: number | undefined = undefined
  /** The last fetch of it worked. */
  reads = false
  /** Its follower takes records now. */
  wanted = true
  backoffMs = 0
  /** Monotonic, ms: when its last records came. */
  busyAt = Number.NEGATIVE_INFINITY

  constructor(
    topic: string,
    topicId: string | null,
    partition: number,
    owner: PartitionOwner,
    next: number | undefined,
  ) {
    this.topic = topic
    this.topicId = topicId
    this.partition = partition
    this.owner = owner
    this.next = next
  }

  get fetchOffset(): number {
    return this.next ?? 0
  }
}
