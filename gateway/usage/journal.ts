import { mkdirSync } from 'node:fs'
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Envelope } from './codec.ts'
import { lockFolder, type FolderLock } from './folderLock.ts'
import { decodeFrames, encodeFrame, FRAME_BYTES_MAX } from './frame.ts'
import {
  cut,
  openPen,
  readUnsent,
  readWhole,
  removeSegment,
  segmentNumbers,
  segmentOf,
  type OpenPen,
  type Pen,
  type Segment,
} from './segment.ts'

export interface JournalOptions {
  readonly folder: string
  /** All files together; what does not fit is not taken. */
  readonly bytesMax: number
  /** Sent messages go away by segment. */
  readonly segmentBytesMax: number
  /** What was taken is on the disk that late at most. A crash of the process alone loses nothing that was taken. */
  readonly fsyncMs: number
}

/** `full`: nothing was taken, try again when something was sent · `failed`: the disk did not take it; it was logged. */
export type Append = 'kept' | 'full' | 'failed'

export interface Batch {
  readonly envelopes: readonly Envelope[]
  readonly segment: Segment
  /** In the segment. */
  readonly end: number
}

/** Since it was opened. */
export interface JournalCounts {
  /** Places where messages were unreadable, and how much was lost there. */
  holes: number
  lostBytes: number
  /** What a crash left of the last, unfinished write. */
  tornBytes: number
  /** Failed writes and syncs. */
  faults: number
}

/**
 * Messages between the heart and the sink, in numbered files: appended at the end, taken from the front, kept over crashes. What older boots
 * left comes first, with the ids that it was written with. One process has the folder.
 *
 *   append ─► [segment n: being written] ─► … ─► [segment 1: being sent] ─► read ─► sink ─► acknowledge ─► removed
 */
export class Journal {
  readonly counts: JournalCounts = { holes: 0, lostBytes: 0, tornBytes: 0, faults: 0 }
  readonly #options: JournalOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #openPen: OpenPen
  readonly #lock: FolderLock
  /** Oldest first. */
  readonly #segments: Segment[] = []
  #pen: Pen | null = null
  #nextNumber = 1
  #left: Envelope | null = null
  /** Of what was ever appended or found; positions in it are what `sent` is compared with. */
  #appended = 0
  #sent = 0
  #faulty = false
  #syncTimer: Timer | null = null
  #syncing: Promise<void> = Promise.resolve()

  /** Throws `Fault` where another process has the folder, and what the disk throws. */
  constructor(options: JournalOptions, clock: Clock, log: Log, pens: OpenPen = openPen) {
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#openPen = pens
    mkdirSync(options.folder, { recursive: true })
    this.#lock = lockFolder(options.folder)
    try {
      const numbers = segmentNumbers(options.folder)
      for (const number of numbers) this.#find(number, number === numbers.at(-1))
      this.#nextNumber = (numbers.at(-1) ?? 0) + 1
    } catch (error) {
      this.#lock.release()
      throw error
    }
  }

