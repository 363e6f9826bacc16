import { isUnresolved, type Vector } from './source.ts'

/** The last instant that has a date (ECMA-262 §21.4.1.1), ms since 1970. */
export const TIME_MAX_MS = 8.64e15

/**
 * A place in the log that moves: the next offset of every partition, and beside it what a reset by time needs: when the last
 * record of each was, and where each ends. A partition that it does not name is new and read from its start, offset 0.
 */
export class Position {
  /** Next fetch offsets; `-T` is unresolved since T. */
  readonly next: number[]
  /** Timestamp of the last record passed in each partition; 0 where none was. */
  readonly #times: number[]
  /** From when on records may be missing where no record was passed yet, ms since 1970. */
  #since: number

  constructor(vector: Vector, since: number, times: readonly number[] = []) {
    this.next = [...vector]
    this.#times = vector.map((_, partition) => times[partition] ?? 0)
    this.#since = since
  }

  copy(): Position {
    return new Position(this.next, this.#since, this.#times)
  }

  at(partition: number): number {
    return this.next[partition] ?? 0
  }

  /** Passes one record. */
  pass(partition: number, offset: number, time: number): void {
    this.#widen(partition)
    this.next[partition] = offset + 1
    // Producers stamp what they like: -1 stands for no time, nanoseconds lie beyond every date.
    this.#times[partition] = time > 0 ? Math.min(time, TIME_MAX_MS) : 0
  }

  /** Moves without a record: behind markers, holes, filtered or lost stretches. */
  move(partition: number, next: number): void {
    this.#widen(partition)
    this.next[partition] = next
  }

  /** Moves every partition that lies behind `target`, or that nobody could place so far, up to it: all records before `target` have been seen. */
  raise(target: Position): void {
    for (let partition = 0; partition < target.next.length; partition++) {
      const to = target.next[partition] as number
      if (!isUnresolved(to) && this.at(partition) < to) this.move(partition, to)
    }
  }

  equals(other: Position): boolean {
    const width = Math.max(this.next.length, other.next.length)
    for (let partition = 0; partition < width; partition++) {
      if (this.at(partition) !== other.at(partition)) return false
    }
    return true
  }

  /** Whether it lies beyond `target` anywhere. */
  exceeds(target: Position): boolean {
    return this.next.some((next, partition) => next > target.at(partition))
  }

  /** Offsets up to `target`: an upper bound of how many records lie between. */
  behind(target: Position): number {
    let offsets = 0
    for (let partition = 0; partition < target.next.length; partition++) {
      const here = this.at(partition)
      if (!isUnresolved(here)) offsets += Math.max(0, (target.next[partition] as number) - here)
    }
    return offsets
  }

  /**
   * From when on a reset has to read again, so that nothing is missed: the *smallest* time over the partitions that are
   * not finished; where all are, the newest record passed.
   */
  resetTime(ends: Vector): number {
    let unfinished = Infinity
    let newest = this.#since
    const width = Math.max(this.next.length, ends.length)
    for (let partition = 0; partition < width; partition++) {
      const next = this.at(partition)
      const time = isUnresolved(next) ? -next : this.#times[partition] || this.#since
      if (isUnresolved(next) || next < (ends[partition] ?? 0)) unfinished = Math.min(unfinished, time)
      else if (time > newest) newest = time
    }
    return unfinished === Infinity ? newest : unfinished
  }

  #widen(partition: number): void {
    while (this.next.length <= partition) {
      this.next.push(0)
      this.#times.push(0)
    }
  }
}
