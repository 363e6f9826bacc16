import { NO_HEADERS, type Header, type Record } from '../../stream/record.ts'
import { SourceRecord } from '../record.ts'
import type { BatchHead } from './batches.ts'

const LOG_APPEND_TIME = 0x08

/**
 * Adds the records of one unpacked batch from offset `from` on to `into`, as views of `bytes`. This runs for each record
 * that passes the gateway, so it makes nothing but the record and its two views. Throws `RangeError` on damaged bytes.
 */
export function readRecords(partition: number, from: number, head: BatchHead, bytes: Buffer, into: Record[]): Record[] {
  const reader = new VarintReader(bytes)
  const appendTime = (head.attributes & LOG_APPEND_TIME) !== 0
  for (let left = head.count; left > 0; left--) {
    const end = reader.varint() + reader.at
    reader.at++
    const timeDelta = reader.varlong()
    const offset = head.baseOffset + reader.varint()
    if (offset >= from) {
      const key = reader.bytes()
      const value = reader.bytes()
      const time = appendTime ? head.maxTime : head.baseTime + timeDelta
      into.push(new SourceRecord(partition, offset, time, key, value, reader.headers()))
    }
    reader.moveTo(end)
  }
  return into
}

/** A record may not have more; it keeps a damaged count from taking the memory. */
const HEADERS_MAX = 100_000
const NO_BYTES = new Uint8Array(0)

/** Reads the variable-length integers of record batches: seven bits a byte, low ones first, the sign in bit 0. */
class VarintReader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new RangeError('a number in a record batch has too many bytes')
  }

  /** Exact up to 2^53: 32-bit operations would break time differences above 24 days. */
  varlong(): number {
    let value = 0
    let scale = 1
    for (let bytes = 0; bytes < 10; bytes++) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 128
    }
    throw new RangeError('a time in a record batch has too many bytes')
  }

  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const begin = this.at
    this.moveTo(begin + length)
    return this.#bytes.subarray(begin, this.at)
  }

  headers(): readonly Header[] {
    const count = this.varint()
    if (count <= 0) return NO_HEADERS
    if (count > HEADERS_MAX) throw new RangeError(`a record says that it has ${count} headers`)
    const headers: Header[] = []
    for (let left = count; left > 0; left--) {
      const name = this.bytes()
      headers.push([name === null ? '' : name.toString('utf8'), this.bytes() ?? NO_BYTES])
    }
    return headers
  }

  moveTo(at: number): void {
    if (at > this.#bytes.length || at < this.at) throw new RangeError('a record runs past the end of its batch')
    this.at = at
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new RangeError('a record batch ends inside a record')
    return this.#bytes[this.at++]!
  }
}
