/** Varints (LEB128) of whole numbers from 0 to 2^53 − 1, and zigzag ones of either sign: at most 8 bytes each. */
const BYTES_MAX = 8

export class VarintWriter {
  #bytes: Buffer
  #length = 0

  /** `bytes`: as many as are probably needed. */
  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, bytes))
  }

  unsigned(value: number): void {
    this.#room()
    let rest = value
    // Bit operations would cut the number to 32 bits.
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) + 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** The sign stands in the lowest bit: twice 2^53 − 1 would not be a whole number any more, so it is put in by hand. */
  signed(value: number): void {
    this.#room()
    const magnitude = value < 0 ? -value - 1 : value
    const first = (magnitude % 0x40) * 2 + (value < 0 ? 1 : 0)
    if (magnitude < 0x40) {
      this.#bytes[this.#length++] = first
      return
    }
    this.#bytes[this.#length++] = first + 0x80
    this.unsigned(Math.floor(magnitude / 0x40))
  }

  base64(): string {
    return this.#bytes.toString('base64', 0, this.#length)
  }

  #room(): void {
    if (this.#length + BYTES_MAX + 1 <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(this.#bytes.length * 2)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** Reads what `VarintWriter` wrote, and nothing else: a number has one form. All answer `null` where there is no such number. */
export class VarintReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  unsigned(): number | null {
    let value = 0
    let unit = 1
    for (let i = 0; i < BYTES_MAX; i++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return null
      value += (byte % 0x80) * unit
      if (byte < 0x80) return isCanonical(byte, i, value) ? value : null
      unit *= 0x80
    }
    return null
  }

  signed(): number | null {
    const first = this.#bytes[this.#at++]
    if (first === undefined) return null
    const negative = first % 2 === 1
    let magnitude = (first % 0x80) >> 1
    if (first >= 0x80) {
      const rest = this.unsigned()
      if (rest === null || rest === 0) return null
      magnitude += rest * 0x40
    }
    const value = negative ? -magnitude - 1 : magnitude
    return Number.isSafeInteger(value) ? value : null
  }
}

/** A zero at the end would be another form of the same number. */
function isCanonical(lastByte: number, index: number, value: number): boolean {
  return (lastByte !== 0 || index === 0) && Number.isSafeInteger(value)
}
