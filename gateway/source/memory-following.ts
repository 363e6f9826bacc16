import type { Clock } from '../clock.ts'
import { SourceError, type FollowSink, type Following, type Slice, type Vector } from '../stream/source.ts'
import type { PartitionLog } from './partition-log.ts'

/** What one name stands for now; a recreated topic is another one. */
export interface MemoryTopic {
  readonly epoch: number
  readonly logs: PartitionLog[]
}

/** Records of one partition handed over in one turn at most. */
const SLICE_BYTES_MAX = 1024 * 1024

/**
 * One follower of the embedded log. It is woken by what is appended and looks in a later turn of the event loop, so that
 * all records of a turn come as one slice.
 *
 *   waiting --wake--> due --turn--> waiting    (due again where more is left)
 *   any --topic gone--> down --topic back, as another one--> closed, after `changed`
 */
export class MemoryFollowing implements Following {
  readonly #topic: string
  readonly #sink: FollowSink
  readonly #clock: Clock
  readonly #look: () => MemoryTopic | undefined
  readonly #leave: () => void
  #state: 'open' | 'paused' | 'closed' = 'open'
  #due = false
  #down = false
  /** Of the log that is followed; `null` until there is one. */
  #epoch: number | null
  readonly #next: (number | undefined)[]
  /** The end that was last told, per partition. */
  readonly #told: number[] = []

  constructor(
    topic: string,
    from: Vector,
    sink: FollowSink,
    clock: Clock,
    epoch: number | null,
    look: () => MemoryTopic | undefined,
    leave: () => void,
  ) {
    this.#topic = topic
    this.#next = [...from]
    this.#sink = sink
    this.#clock = clock
    this.#look = look
    this.#leave = leave
    this.#epoch = epoch
  }

  wake(): void {
    if (this.#due || this.#state !== 'open') return
    this.#due = true
    this.#clock.soon(() => this.#run())
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'open'
    this.wake()
  }

  close(): void {
    this.#state = 'closed'
    this.#leave()
  }

  #run(): void {
    this.#due = false
    if (this.#state !== 'open') return
    const topic = this.#look()
    if (topic === undefined) return this.#tellDown()
    if (this.#epoch !== null && topic.epoch !== this.#epoch) return this.#tellChanged()
    this.#epoch = topic.epoch
    if (this.#down) {
      this.#down = false
      this.#sink.up()
    }
    const slices = this.#slices(topic)
    if (slices.length > 0) this.#sink.slices(slices)
    if (slices.some((slice) => slice.next < slice.end)) this.wake()
  }

  #slices(topic: MemoryTopic): Slice[] {
    const slices: Slice[] = []
    for (const [partition, log] of topic.logs.entries()) {
      const next = log.positionOf(this.#next[partition])
      if (next === log.end && this.#told[partition] === log.end) continue
      const slice = log.read(partition, next, SLICE_BYTES_MAX)
      this.#next[partition] = slice.next
      this.#told[partition] = slice.end
      slices.push(slice)
    }
    return slices
  }

  #tellDown(): void {
    if (this.#down) return
    this.#down = true
    const error = new SourceError('no-such-topic', `the embedded log has no topic ${this.#topic}`)
    this.#sink.down(error, this.#clock.now())
  }

  #tellChanged(): void {
    this.close()
    this.#sink.changed()
  }
}
