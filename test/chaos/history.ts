/** One partition as an independent reader of committed records found it at one moment. */
export interface Snapshot {
  /** The oldest offset that is kept. */
  readonly start: number
  /** Behind the last one that can be read. */
  readonly end: number
  /** What stands at each offset; markers, aborted and compacted ones are not there. */
  readonly records: ReadonlyMap<number, number>
}

/** What stood in one partition of one log, by snapshots in the order of time: between two of them it grew, was trimmed or was truncated. */
export class PartitionHistory {
  readonly #snapshots: Snapshot[] = []
  #uids: ReadonlySet<number> | null = null

  add(snapshot: Snapshot): void {
    this.#uids = null
    this.#snapshots.push(snapshot)
  }

  /** Whether this very record was ever read there. */
  held(offset: number, uid: number): boolean {
    return this.#snapshots.some(({ records }) => records.get(offset) === uid)
  }

  /** Offsets in [from, to) at which a reader, whenever it passed, met a record. After a truncation both logs have to hold one there. */
  due(from: number, to: number): number[] {
    const found: number[] = []
    for (let offset = Math.max(0, from); offset < Math.min(to, this.#end); offset++)
      if (this.#isDue(offset)) found.push(offset)
    return found
  }

  /** Whether the log has given it up: it is below the start by now. */
  trimmed(offset: number): boolean {
    return offset < (this.last?.start ?? 0)
  }

  everHeld(uid: number): boolean {
    this.#uids ??= new Set(this.#snapshots.flatMap(({ records }) => [...records.values()]))
    return this.#uids.has(uid)
  }

  get last(): Snapshot | undefined {
    return this.#snapshots.at(-1)
  }

  get #end(): number {
    return Math.max(0, ...this.#snapshots.map(({ end }) => end))
  }

  #isDue(offset: number): boolean {
    const covering = this.#snapshots.filter(({ start, end }) => start <= offset && offset < end)
    return covering.length > 0 && covering.every(({ records }) => records.has(offset))
  }
}

/** All logs that stood under one topic's name, by epoch. */
export class TopicHistory {
  readonly #epochs: PartitionHistory[][] = []

  /** One moment of all partitions. */
  add(epoch: number, partitions: readonly Snapshot[]): void {
    const log = (this.#epochs[epoch] ??= [])
    partitions.forEach((snapshot, partition) => {
      log[partition] ??= new PartitionHistory()
      log[partition].add(snapshot)
    })
  }

  partition(epoch: number, partition: number): PartitionHistory {
    return this.#epochs[epoch]?.[partition] ?? new PartitionHistory()
  }

  /** Whether a record was ever read, wherever. */
  everHeld(uid: number): boolean {
    return this.#epochs.some((log) => log.some((partition) => partition.everHeld(uid)))
  }

  /** Of the log that stands under the name now. */
  get epoch(): number {
    return this.#epochs.length - 1
  }

  /** Partitions of the log that stands under the name now. */
  get now(): readonly PartitionHistory[] {
    return this.#epochs.at(-1) ?? []
  }
}
