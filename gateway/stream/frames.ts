import type { Body } from './body.ts'

/** Memory that is kept for the next frames; one record may need more, and then it goes again. */
const KEPT_BYTES_MAX = 1024 * 1024
/** At first: a slice may touch thousands of views, each with a record or two. */
const BYTES_MIN = 2 * 1024
/** How many of them wait for the next use. */
const SPARE_MAX = 8

const spare: Frames[] = []

/**
 * What goes out together, framed: one after the other in one piece of memory, which is used again. Whoever is handed them copies what it
 * keeps before it answers, as sockets do.
 */
export class Frames {
  /** Of all of them. */
  bytes = 0
  #memory = Buffer.allocUnsafeSlow(BYTES_MIN)
  readonly #ends: number[] = []
  readonly #types: Body['type'][] = []

  /** Empty ones, until they are given back. */
  static take(): Frames {
    return spare.pop() ?? new Frames()
  }

  get length(): number {
    return this.#ends.length
  }

  /** All of them, one after the other. */
  get whole(): Uint8Array {
    return this.#memory.subarray(0, this.bytes)
  }

  at(index: number): Uint8Array {
    return this.#memory.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index])
  }

  typeOf(index: number): Body['type'] {
    return this.#types[index] as Body['type']
  }

  /** Adds one record: its body between what stands before and behind it, both ASCII. */
  add(before: string, { type, head, bytes, json, tail }: Body, behind: string): void {
    const ascii = head.length + json.byteLength + tail.length === bytes
    this.#reserve(before.length + bytes + behind.length)
    const memory = this.#memory
    let at = this.bytes
    at += memory.write(before + head, at, ascii ? 'latin1' : 'utf8')
    memory.set(json, at)
    at += json.byteLength
    const end = tail + behind
    for (let i = 0; i < end.length; i++) memory[at++] = end.charCodeAt(i)
    this.bytes = at
    this.#ends.push(at)
    this.#types.push(type)
  }

  /** They have been handed over: their memory serves the next. */
  giveBack(): void {
    this.bytes = 0
    this.#ends.length = 0
    this.#types.length = 0
    if (this.#memory.byteLength <= KEPT_BYTES_MAX && spare.length < SPARE_MAX) spare.push(this)
  }

  #reserve(bytes: number): void {
    const needed = this.bytes + bytes
    if (needed <= this.#memory.byteLength) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#memory.byteLength))
    grown.set(this.whole)
    this.#memory = grown
  }
}
