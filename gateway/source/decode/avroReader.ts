/** The bytes are not what the schema says; tells nothing more, since nothing more is asked. */
export class Undecodable extends Error {}

/** Reads Avro's binary form, never beyond the end of it (Avro 1.11 §Binary Encoding). Whatever cannot be is `Undecodable`. */
export class AvroReader {
  /** How deep in values within values it stands. */
  depth = 0
  readonly #bytes: Buffer
  #at: number

  constructor({ buffer, byteOffset, byteLength }: Uint8Array, start: number) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength)
    this.#at = start
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Undecodable()
    return byte
  }

  take(count: number): Buffer {
    if (count < 0 || count > this.left) throw new Undecodable()
    return this.#bytes.subarray(this.#at, (this.#at += count))
  }

  int(): number {
    const value = this.long()
    if (typeof value !== 'number' || value < INT_MIN || value > INT_MAX) throw new Undecodable()
    return value
  }

  /** Zigzag, seven bits a byte, lowest first. A number where it is one exactly. */
  long(): number | bigint {
    let value = 0
    let scale = 1
    for (let i = 0; i < SAFE_BYTES; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 0x80
    }
    return this.#longer(BigInt(value))
  }

  #longer(low: bigint): number | bigint {
    let value = low
    for (let i = SAFE_BYTES; i < LONG_BYTES; i++) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte >= 0x80) continue
      if (value >= 1n << 64n) break
      const decoded = (value >> 1n) ^ -(value & 1n)
      return Number.isSafeInteger(Number(decoded)) ? Number(decoded) : decoded
    }
    throw new Undecodable()
  }

  /** Of bytes, texts and items: what is more than all that is left is damage, not a size. */
  count(): number {
    const count = this.long()
    if (typeof count !== 'number' || count < 0 || count > this.left) throw new Undecodable()
    return count
  }

  float(): number {
    return this.take(4).readFloatLE(0)
  }

  double(): number {
    return this.take(8).readDoubleLE(0)
  }

  /** Items come in blocks; a negative count has the block's length in bytes behind it. */
  block(): number {
    const count = this.long()
    if (typeof count !== 'number' || Math.abs(count) > this.left) throw new Undecodable()
    if (count < 0) this.count()
    return Math.abs(count)
  }
}

const INT_MIN = -(2 ** 31)
const INT_MAX = 2 ** 31 - 1
/** So many bytes of a long are exact in a number. */
const SAFE_BYTES = 7
const LONG_BYTES = 10
