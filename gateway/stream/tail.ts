/**
 * One topic as this process follows it: the ring of its newest records, and the *canonical* position, which everyone who
 * rides shares.
 *
 *   starting ──located──► running ◄──joined── lingering ──linger over──► stopped
 *      └──refused──► starting│  └──last left──────▲
 *                            └──log changed──► starting (next generation)
 *
 * What a source says to an older generation is dropped.
 */
import { Entry } from './entry.ts'
import type { Memory } from './memory.ts'
import { Position } from './position.ts'
import { Ring } from './ring.ts'
import { isUnresolved, type Following, type FollowSink, type Slice, type Source, SourceError } from './source.ts'
import type { Front } from './front.ts'
import type { View } from './view.ts'

export type TailState = 'starting' | 'running' | 'lingering' | 'stopped'

/** A partition that is shorter than it was (unclean election). */
export interface Truncation {
  readonly partition: number
  /** Up to here it is what it was. */
  readonly to: number
}

/** What a tail tells its hub. */
export interface TailEvents {
  appended(tail: Tail): void
  /** The ring was emptied: who rode or read in it has to find its place anew; of `truncated`, who stands behind its new end. */
  cut(tail: Tail, truncated: readonly Truncation[]): void
  /** Another log stands under the topic's name. */
  changed(tail: Tail): void
  down(tail: Tail): void
  up(tail: Tail): void
}

export class Tail {
  readonly source: Source
  readonly topic: string
  readonly ring: Ring
  /** Tells tails apart, for ever. */
  readonly id: number
  readonly views = new Map<string, View>()
  /** What its views are broadcast by; views that differ only in one equality share one. */
  readonly fronts = new Map<string, Front>()
  state: TailState = 'starting'
  epoch = 0
  /** Fingerprint of the log followed; 0 is unknown. */
  log = 0
  /** How long the log keeps a record at least, ms; `null` where nobody knows. */
  keptMs: number | null = null
  /** Canonical: behind the newest record of the ring. */
  position = new Position([], 0)
  /** Where each partition ends, as its leader last said. */
  readonly ends: number[] = []
  /** Since when the topic cannot be read, ms since 1970; `null` while it can. */
  downSince: number | null = null
  members = 0
  lingeringSince = 0
  /** Raised with every log and every start: answers to an older one are void. */
  generation = 0
  #paused = false
  #following: Following | null = null
  #located: Promise<void> | null = null
  readonly #events: TailEvents
  /** Wall clock, ms since 1970. */
  readonly now: () => number

  constructor(id: number, source: Source, topic: string, memory: Memory, now: () => number, events: TailEvents) {
    this.id = id
    this.ring = new Ring(memory)
    this.source = source
    this.topic = topic
    this.now = now
    this.#events = events
  }

  /** Resolves once running; rejects with the `SourceError` that kept it from starting, and is then stopped. */
  ready(): Promise<void> {
    this.#located ??= this.#start()
    return this.#located
  }

  /** Whether it is being located, or was. */
  get begun(): boolean {
    return this.#located !== null
  }

  /** Another log: whoever asks `ready` waits for the new one. */
  restart(): void {
    this.#end()
    this.state = 'starting'
    this.#located = null
  }

  stop(): void {
    this.#end()
    this.state = 'stopped'
  }

  /** A source answered for another log than the one followed. */
  noticeChange(): void {
    if (this.state !== 'starting') this.#events.changed(this)
  }

  /** Stops fetching while the slowest view is too far behind; what is under way may still arrive. */
  throttle(paused: boolean): void {
    if (paused === this.#paused) return
    this.#paused = paused
    if (paused) this.#following?.pause()
    else this.#following?.resume()
  }

  async #start(): Promise<void> {
    const generation = ++this.generation
    try {
      const since = this.now()
      const { epoch, log, vector, keptMs = null } = await this.source.locate(this.topic, 'latest')
      if (generation !== this.generation && this.state === 'starting') return await this.ready()
      if (generation !== this.generation) throw new SourceError('closed', 'the tail was stopped while it started')
      this.epoch = epoch
      this.log = log
      this.keptMs = keptMs
      this.position = new Position(vector, since)
      this.ends.splice(0, Infinity, ...vector.map((next) => Math.max(0, next)))
      this.ring.clear(vector)
      this.state = this.members > 0 ? 'running' : 'lingering'
      this.lingeringSince = this.now()
      this.#following = this.source.follow(this.topic, vector, this.#sink(generation), epoch)
      if (this.#paused) this.#following.pause()
    } catch (error) {
      if (generation !== this.generation && this.state === 'starting') return await this.ready()
      // Whoever asks again, tries again.
      if (generation === this.generation) this.restart()
      throw error
    }
  }

  #end(): void {
    this.generation++
    this.#following?.close()
    this.#following = null
    this.downSince = null
    // What nobody will read gives its memory back now.
    this.ring.clear([])
  }

  #sink(generation: number): FollowSink {
    const current = (): boolean => generation === this.generation
    return {
      slices: (slices) => current() && this.#append(slices),
      down: (_error: SourceError, since: number) => {
        if (!current()) return
        this.downSince = since
        this.#events.down(this)
      },
      up: () => {
        if (!current()) return
        this.downSince = null
        this.#events.up(this)
      },
      changed: () => current() && this.#events.changed(this),
    }
  }

  #append(slices: readonly Slice[]): void {
    let cut = false
    const truncated: Truncation[] = []
    for (const slice of slices) {
      if (slice.lost?.reason === 'truncated') truncated.push({ partition: slice.partition, to: slice.lost.to })
      const { partition, records, next } = slice
      cut = this.#place(slice) || cut
      for (const record of records) {
        this.ring.append(new Entry(record))
        this.position.pass(partition, record.offset, record.time)
      }
      this.position.move(partition, next)
      this.ends[partition] = slice.end
    }
    if (cut) {
      this.ring.clear(this.position.next)
      this.#events.cut(this, truncated)
    }
    this.#events.appended(this)
  }

  /** Fits a slice behind the canonical position; true where it does not fit, so that the ring has to be cut. */
  #place({ partition, from, lost }: Slice): boolean {
    const known = partition < this.position.next.length
    const next = this.position.at(partition)
    // Behind a truncation come other records under the same offsets: what is held of the old ones is void.
    if (lost?.reason === 'truncated') return true
    if (known && next === from) return false
    if (known && !isUnresolved(next)) return true
    // A partition that was new, or that no leader could place so far, begins here; a new one that lost its start already is cut.
    for (let added = this.position.next.length; added <= partition; added++) this.ring.setFloor(added, 0)
    this.position.move(partition, from)
    this.ring.setFloor(partition, from)
    return !known && from > 0
  }
}
