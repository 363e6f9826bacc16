/** Reads Kafka's big-endian wire types one after the other. Running past the end throws `RangeError`. */
export class Reader {
  readonly #buffer: Buffer
  #at: number

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer
    this.#at = at
  }

  int8(): number {
    return this.#buffer.readInt8(this.#step(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#step(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#step(4))
  }

  /** A 64-bit integer as a number: exact up to 2^53, which offsets and milliseconds do not reach. */
  int64(): number {
    const at = this.#step(8)
    return this.#buffer.readInt32BE(at) * 0x1_0000_0000 + this.#buffer.readUInt32BE(at + 4)
  }

  /** Producer ids are compared only, and may use all 64 bits. */
  bigint64(): bigint {
    return this.#buffer.readBigInt64BE(this.#step(8))
  }

  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#buffer.toString('utf8', this.#at, this.#step(length) + length)
  }

  /** A view, not a copy; empty where the wire says null. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const at = this.#step(length)
    if (this.#at > this.#buffer.length) throw new RangeError('bytes run past the end of the answer')
    return this.#buffer.subarray(at, this.#at)
  }

  array<T>(one: (reader: Reader) => T): T[] {
    const items: T[] = []
    for (let left = this.int32(); left > 0; left--) items.push(one(this))
    return items
  }

  #step(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }
}
