/**
 * Reads Kafka's big-endian wire types one after the other; of a flexible version (KIP-482) with lengths as varints and
 * tagged fields. Running past the end throws `RangeError`.
 */
export class Reader {
  readonly #buffer: Buffer
  readonly #flexible: boolean
  #at = 0

  constructor(buffer: Buffer, flexible = false) {
    this.#buffer = buffer
    this.#flexible = flexible
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
    const length = this.#flexible ? this.#length() : this.int16()
    return length < 0 ? null : this.#view(length).toString('utf8')
  }

  /** A view, not a copy; empty where the wire says null. */
  bytes(): Buffer {
    return this.#view(Math.max(0, this.#flexible ? this.#length() : this.int32()))
  }

  /** A view of sixteen bytes. */
  uuid(): Buffer {
    return this.#view(16)
  }

  /** None where the wire says null. */
  array<T>(one: (reader: Reader) => T): T[] {
    const items: T[] = []
    for (let left = this.#flexible ? this.#length() : this.int32(); left > 0; left--) items.push(one(this))
    return items
  }

  /** Passes over the tagged fields at the end of a structure: they are additions that one may leave unread. */
  tags(): void {
    if (!this.#flexible) return
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint()
      this.#view(this.#varint())
    }
  }

  /** -1 is null. */
  #length(): number {
    return this.#varint() - 1
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#step(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new RangeError('a length in an answer has too many bytes')
  }

  #view(bytes: number): Buffer {
    const at = this.#step(bytes)
    if (this.#at > this.#buffer.length) throw new RangeError('bytes run past the end of the answer')
    return this.#buffer.subarray(at, this.#at)
  }

  #step(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }
}
