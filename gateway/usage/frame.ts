import { crc32 } from 'node:zlib'
import type { Envelope } from './codec.ts'

/*
 * A message in the journal: mark (4 bytes), length of the body, CRC-32 of length and body (big-endian), body. The body: key,
 * number of headers, their names and values, each text behind its length (2 bytes); the rest is the value. The mark lets a
 * reader find the next whole frame behind a damaged place.
 */
const MARK = Buffer.from([0xd7, 0x57, 0x55, 0x31])
const HEAD_BYTES = 12
/** A message is at most 512 KiB, and what Kafka takes 1 MiB: a length beyond this is damage. */
export const FRAME_BYTES_MAX = 1_100_000

export function encodeFrame({ key, headers, value }: Envelope): Buffer {
  const entries = Object.entries(headers)
  const texts = [text(key), count(entries.length), ...entries.flatMap(([name, one]) => [text(name), text(one)])]
  const frame = Buffer.concat([MARK, Buffer.alloc(HEAD_BYTES - MARK.length), ...texts, value])
  if (frame.length > FRAME_BYTES_MAX) throw new RangeError(`a usage message of ${frame.length} bytes is too long`)
  frame.writeUInt32BE(frame.length - HEAD_BYTES, 4)
  frame.writeUInt32BE(checksumOf(frame), 8)
  return frame
}

export interface Frames {
  readonly envelopes: readonly Envelope[]
  /** Where the last frame that was taken ends. */
  readonly end: number
  /** Bytes before `end` that are part of no whole frame, and in how many places. */
  readonly lostBytes: number
  readonly holes: number
}

/** The whole frames from the start on, of about `bytesMax` bytes, at least one where there is one. What is damaged is passed over and counted. */
export function decodeFrames(bytes: Buffer, bytesMax = Number.POSITIVE_INFINITY): Frames {
  const envelopes: Envelope[] = []
  let [end, lostBytes, holes] = [0, 0, 0]
  while (end < bytes.length && (envelopes.length === 0 || end < bytesMax)) {
    const start = nextFrame(bytes, end)
    if (start === null) break
    if (start > end) {
      holes++
      lostBytes += start - end
    }
    const frame = frameAt(bytes, start)!
    envelopes.push(decodeBody(frame.subarray(HEAD_BYTES)))
    end = start + frame.length
  }
  return { envelopes, end, lostBytes, holes }
}

function nextFrame(bytes: Buffer, from: number): number | null {
  for (let at = bytes.indexOf(MARK, from); at !== -1; at = bytes.indexOf(MARK, at + 1)) {
    if (frameAt(bytes, at) !== null) return at
  }
  return null
}

/** The frame that starts there, if it is whole and unharmed. */
function frameAt(bytes: Buffer, at: number): Buffer | null {
  if (at + HEAD_BYTES > bytes.length) return null
  const frameBytes = HEAD_BYTES + bytes.readUInt32BE(at + 4)
  if (frameBytes > FRAME_BYTES_MAX || at + frameBytes > bytes.length) return null
  const frame = bytes.subarray(at, at + frameBytes)
  return frame.readUInt32BE(8) === checksumOf(frame) ? frame : null
}

function checksumOf(frame: Buffer): number {
  return crc32(frame.subarray(HEAD_BYTES), crc32(frame.subarray(4, 8)))
}

function decodeBody(body: Buffer): Envelope {
  let at = 0
  const read = (): string => {
    const start = at + 2
    at = start + body.readUInt16BE(at)
    return body.toString('utf8', start, at)
  }
  const key = read()
  const entries: [string, string][] = []
  for (let left = body.readUInt8(at++); left > 0; left--) entries.push([read(), read()])
  // A copy: a part would keep the whole read alive.
  return { key, headers: Object.fromEntries(entries), value: Buffer.from(body.subarray(at)) }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const framed = Buffer.allocUnsafe(2 + bytes.length)
  framed.writeUInt16BE(bytes.length, 0)
  bytes.copy(framed, 2)
  return framed
}

function count(value: number): Buffer {
  return Buffer.from([value])
}
