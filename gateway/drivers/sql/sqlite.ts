import Connector, { type Database as Connection, type Statement } from 'libsql'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import { sleep, turns, type Clock } from '../../clock.ts'

/** How long another process may hold the file before we give up, and how often we ask. Asked in turns: waiting inside SQLite would stop the event loop. */
const BUSY_MS_MAX = 30_000
const BUSY_ASK_MS = 20
const STATEMENTS_MAX = 200
/** SQLite works in our thread: after so long the others have a turn. */
const TURN_MS_MAX = 10

/**
 * A file of SQLite's, with a journal that readers do not wait for (WAL). `synchronous = normal`: a killed process loses nothing, a
 * machine without power the last commits, whole. Transactions take the write lock at once, since one that reads first and
 * writes later may find that it cannot.
 */
export function sqliteDialect(file: string, clock: Clock): Dialect {
  return {
    createDriver: () => new SqliteFile(file, clock),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (query) => new SqliteIntrospector(query),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** One connection, used by one at a time. */
class SqliteFile implements Driver {
  readonly #file: string
  readonly #clock: Clock
  #connection: SqliteConnection | null = null
  /** The last in the queue for the connection. */
  #last: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  constructor(file: string, clock: Clock) {
    this.#file = file
    this.#clock = clock
  }

  async init(): Promise<void> {
    mkdirSync(dirname(this.#file), { recursive: true })
    const database = new Connector(this.#file)
    this.#connection = new SqliteConnection(database, this.#clock)
    for (const setting of ['journal_mode = wal', 'synchronous = normal', 'foreign_keys = on']) {
      await this.#patiently(() => database.exec(`pragma ${setting}`))
    }
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last
    let release = (): void => undefined
    this.#last = new Promise((resolve) => (release = resolve))
    await before
    this.#release = release
    return this.#open()
  }

  async releaseConnection(): Promise<void> {
    this.#release()
  }

  beginTransaction(): Promise<void> {
    return this.#patiently(() => this.#open().exec('begin immediate'))
  }

  commitTransaction(): Promise<void> {
    return this.#patiently(() => this.#open().exec('commit'))
  }

  async rollbackTransaction(): Promise<void> {
    this.#open().exec('rollback')
  }

  async destroy(): Promise<void> {
    this.#connection?.close()
    this.#connection = null
  }

  #open(): SqliteConnection {
    if (this.#connection === null) throw new Error('the database is closed')
    return this.#connection
  }

  async #patiently(run: () => void): Promise<void> {
    const until = this.#clock.monotonic() + BUSY_MS_MAX
    for (;;) {
      try {
        return run()
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonic() >= until) throw error
        await sleep(this.#clock, BUSY_ASK_MS)
      }
    }
  }
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test((error as { readonly code?: string }).code ?? '')
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: Connection
  readonly #breathe: () => Promise<void>
  /** Prepared once; the oldest goes first. */
  readonly #statements = new Map<string, Statement>()

  constructor(database: Connection, clock: Clock) {
    this.#database = database
    this.#breathe = turns(clock, TURN_MS_MAX)
  }

  exec(text: string): void {
    this.#database.exec(text)
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    await this.#breathe()
    const statement = this.#prepare(sql)
    const values = parameters.map(bindable)
    if (statement.reader) return { rows: statement.all(values).map((row) => plain(row) as R) }
    const { changes } = statement.run(values)
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  streamQuery(): never {
    throw new Error('rows are paged by their keys here, not streamed')
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(text: string): Statement {
    const known = this.#statements.get(text)
    if (known) return known
    const [oldest] = this.#statements.keys()
    if (this.#statements.size >= STATEMENTS_MAX && oldest !== undefined) this.#statements.delete(oldest)
    // Without this, whole numbers above 2^53 are rounded without a word.
    const statement = this.#database.prepare(text).safeIntegers(true)
    this.#statements.set(text, statement)
    return statement
  }
}

/** The binding knows no truth values and no views of bytes but Buffers. */
function bindable(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value)
  return value
}

function plain(row: unknown): unknown {
  const { _metadata, ...columns } = row as { readonly [column: string]: unknown }
  return Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, wholeNumber(value)]))
}

function wholeNumber(value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond the whole numbers that are kept exactly`)
  return number
}