  /** Bytes ever appended (or found at the start), and how many of them have been sent. */
  get appended(): number {
    return this.#appended
  }
  get sent(): number {
    return this.#sent
  }
  /** The newest message that an earlier process left; `null` where it took everything away. */
  get left(): Envelope | null {
    return this.#left
  }
  /** Of all files. */
  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }

  /** All of them or none. */
  append(envelopes: readonly Envelope[]): Append {
    const bytes = Buffer.concat(envelopes.map(encodeFrame))
    if (this.bytes + bytes.length > this.#options.bytesMax) return 'full'
    try {
      this.#penFor(bytes.length).write(bytes)
    } catch (error) {
      this.#fail(error, 'the usage journal cannot be written')
      return 'failed'
    }
    this.#appended += bytes.length
    this.#syncTimer ??= this.#clock.after(this.#options.fsyncMs, () => void this.sync())
    if (this.#faulty) this.#log.info({ folder: this.#options.folder }, 'the usage journal can be written again')
    this.#faulty = false
    return 'kept'
  }

  /** The oldest that have not been acknowledged, about `bytesMax` bytes; null where there are none. Rejects where the disk cannot be read. */
  async read(bytesMax: number): Promise<Batch | null> {
    for (;;) {
      const segment = this.#segments.find(({ size, sentTo }) => sentTo < size)
      if (segment === undefined) return null
      const { size, sentTo } = segment
      const bytes = await readUnsent(segment, bytesMax + FRAME_BYTES_MAX)
      const { envelopes, end, holes, lostBytes } = decodeFrames(bytes, bytesMax)
      if (holes > 0) this.#lost(segment, holes, lostBytes)
      if (envelopes.length > 0) return { envelopes, segment, end: sentTo + end }
      // Short of a whole frame's length behind the window, nothing in it can be the start of a whole one.
      const skipped = sentTo + bytes.length < size ? Math.max(1, bytes.length - FRAME_BYTES_MAX) : size - sentTo
      this.#lost(segment, 1, skipped)
      this.#advance(segment, sentTo + skipped)
    }
  }

  /** The sink has them. */
  acknowledge({ segment, end }: Batch): void {
    this.#advance(segment, end)
  }

  /** Until everything appended so far is on the disk, as far as the disk does its part. */
  sync(): Promise<void> {
    this.#syncTimer?.cancel()
    this.#syncTimer = null
    this.#syncing = this.#syncing.then(() => this.#syncPen())
    return this.#syncing
  }

  /** Nothing is appended from now on. */
  async close(): Promise<void> {
    await this.sync()
    this.#leavePen()
    this.#dropSent()
    this.#lock.release()
  }

  /** What an earlier process left. */
  #find(number: number, newest: boolean): void {
    const segment = segmentOf(this.#options.folder, number)
    const bytes = readWhole(segment)
    const { end, envelopes } = decodeFrames(bytes)
    segment.size = end
    this.#left = envelopes.at(-1) ?? this.#left
    const restBytes = bytes.length - end
    if (restBytes > 0 && newest) {
      this.counts.tornBytes += restBytes
      this.#log.warn(
        { file: segment.file, bytes: restBytes },
        'the last write to the usage journal was cut short by a crash',
      )
    } else if (restBytes > 0) {
      this.#lost(segment, 1, restBytes)
    }
    if (restBytes > 0) cut(segment, end)
    // Damage between whole frames is told by the reader when it gets there.
    if (end === 0) return removeSegment(segment)
    this.#segments.push(segment)
    this.#appended += segment.size
  }

  #penFor(bytes: number): Pen {
    const last = this.#segments.at(-1)
    const tooLong = last !== undefined && last.size > 0 && last.size + bytes > this.#options.segmentBytesMax
    if (tooLong) void this.#rotate()
    if (this.#pen !== null) return this.#pen
    const segment = segmentOf(this.#options.folder, this.#nextNumber++)
    this.#pen = this.#openPen(segment)
    this.#segments.push(segment)
    return this.#pen
  }

  /** The old file is synced before it is closed; nobody waits for it. */
  async #rotate(): Promise<void> {
    const pen = this.#pen
    this.#pen = null
    if (pen === null) return
    this.#syncing = this.#syncing.then(async () => {
      await this.#syncOne(pen)
      pen.close()
    })
    await this.#syncing
  }

  async #syncPen(): Promise<void> {
    if (this.#pen !== null) await this.#syncOne(this.#pen)
  }

  /** After a failed sync the kernel may have dropped pages: what is still unsent is in memory no more, so all that can be done is to tell and to go on in another file. */
  async #syncOne(pen: Pen): Promise<void> {
    try {
      await pen.sync()
    } catch (error) {
      this.#fail(error, 'the usage journal cannot be brought to the disk')
    }
  }

  #fail(error: unknown, message: string): void {
    this.counts.faults++
    if (!this.#faulty) this.#log.error({ folder: this.#options.folder, error }, message)
    this.#faulty = true
    this.#leavePen()
  }

  #leavePen(): void {
    try {
      this.#pen?.close()
    } catch (error) {
      this.#log.warn({ folder: this.#options.folder, error }, 'a file of the usage journal cannot be closed')
    }
    this.#pen = null
  }

  #lost({ file }: Segment, holes: number, bytes: number): void {
    this.counts.holes += holes
    this.counts.lostBytes += bytes
    this.#log.error(
      { file, holes, bytes },
      'a part of the usage journal is damaged: what was delivered there is not billed',
    )
  }

  #advance(segment: Segment, to: number): void {
    this.#sent += to - segment.sentTo
    segment.sentTo = to
    this.#dropSent()
  }

  /** The file that is being written stays, until another one follows. */
  #dropSent(): void {
    for (;;) {
      const first = this.#segments[0]
      const writing = this.#segments.length === 1 && this.#pen !== null
      if (first === undefined || first.sentTo < first.size || writing) return
      this.#segments.shift()
      try {
        removeSegment(first)
      } catch (error) {
        this.#log.warn({ file: first.file, error }, 'a sent file of the usage journal cannot be removed')
      }
    }
  }
}
