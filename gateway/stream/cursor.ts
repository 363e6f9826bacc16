/**
 * The cursor: where a subscription stands, as text that any node and any transport can go on from. Neither secret nor an
 * authority: whoever resumes is authorised and clamped like anybody else. The layout is settled in
 * docs/decisions/0002-cursor-format.md; a change of it is a new version letter, never a reinterpretation.
 *
 *   "w1." base64url( tag:4  log:4  epoch:v  time:v  count:v  shift:v  base:v  since:v  count × entry:v  check:4 )
 *
 * `v` is a little-endian base-128 varint. An entry is 2·((offset >> shift) − base) or, for a partition that no leader
 * could place (unresolved since T), 2·((T >> shift) − since) + 1. The check is FNV-1a over all bytes before it.
 */
import { TIME_MAX_MS } from './position.ts'
import { isUnresolved, type Vector } from './source.ts'

export interface Cursor {
  readonly epoch: number
  /** Fingerprint of the log, 32 bits; 0 is unknown. Nodes that count epochs apart still tell logs apart by it. */
  readonly log: number
  /** ms since 1970: from here on records may be missing from what was delivered; 0 is «from the start». */
  readonly time: number
  readonly vector: Vector
}

/** Why a text is no cursor of this stream. */
export type CursorFault = 'damaged' | 'foreign' | 'newer'

/** Clients keep cursors in headers, so the text has a bound; very wide vectors give up low bits to keep it. */
export const CURSOR_CHARS_MAX = 3072
const BYTES_MAX = Math.floor((CURSOR_CHARS_MAX - 3) / 4) * 3
const PARTITIONS_MAX = 10_000
const SHIFT_STEP = 2
/** A cursor of 10,000 unresolved partitions is the widest that is ever written before it is found too long. */
const scratch = Buffer.allocUnsafe(PARTITIONS_MAX * 8 + 64)

/** 32 bits that tell streams apart, so that a cursor of another stream is refused, not misread. */
export function streamTag(stream: string): number {
  return fnv1a(Buffer.from(stream, 'utf8'), Buffer.byteLength(stream))
}

export function encodeCursor(tag: number, epoch: number, time: number, vector: Vector, log = 0): string {
  let shift = 0
  let length = write(tag, log, epoch, time, vector, shift)
  while (length > BYTES_MAX && shift < 52) length = write(tag, log, epoch, time, vector, (shift += SHIFT_STEP))
  return 'w1.' + scratch.toString('base64url', 0, length)
}

export function decodeCursor(text: string, tag: number): Cursor | CursorFault {
  const version = /^w(\d{1,6})\./.exec(text)
  if (!version) return 'damaged'
  if (version[1] !== '1') return Number(version[1]) > 1 ? 'newer' : 'damaged'
  const body = text.slice(3)
  if (text.length > CURSOR_CHARS_MAX || !/^[A-Za-z0-9_-]+$/.test(body)) return 'damaged'
  const bytes = Buffer.from(body, 'base64url')
  // Buffer forgives stray bits at the end; one position has one text.
  if (bytes.toString('base64url') !== body) return 'damaged'
  return read(bytes, tag)
}

export function isFault(decoded: Cursor | CursorFault): decoded is CursorFault {
  return typeof decoded === 'string'
}

function write(tag: number, log: number, epoch: number, time: number, vector: Vector, shift: number): number {
  const unit = 2 ** shift
  let base = Infinity
  let since = Infinity
  for (const next of vector) {
    if (isUnresolved(next)) since = Math.min(since, -next)
    else base = Math.min(base, next)
  }
  base = base === Infinity ? 0 : Math.floor(base / unit)
  since = since === Infinity ? 0 : Math.floor(since / unit)
  let at = scratch.writeUInt32LE(log, scratch.writeUInt32LE(tag, 0))
  at = varint(epoch, at)
  at = varint(time, at)
  at = varint(vector.length, at)
  at = varint(shift, at)
  at = varint(base, at)
  at = varint(since, at)
  for (const next of vector) {
    at = isUnresolved(next)
      ? tagged(Math.floor(-next / unit) - since, 1, at)
      : tagged(Math.floor(next / unit) - base, 0, at)
  }
  return scratch.writeUInt32LE(fnv1a(scratch, at), at)
}

function read(bytes: Buffer, tag: number): Cursor | CursorFault {
  if (bytes.length < 18) return 'damaged'
  const end = bytes.length - 4
  if (bytes.readUInt32LE(end) !== fnv1a(bytes, end)) return 'damaged'
  if (bytes.readUInt32LE(0) !== tag) return 'foreign'
  const reader = new VarintReader(bytes, 8, end)
  const epoch = reader.next()
  const time = reader.next()
  const count = reader.next()
  const unit = 2 ** reader.next()
  const base = reader.next()
  const since = reader.next()
  if (time > TIME_MAX_MS || count > PARTITIONS_MAX || unit > 2 ** 52) return 'damaged'
  const vector: number[] = []
  for (let partition = 0; partition < count; partition++) {
    const entry = reader.next()
    const half = Math.floor(entry / 2)
    vector.push(entry % 2 === 1 ? -(half + since) * unit : (half + base) * unit)
  }
  const sound =
    !reader.broken && reader.at === end && vector.every((next) => Number.isSafeInteger(next) && next >= -TIME_MAX_MS)
  return sound ? { epoch, log: bytes.readUInt32LE(4), time, vector } : 'damaged'
}

/** 2·value + flag without leaving the safe integers: the low seven bits are written apart. */
function tagged(value: number, flag: 0 | 1, at: number): number {
  const low = (value % 64) * 2 + flag
  if (value < 64) {
    scratch[at] = low
    return at + 1
  }
  scratch[at] = low | 0x80
  return varint(Math.floor(value / 64), at + 1)
}

function varint(value: number, at: number): number {
  while (value >= 0x80) {
    scratch[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  scratch[at] = value
  return at + 1
}

class VarintReader {
  broken = false
  at: number
  readonly #bytes: Buffer
  readonly #end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  next(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      if (this.at >= this.#end) break
      const byte = this.#bytes[this.at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value <= Number.MAX_SAFE_INTEGER) return value
        break
      }
    }
    this.broken = true
    return 0
  }
}

function fnv1a(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}
