import type { Clock } from '../clock.ts'
import { NO_HEADERS, type Header } from '../stream/record.ts'
import {
  SourceError,
  type At,
  type FollowSink,
  type Following,
  type Located,
  type Slice,
  type Source,
  type Vector,
} from '../stream/source.ts'
import { fingerprint } from './fingerprint.ts'
import { MemoryFollowing, type MemoryTopic } from './memory-following.ts'
import { PartitionLog, type Retention } from './partition-log.ts'
import { partitionOfKey } from './partitioner.ts'
import { SourceRecord } from './record.ts'

export interface MemoryOptions {
  readonly clock: Clock
  /** Of every topic at first. Offsets begin at 0 with each start of the process, so each start needs a higher one. */
  readonly epoch: number
  readonly retention?: Partial<Retention>
}

/** Kept per partition where nothing else is said. */
export const MEMORY_RETENTION: Retention = { partitionBytesMax: 64 * 1024 * 1024, ageMsMax: 7 * 24 * 3600 * 1000 }

/** Above it a topic is refused: more is a slip of the pen. */
export const PARTITIONS_MAX = 10_000

export interface NewRecord {
  readonly key?: Uint8Array | null
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null
  readonly headers?: readonly Header[]
  /** ms since 1970; default: now. */
  readonly time?: number
  /** Default: by the key as Kafka does, and one after the other where there is none. */
  readonly partition?: number
}

export interface Placed {
  readonly partition: number
  readonly offset: number
}

/**
 * The embedded log: topics in the memory of this process, with partitions, offsets, keys and retention as Kafka has
 * them. It lives as long as the process.
 */
export class MemorySource implements Source {
  readonly #clock: Clock
  readonly #epoch: number
  readonly #retention: Retention
  readonly #topics = new Map<string, MemoryTopic>()
  /** The highest epoch that a name ever had, so that a topic made again after a deletion is a later one. */
  readonly #epochs = new Map<string, number>()
  readonly #followings = new Map<string, Set<MemoryFollowing>>()
  #turn = 0
  #closed = false

  constructor(options: MemoryOptions) {
    this.#clock = options.clock
    this.#epoch = options.epoch
    this.#retention = { ...MEMORY_RETENTION, ...options.retention }
  }

  /** Throws `RangeError` where the topic exists or the count is impossible. */
  createTopic(name: string, partitions: number): void {
    if (this.#topics.has(name)) throw new RangeError(`topic ${name} exists`)
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
      throw new RangeError(`topic ${name}: ${partitions} partitions; 1 to ${PARTITIONS_MAX} are possible`)
    }
    const before = this.#epochs.get(name)
    const epoch = before === undefined ? this.#epoch : before + 1
    this.#epochs.set(name, epoch)
    this.#topics.set(name, { epoch, logs: Array.from({ length: partitions }, () => new PartitionLog()) })
    this.#wake(name)
  }

  deleteTopic(name: string): void {
    this.#topic(name)
    this.#topics.delete(name)
    this.#wake(name)
  }

  /** Empties the topic under its name: the epoch rises, offsets begin at 0, who follows is told `changed`. */
  recreate(name: string): void {
    const partitions = this.#topic(name).logs.length
    this.#topics.delete(name)
    this.createTopic(name, partitions)
  }

  addPartitions(name: string, total: number): void {
    const { logs } = this.#topic(name)
    if (total <= logs.length || total > PARTITIONS_MAX) {
      throw new RangeError(`topic ${name} has ${logs.length} partitions, so it cannot get ${total}`)
    }
    while (logs.length < total) logs.push(new PartitionLog())
    this.#wake(name)
  }

  hasTopic(name: string): boolean {
    return this.#topics.has(name)
  }

