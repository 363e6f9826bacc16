import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sleep, type Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { EpochBook } from './epoch-book.ts'
import { EpochTable } from './epoch-table.ts'

/** Who holds the lock has crashed: writing the file takes milliseconds. */
const LOCK_MS_MAX = 5000
const LOCK_RETRY_MS = 20

interface Asked {
  readonly cluster: string
  readonly topic: string
  readonly topicId: string
  readonly told: (epoch: number) => void
}

/**
 * The book of one machine, in a file. Processes beside each other write it in turn, behind a lock file; who reads sees a
 * whole file, since a new one is renamed into its place. Where the file cannot be kept, the epochs are counted on in memory, and
 * the operator is told: the cursors' fingerprint of the log still keeps them from being taken for those of another log.
 */
export class FileEpochBook implements EpochBook {
  readonly #file: string
  readonly #clock: Clock
  readonly #log: Log
  /** What was answered once stays, whatever becomes of the file. */
  readonly #given = new Map<string, number>()
  /** The file as it was last seen. */
  #table = new EpochTable()
  /** Asked for while the file was in use: one more look at it answers them all. */
  #waiting: Asked[] = []
  #busy = false

  constructor(file: string, clock: Clock, log: Log) {
    this.#file = file
    this.#clock = clock
    this.#log = log
  }

  async epochOf(cluster: string, topic: string, topicId: string): Promise<number> {
    const given = this.#given.get(keyOf(cluster, topic, topicId))
    if (given !== undefined) return given
    return await new Promise((told) => {
      this.#waiting.push({ cluster, topic, topicId, told })
      // Never rejects: what goes wrong with the file is told, and memory stands in.
      if (!this.#busy) void this.#answer()
    })
  }

  async #answer(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      const asked = this.#waiting
      this.#waiting = []
      await this.#keep(asked)
      for (const { cluster, topic, topicId, told } of asked) {
        const key = keyOf(cluster, topic, topicId)
        const epoch = this.#given.get(key) ?? this.#table.note(cluster, topic, topicId)
        this.#given.set(key, epoch)
        told(epoch)
      }
    }
    this.#busy = false
  }

  async #keep(asked: readonly Asked[]): Promise<void> {
    try {
      await this.#see()
      const news = asked.filter((one) => this.#table.find(one.cluster, one.topic, one.topicId) === null)
      if (news.length > 0) await this.#write(news)
    } catch (error) {
      const fields = { file: this.#file, error }
      this.#log.error(fields, "the topics' epochs cannot be kept in their file; they are counted in memory")
    }
  }

  async #write(news: readonly Asked[]): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true })
    const lock = await this.#lock()
    try {
      await this.#see()
      for (const { cluster, topic, topicId } of news) this.#table.note(cluster, topic, topicId)
      await replace(this.#file, this.#table.toText())
    } finally {
      await rm(lock, { force: true })
    }
  }

  /** The file is the others' word and comes first; what it lacks, as where it was lost, is ours. */
  async #see(): Promise<void> {
    const table = await this.#read()
    table.absorb(this.#table)
    this.#table = table
  }

  /** What cannot be understood is put aside, not written over: it may be of a newer version, or hold what a person can mend. */
  async #read(): Promise<EpochTable> {
    const text = await textOf(this.#file)
    if (text === null) return new EpochTable()
    try {
      return EpochTable.fromText(text)
    } catch (error) {
      const aside = `${this.#file}.unread-${randomUUID()}`
      await rename(this.#file, aside)
      this.#log.error({ file: this.#file, aside, error }, "the topics' epochs cannot be read; they begin anew")
      return new EpochTable()
    }
  }

  async #lock(): Promise<string> {
    const lock = `${this.#file}.lock`
    const until = this.#clock.monotonic() + 2 * LOCK_MS_MAX
    while (this.#clock.monotonic() < until) {
      try {
        await (await open(lock, 'wx')).close()
        return lock
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      await this.#breakStale(lock)
      await sleep(this.#clock, LOCK_RETRY_MS)
    }
    throw new Error(`${lock} is held for more than ${2 * LOCK_MS_MAX} ms: remove it if no process writes there`)
  }

  /** Of several who find it stale at once, one renames just the lock that was seen; a fresh one goes back. */
  async #breakStale(lock: string): Promise<void> {
    const seen = await stat(lock).catch(() => null)
    if (seen === null || this.#clock.now() - seen.mtimeMs < LOCK_MS_MAX) return
    const taken = `${lock}.${randomUUID()}`
    await rename(lock, taken).catch(() => null)
    const moved = await stat(taken).catch(() => null)
    if (moved !== null && moved.ino !== seen.ino) await rename(taken, lock)
    else await rm(taken, { force: true })
  }
}

/** Names hold no space. */
function keyOf(cluster: string, topic: string, topicId: string): string {
  return `${cluster} ${topic} ${topicId}`
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** After a crash there is the old file or the new one, never a part. */
async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  try {
    const handle = await open(draft, 'wx')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
