import type { Entry } from './entry.ts'
import type { Memory } from './memory.ts'
import { isUnresolved, type Vector } from './source.ts'
import type { Position } from './position.ts'

/**
 * The newest records of a topic in arrival order. A record's place is its `seq`, which counts up for ever; the ring holds
 * [start, end). Each partition has a floor: from it on, everything that the tail has passed is here. So a reader may enter
 * iff it stands at or above every floor.
 */
export class Ring {
  /** Bytes held, with cached bodies. */
  bytes = 0
  readonly #memory: Memory
  readonly #entries: Entry[] = []
  /** Index of `start` in `#entries`: evicted places before it are reclaimed in one go. */
  #head = 0
  #start = 0
  #floors: number[] = []
  #lanes: Lane[] = []

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#start + this.#entries.length - this.#head
  }

  get floors(): Vector {
    return this.#floors
  }

  at(seq: number): Entry {
    return this.#entries[this.#head + seq - this.#start] as Entry
  }

  append(entry: Entry): void {
    const { partition } = entry.record
    this.#lane(partition).push(this.end)
    this.#entries.push(entry)
    this.charge(entry.bytes)
  }

  /** Where a partition begins for this ring: set when the tail first places it. */
  setFloor(partition: number, offset: number): void {
    while (this.#floors.length <= partition) this.#floors.push(0)
    this.#floors[partition] = offset
  }

  /** Counts bytes that came or went with an entry. */
  charge(bytes: number): void {
    this.bytes += bytes
    this.#memory.used += bytes
  }

  /** Drops the oldest record, raising its partition's floor; answers the bytes set free, 0 where the ring is empty. */
  evict(): number {
    if (this.#start === this.end) return 0
    const entry = this.#entries[this.#head] as Entry
    const { partition, offset } = entry.record
    this.setFloor(partition, offset + 1)
    this.#lane(partition).shift()
    this.#head++
    this.#start++
    this.charge(-entry.bytes)
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head)
      this.#head = 0
    }
    return entry.bytes
  }

  /** Forgets everything; seqs go on counting, so that whoever stood in the ring finds itself outside. */
  clear(floors: Vector): void {
    this.#start = this.end + 1
    this.#entries.length = 0
    this.#head = 0
    this.#floors = [...floors]
    this.#lanes = []
    this.charge(-this.bytes)
  }

  /** Whether the ring holds all that the tail has passed beyond `position`. */
  holds(position: Position): boolean {
    for (let partition = 0; partition < this.#floors.length; partition++) {
      const floor = this.#floors[partition] as number
      const next = position.at(partition)
      const reaches = isUnresolved(floor) || isUnresolved(next) ? floor === next : next >= floor
      if (!reaches) return false
    }
    return true
  }

  /** The first seq that is news to `position`; `end` where nothing is. O(partitions × log records). */
  seqOf(position: Position): number {
    let first = this.end
    for (let partition = 0; partition < this.#lanes.length; partition++) {
      const lane = this.#lanes[partition] as Lane
      const seq = lane.find((at) => this.at(at).record.offset >= position.at(partition))
      if (seq !== null && seq < first) first = seq
    }
    return first
  }

  #lane(partition: number): Lane {
    while (this.#lanes.length <= partition) this.#lanes.push(new Lane())
    return this.#lanes[partition] as Lane
  }
}

/** The seqs of one partition, ascending; their offsets ascend with them, so a place is found by halving. */
class Lane {
  readonly #seqs: number[] = []
  #head = 0

  push(seq: number): void {
    this.#seqs.push(seq)
  }

  shift(): void {
    this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#seqs.length) {
      this.#seqs.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** The first seq for which `reached` holds (it holds from one place on). */
  find(reached: (seq: number) => boolean): number | null {
    let low = this.#head
    let high = this.#seqs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (reached(this.#seqs[middle] as number)) high = middle
      else low = middle + 1
    }
    return this.#seqs[low] ?? null
  }
}
