import type { Record } from './record.ts'

/**
 * Where records come from: the port that `source/kafka` and `source/memory.ts` implement, and that
 * `test/suites/source.ts` holds them to. It stands here, not in `source/`, because the heart calls it and may not know
 * who answers.
 *
 * Every offset below is a *fetch* offset: the next one to ask for. Control batches, aborted records and compaction move
 * it without a record. Aborted records are never handed over; records of an open transaction wait (READ_COMMITTED).
 */
export interface Source {
  /**
   * The topic as it is now, and where in each partition `at` lies: `earliest` the first record kept, `latest` the end of
   * what can be read, a time (ms since 1970) the first record whose timestamp is at or after it, or the end.
   * Throws `SourceError`: `no-such-topic`, `unavailable`.
   */
  locate(topic: string, at: At, signal?: AbortSignal): Promise<Located>

  /**
   * Follows all partitions of the topic from `from` (one entry a partition; a partition that is not named is new and read
   * from its start) until closed, over connections that no replay shares. Retries by itself for ever; says so by
   * `sink.down` and `sink.up`. Nothing is called after `close()`, nor synchronously inside `follow`. Where the log under the
   * name is not that of `epoch` (as `locate` gave it with `from`), or is no longer, `sink.changed` is called in place of
   * handing out records of another log. Without `epoch` it is the log that is found first.
   */
  follow(topic: string, from: Vector, sink: FollowSink, epoch?: number): Following

  /**
   * One replay read from `from`: about `bytesMax` bytes over all partitions, at least one record where there is one, merged by
   * nobody yet. Answers as soon as anything is there; with nothing beyond `from` it answers at once and empty slices.
   * A position below the log's start goes on at the start and says so in `lost`. Throws `SourceError`: `changed` where the log
   * under the name is not that of `epoch` (as `locate` gave it with `from`); records of another log are never handed out. Without
   * `epoch` it is the log that is there.
   */
  read(topic: string, from: Vector, bytesMax: number, signal?: AbortSignal, epoch?: number): Promise<readonly Slice[]>

  close(): Promise<void>
}

export type At = 'earliest' | 'latest' | { readonly time: number }

/**
 * One entry a partition: the next offset to fetch (≥ 0), or, where no leader could say, `-T`: unresolved since the time T
 * (ms since 1970). An unresolved entry is turned into an offset by time as soon as a leader answers.
 */
export type Vector = readonly number[]

export function isUnresolved(next: number): boolean {
  return next < 0
}

export interface Located {
  /** Small integer, raised whenever the log under this name became another one (topic recreated, cluster changed). */
  readonly epoch: number
  /** 32 bits of the log's own name (Kafka's topic id), the same on all nodes whoever counts their epochs; 0 where it has none. */
  readonly log: number
  readonly vector: Vector
  /** How long the log keeps a record at least, ms; `null` where that is not known, or where it may drop them sooner for their size. */
  readonly keptMs?: number | null
}

/** What one partition gave in one fetch. */
export interface Slice {
  readonly partition: number
  /** Where the fetch began (after resolving): the offset asked for, or the log's start after `lost`. */
  readonly from: number
  /** In offset order; may be empty while `next` moved. */
  readonly records: readonly Record[]
  /** The next offset to fetch: beyond markers and holes behind the last record. Unresolved stays `-T`. */
  readonly next: number
  /** End of what can be read as the leader last said: `next >= end` is caught up. */
  readonly end: number
  /** The position asked for is not in the log: below its start (`retention`) or above its end (`truncated`; then `to` is the end, and nothing was read). */
  readonly lost?: { readonly reason: 'retention' | 'truncated'; readonly from: number; readonly to: number }
}

export interface FollowSink {
  /** One fetch answer: only partitions that moved, or whose `end` is news. The records are the sink's to keep: they pin no fetch buffer. */
  slices(slices: readonly Slice[]): void
  /** The topic could not be read since `since` (ms since 1970); told once per outage. */
  down(error: SourceError, since: number): void
  up(): void
  /** The log is another one now (recreated). Following has ended; the sink starts anew. */
  changed(): void
}

export interface Following {
  /** No further fetches are started until `resume`; what is under way may still arrive. */
  pause(): void
  resume(): void
  close(): void
}

export class SourceError extends Error {
  readonly code: 'no-such-topic' | 'unavailable' | 'denied' | 'changed' | 'closed'
  constructor(code: SourceError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SourceError'
    this.code = code
  }
}
