const FIRST_BYTES = 256

/**
 * Writes Kafka's big-endian wire types one after the other. A flexible version of a request (KIP-482) writes lengths
 * as varints and ends each structure by its tagged fields; else `tags` writes nothing.
 */
export class Writer {
  readonly #flexible: boolean
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #at = 0

  constructor(flexible: boolean) {
    this.#flexible = flexible
  }

  get buffer(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  int8(value: number): this {
    const at = this.#step(1)
    this.#buffer.writeInt8(value, at)
    return this
  }

  int16(value: number): this {
    const at = this.#step(2)
    this.#buffer.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#step(4)
    this.#buffer.writeInt32BE(value, at)
    return this
  }

  /** A safe integer. */
  int64(value: number): this {
    const at = this.#step(8)
    this.#buffer.writeBigInt64BE(BigInt(value), at)
    return this
  }

  string(text: string): this {
    const length = Buffer.byteLength(text)
    this.#length(length, () => this.int16(length))
    return this.#raw(Buffer.from(text))
  }

  bytes(bytes: Uint8Array): this {
    this.#length(bytes.length, () => this.int32(bytes.length))
    return this.#raw(bytes)
  }

  /** Sixteen bytes as they are, without a length. */
  uuid(bytes: Uint8Array): this {
    return this.#raw(bytes)
  }

  array<T>(items: readonly T[], one: (item: T) => void): this {
    this.#length(items.length, () => this.int32(items.length))
    for (const item of items) one(item)
    return this
  }

  /** No tagged fields. */
  tags(): this {
    return this.#flexible ? this.int8(0) : this
  }

  #length(length: number, plain: () => void): void {
    if (this.#flexible) this.#varint(length + 1)
    else plain()
  }

  #varint(value: number): void {
    let left = value
    for (; left >= 0x80; left >>>= 7) this.#byte((left & 0x7f) | 0x80)
    this.#byte(left)
  }

  #byte(value: number): void {
    const at = this.#step(1)
    this.#buffer[at] = value
  }

  #raw(bytes: Uint8Array): this {
    const at = this.#step(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  /** Makes room, maybe in another buffer: so it comes before the buffer is looked at. */
  #step(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    if (this.#at > this.#buffer.length) {
      const wider = Buffer.allocUnsafe(Math.max(this.#at, this.#buffer.length * 2))
      this.#buffer.copy(wider)
      this.#buffer = wider
    }
    return at
  }
}