  /** Readable at once; who follows gets it in a later turn. The arrays are kept, not copied. */
  append(name: string, record: NewRecord): Placed {
    const { logs } = this.#topic(name)
    const partition = record.partition ?? this.#choose(record.key ?? null, logs.length)
    const log = this.#log(name, partition)
    const time = record.time ?? this.#clock.now()
    const offset = log.end
    const headers = record.headers ?? NO_HEADERS
    log.append(new SourceRecord(partition, offset, time, record.key ?? null, record.value, headers))
    log.retain(this.#retention, this.#clock.now())
    this.#wake(name)
    return { partition, offset }
  }

  /** Offsets without records, as transaction markers and compaction leave them in Kafka. */
  appendHole(name: string, partition: number, count: number): void {
    this.#log(name, partition).skip(count)
    this.#wake(name)
  }

  /** Raises the log's start to `offset`, at most to its end. */
  deleteRecordsBefore(name: string, partition: number, offset: number): void {
    this.#log(name, partition).deleteBefore(offset)
  }

  async locate(topic: string, at: At, signal?: AbortSignal): Promise<Located> {
    signal?.throwIfAborted()
    const { epoch, logs } = this.#readable(topic)
    return { epoch, log: fingerprint(`embedded ${epoch}`), vector: logs.map((log) => positionOf(log, at)) }
  }

  async read(
    topic: string,
    from: Vector,
    bytesMax: number,
    signal?: AbortSignal,
    wanted?: number,
  ): Promise<readonly Slice[]> {
    signal?.throwIfAborted()
    const { epoch, logs } = this.#readable(topic)
    if (wanted !== undefined && wanted !== epoch) {
      throw new SourceError('changed', `topic ${topic} was made anew: its epoch is ${epoch}, no longer ${wanted}`)
    }
    const positions = logs.map((log, partition) => log.positionOf(from[partition]))
    const share = Math.ceil(bytesMax / Math.max(1, positions.filter((next, i) => next < logs[i]!.end).length))
    // A partition that comes late may find the budget spent, so another one is first each time.
    const first = this.#turn++ % logs.length
    const slices: Slice[] = []
    let left = bytesMax
    for (let i = 0; i < logs.length; i++) {
      const partition = (first + i) % logs.length
      const log = logs[partition]!
      const next = positions[partition]!
      const slice = left > 0 ? log.read(partition, next, Math.min(share, left)) : unread(partition, next, log.end)
      for (const record of slice.records) left -= record.value?.byteLength ?? 0
      slices.push(slice)
    }
    return slices
  }

  follow(topic: string, from: Vector, sink: FollowSink, epoch?: number): Following {
    if (this.#closed) throw closed()
    const look = (): MemoryTopic | undefined => {
      const found = this.#topics.get(topic)
      for (const log of found?.logs ?? []) log.retain(this.#retention, this.#clock.now())
      return found
    }
    const following = new MemoryFollowing(topic, from, sink, this.#clock, epoch ?? look()?.epoch ?? null, look, () =>
      peers.delete(following),
    )
    const peers = this.#followings.get(topic) ?? new Set()
    this.#followings.set(topic, peers.add(following))
    following.wake()
    return following
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const peers of this.#followings.values()) for (const following of peers) following.close()
    this.#followings.clear()
  }

  #choose(key: Uint8Array | null, partitions: number): number {
    return key === null ? this.#turn++ % partitions : partitionOfKey(key, partitions)
  }

  #wake(name: string): void {
    for (const following of this.#followings.get(name) ?? []) following.wake()
  }

  #readable(name: string): MemoryTopic {
    if (this.#closed) throw closed()
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new SourceError('no-such-topic', `the embedded log has no topic ${name}`)
    for (const log of topic.logs) log.retain(this.#retention, this.#clock.now())
    return topic
  }

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new RangeError(`the embedded log has no topic ${name}`)
    return topic
  }

  #log(name: string, partition: number): PartitionLog {
    const { logs } = this.#topic(name)
    const log = logs[partition]
    if (log === undefined)
      throw new RangeError(`topic ${name} has partitions 0 to ${logs.length - 1}, not ${partition}`)
    return log
  }
}

function closed(): SourceError {
  return new SourceError('closed', 'the embedded log is closed')
}

/** What the budget left no room for. */
function unread(partition: number, next: number, end: number): Slice {
  return { partition, from: next, records: [], next, end }
}

function positionOf(log: PartitionLog, at: At): number {
  if (at === 'earliest') return log.start
  if (at === 'latest') return log.end
  return log.offsetOf(at.time)
}
