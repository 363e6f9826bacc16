import {
  closeSync,
  fsync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = /^(\d{12})\.journal$/

/** One file of a journal: frames, one behind the other. */
export interface Segment {
  readonly number: number
  readonly file: string
  size: number
  /** Everything before has reached the sink. */
  sentTo: number
}

export function segmentOf(folder: string, number: number): Segment {
  return { number, file: join(folder, `${String(number).padStart(12, '0')}.journal`), size: 0, sentTo: 0 }
}

/** The numbers of those that a folder holds, rising. */
export function segmentNumbers(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

export function readWhole({ file }: Segment): Buffer {
  return readFileSync(file)
}

export function cut(segment: Segment, size: number): void {
  truncateSync(segment.file, size)
  segment.size = size
}

export function removeSegment({ file }: Segment): void {
  rmSync(file, { force: true })
}

/** At most `bytesMax` bytes of what has not been sent. */
export async function readUnsent({ file, size, sentTo }: Segment, bytesMax: number): Promise<Buffer> {
  const handle = await open(file)
  try {
    const bytes = Buffer.alloc(Math.min(size - sentTo, bytesMax))
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, sentTo)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The file that is being written. */
export interface Pen {
  /** All or nothing: what a failed write left is cut off. Throws. */
  write(bytes: Buffer): void
  /** Until it has reached the disk; rejects where it cannot. */
  sync(): Promise<void>
  close(): void
}

export type OpenPen = (segment: Segment) => Pen

/** The file must not be there yet. Throws. */
export const openPen: OpenPen = (segment) => {
  const handle = openSync(segment.file, 'ax')
  return {
    write(bytes) {
      try {
        for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at)
      } catch (error) {
        ftruncateSync(handle, segment.size)
        throw error
      }
      segment.size += bytes.length
    },
    sync: () => new Promise((resolve, reject) => fsync(handle, (error) => (error ? reject(error) : resolve()))),
    close: () => closeSync(handle),
  }
}
