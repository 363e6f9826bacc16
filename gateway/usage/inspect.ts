import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { holderOf } from './folderLock.ts'
import { decodeFrames } from './frame.ts'
import { segmentNumbers, segmentOf } from './segment.ts'

/** What waits in a journal for the ledger. */
export interface JournalReport {
  readonly messages: number
  readonly bytes: number
  /** Places that cannot be read, and bytes in them: usage that is not billed. */
  readonly holes: number
  readonly lostBytes: number
  /** The process that has the folder; null where none has. */
  readonly holder: string | null
  /** Whether all of it was looked at. */
  readonly whole: boolean
}

/** Reads a journal without taking it; a folder that is not there is empty. Stops after `bytesMax`. Rejects where the disk cannot be read. */
export async function inspectJournal(folder: string, bytesMax: number): Promise<JournalReport> {
  const total = { messages: 0, bytes: 0, holes: 0, lostBytes: 0 }
  if (!existsSync(folder)) return { ...total, holder: null, whole: true }
  const numbers = segmentNumbers(folder)
  for (const number of numbers) {
    if (total.bytes >= bytesMax) return { ...total, holder: holderOf(folder), whole: false }
    const bytes = await readFile(segmentOf(folder, number).file).catch(goneMeanwhile)
    const { envelopes, end, holes, lostBytes } = decodeFrames(bytes)
    // What a crash left of the last write is cut off at the next start, and never was taken.
    const torn = number === numbers.at(-1) ? 0 : bytes.length - end
    total.messages += envelopes.length
    total.bytes += bytes.length
    total.holes += holes + (torn > 0 ? 1 : 0)
    total.lostBytes += lostBytes + torn
  }
  return { ...total, holder: holderOf(folder), whole: true }
}

/** A gateway that runs removes what it has sent. */
function goneMeanwhile(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0)
  throw error
}
