import { Entry } from './entry.ts'
import type { Record } from './record.ts'
import type { Memory } from './memory.ts'
import type { Slice, Vector } from './source.ts'
import type { Tail } from './tail.ts'

/** One replay read, merged, shared by everyone who reads from the same place. */
export interface Block {
  /** Roughly by time, each partition in offset order. */
  readonly entries: readonly Entry[]
  readonly slices: readonly Slice[]
  readonly bytes: number
}

export interface ReplayLimits {
  /** Reads under way at once; others queue. */
  readonly replaySlotsMax: number
  /** Size of one read. */
  readonly blockBytesMax: number
  /** Blocks in memory, over all readers; a read is begun only below it. */
  readonly heldBytesMax: number
}

interface Flight {
  readonly key: string
  readonly block: Promise<Block>
  bytes: number
  holders: number
}

/** Reads from the log, for all readers of a process: bounded in number and in bytes, and one read for equal wishes. */
export class Replay {
  heldBytes = 0
  reads = 0
  #running = 0
  readonly #queue: (() => void)[] = []
  readonly #flights = new Map<string, Flight>()
  readonly #byBlock = new Map<Block, Flight>()
  readonly #limits: ReplayLimits
  readonly #memory: Memory
  readonly #grown: () => void

  /** `grown` comes after a block has come into memory. */
  constructor(limits: ReplayLimits, memory: Memory, grown: () => void) {
    this.#limits = limits
    this.#memory = memory
    this.#grown = grown
  }

  /** Whether a block that is not needed yet takes nothing from those who wait: it is under way already, or slots and memory are idle. */
  mayGoAhead(tail: Tail, vector: Vector): boolean {
    const { replaySlotsMax, heldBytesMax } = this.#limits
    if (this.#flights.has(keyOf(tail, vector))) return true
    return this.#queue.length === 0 && this.#running * 2 < replaySlotsMax && this.heldBytes * 2 < heldBytesMax
  }

  /** The block from `vector` on, held until `release`. Rejects with the `SourceError` of its read. */
  async take(tail: Tail, vector: Vector): Promise<Block> {
    const key = keyOf(tail, vector)
    const flight = this.#flights.get(key) ?? this.#depart(key, tail, [...vector])
    flight.holders++
    try {
      return await flight.block
    } catch (error) {
      flight.holders--
      throw error
    }
  }

  release(block: Block): void {
    const flight = this.#byBlock.get(block)
    if (!flight || --flight.holders > 0) return
    this.#byBlock.delete(block)
    this.#forget(flight)
    this.#hold(-flight.bytes)
    this.#next()
  }

  #depart(key: string, tail: Tail, vector: Vector): Flight {
    const flight: Flight = { key, bytes: 0, holders: 0, block: this.#read(key, tail, vector) }
    this.#flights.set(key, flight)
    return flight
  }

  async #read(key: string, tail: Tail, vector: Vector): Promise<Block> {
    await this.#slot()
    try {
      this.reads++
      const slices = await tail.source.read(tail.topic, vector, this.#limits.blockBytesMax, undefined, tail.epoch)
      return this.#arrive(key, slices)
    } catch (error) {
      this.#flights.delete(key)
      throw error
    } finally {
      this.#running--
      this.#next()
    }
  }

  #arrive(key: string, slices: readonly Slice[]): Block {
    const entries = merge(slices)
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    const block: Block = { entries, slices, bytes }
    const flight = this.#flights.get(key) as Flight
    flight.bytes = bytes
    this.#hold(bytes)
    this.#byBlock.set(block, flight)
    // Who comes later to an empty place may find something there by then.
    if (entries.length === 0) this.#forget(flight)
    this.#grown()
    return block
  }

  #hold(bytes: number): void {
    this.heldBytes += bytes
    this.#memory.used += bytes
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #slot(): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push(resolve)
      this.#next()
    })
  }

  #next(): void {
    while (
      this.#queue.length > 0 &&
      this.#running < this.#limits.replaySlotsMax &&
      this.heldBytes < this.#limits.heldBytesMax
    ) {
      this.#running++
      this.#queue.shift()?.()
    }
  }
}

/** Equal wishes, of one log, have equal keys. */
export function keyOf(tail: Tail, vector: Vector): string {
  return `${tail.id} ${tail.generation} ${vector.join(',')}`
}

/** Merges partitions by time; a record never goes before an earlier one of its own partition, whatever their timestamps say. */
function merge(slices: readonly Slice[]): Entry[] {
  const keyed: { readonly time: number; readonly record: Record }[] = []
  for (const { records } of slices) {
    let time = 0
    for (const record of records) {
      time = Math.max(time, record.time)
      keyed.push({ time, record })
    }
  }
  keyed.sort((a, b) => a.time - b.time)
  return keyed.map(({ record }) => new Entry(record))
}
