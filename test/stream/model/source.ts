import {
  SourceError,
  type At,
  type FollowSink,
  type Following,
  type Located,
  type Slice,
  type Source,
  type Vector,
} from '../../../gateway/stream/source.ts'
import type { Incarnation, ModelLog } from './log.ts'
import type { Random } from './random.ts'

interface Question {
  readonly incarnation: Incarnation
  answer(random: Random): void
  fail(error: SourceError): void
}

/** How one node sees the log: in its own order, with its own delays and outages. Nothing happens but when the test says so. */
export class ModelSource implements Source {
  down = false
  /** The life of the topic that this node knows of; its followers hear of it apart. */
  #incarnation: Incarnation
  readonly #log: ModelLog
  readonly #now: () => number
  readonly #questions: Question[] = []
  readonly #followers = new Set<Follower>()

  constructor(log: ModelLog, now: () => number) {
    this.#log = log
    this.#now = now
    this.#incarnation = log.newest
  }

  locate(_topic: string, at: At): Promise<Located> {
    return this.#ask(() => ({
      epoch: this.#incarnation.epoch,
      log: this.#incarnation.epoch + 1,
      vector: this.#incarnation.partitions.map((partition) => partition.locate(at, this.#now())),
    }))
  }

  read(_topic: string, from: Vector): Promise<readonly Slice[]> {
    return this.#ask((random) => {
      const most = 1 + random.int(12)
      return this.#incarnation.partitions.map((one, p) => one.fetch(p, from[p], random.int(3) ? most : 1))
    })
  }

  follow(_topic: string, from: Vector, sink: FollowSink): Following {
    const follower = new Follower(this.#incarnation, from, sink, () => this.#followers.delete(follower))
    this.#followers.add(follower)
    return follower
  }

  async close(): Promise<void> {}

  /** Answers one of the questions that are open, in any order. */
  answer(random: Random): void {
    const [question] = this.#questions.splice(random.int(this.#questions.length), 1)
    if (!question) return
    // A source that knows the topic's id does not read another log under an old one's offsets.
    const stale = question.incarnation !== this.#incarnation || this.#disagrees
    if (this.down || stale) question.fail(new SourceError('unavailable', 'away'))
    else question.answer(random)
  }

  get asked(): number {
    return this.#questions.length
  }

  /** One fetch of a follower: some partitions, some records. */
  fetch(random: Random, everything = false): void {
    for (const follower of this.#followers) {
      if (this.down || follower.incarnation !== this.#incarnation) continue
      const slices = follower.fetch(random, everything)
      if (slices.length > 0) follower.sink.slices(slices)
    }
  }

  /** Hears that the topic is another one now; its followers hear it at the next `tellChanged`. */
  notice(): void {
    this.#incarnation = this.#log.newest
  }

  tellChanged(): void {
    for (const follower of this.#followers) {
      if (follower.incarnation === this.#incarnation) continue
      follower.close()
      follower.sink.changed()
    }
  }

  setDown(down: boolean): void {
    if (down === this.down) return
    this.down = down
    for (const { sink } of this.#followers) {
      if (down) sink.down(new SourceError('unavailable', 'away'), this.#now())
      else sink.up()
    }
  }

  /** Whether it follows the log that stands under the name now, to its end. */
  get isUpToDate(): boolean {
    const followers = [...this.#followers]
    return this.#incarnation === this.#log.newest && !this.#disagrees && followers.every((one) => one.isUpToDate)
  }

  /** Between the moment that a source hears of a new log and that it says so, its reads of the old one fail. */
  get #disagrees(): boolean {
    return [...this.#followers].some(({ incarnation }) => incarnation !== this.#incarnation)
  }

  #ask<T>(value: (random: Random) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const incarnation = this.#incarnation
      this.#questions.push({ incarnation, answer: (random) => resolve(value(random)), fail: reject })
    })
  }
}

class Follower implements Following {
  readonly incarnation: Incarnation
  readonly sink: FollowSink
  readonly #next: (number | undefined)[]
  readonly #told: number[] = []
  readonly #gone: () => void
  #paused = false
  /** A fetch that was under way when it was paused. */
  #late = false

  constructor(incarnation: Incarnation, from: Vector, sink: FollowSink, gone: () => void) {
    this.incarnation = incarnation
    this.#next = [...from]
    this.sink = sink
    this.#gone = gone
  }

  pause(): void {
    this.#paused = true
    this.#late = true
  }

  resume(): void {
    this.#paused = false
  }

  close(): void {
    this.#gone()
  }

  get isUpToDate(): boolean {
    return this.incarnation.partitions.every(({ led, end }, p) => led && this.#next[p] === end)
  }

  fetch(random: Random, everything: boolean): Slice[] {
    if (this.#paused && !this.#late) return []
    this.#late = false
    const slices: Slice[] = []
    this.incarnation.partitions.forEach((partition, p) => {
      if (!partition.led || (!everything && random.chance(0.4))) return
      const slice = partition.fetch(p, this.#next[p], everything ? 10_000 : 1 + random.int(8))
      if (slice.next === this.#next[p] && this.#told[p] === slice.end) return
      this.#next[p] = slice.next
      this.#told[p] = slice.end
      slices.push(slice)
    })
    return random.chance(0.5) ? slices : slices.reverse()
  }
}
