import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { openDatabase, sql, type Database, type DatabaseSettings, type Transaction } from './database.ts'

/** Thrown inside a transaction whose work is not to be kept. */
class TakenBack extends Error {}

/** Any number of ours that no other lock of the gateway has. */
const LOCK = 0x646f63

/** Looks at a database as the gateway would use it, and leaves nothing behind. Each question throws what the database says. */
export class DatabaseProbe {
  readonly #database: Database<unknown>
  readonly #clock: Clock

  private constructor(database: Database<unknown>, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** A file of SQLite's has to be there: it would be made. Throws a `Fault`. */
  static async open(settings: DatabaseSettings): Promise<DatabaseProbe> {
    return new DatabaseProbe(await openDatabase(settings), settings.clock)
  }

  /** `PostgreSQL 15.3`, `SQLite 3.45`. */
  async version(): Promise<string> {
    if (this.#isFile()) return `SQLite ${await this.#text(sql<Row>`select sqlite_version() as value`)}`
    return `PostgreSQL ${await this.#text(sql<Row>`select current_setting('server_version') as value`)}`
  }

  /** How far its clock is ahead of ours, ms; null where it has none of its own. */
  async skewMs(): Promise<number | null> {
    if (this.#isFile()) return null
    const asked = this.#clock.now()
    const query = sql<Row>`select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as value`
    return Math.round(Number(await this.#text(query)) - (asked + this.#clock.now()) / 2)
  }

  /** Makes a table, changes it, writes to it under our lock, and takes all of it back. */
  async rehearse(): Promise<void> {
    const table = sql.id(`weir_doctor_${randomUUID().replaceAll('-', '')}`)
    await this.#takingBack(async (transaction) => {
      await sql`create table ${table} (key bigint primary key, value text)`.execute(transaction)
      await sql`alter table ${table} add column more bigint`.execute(transaction)
      await sql`insert into ${table} (key, value, more) values (1, 'a', 2)`.execute(transaction)
    })
  }

  /** How many steps of a part's tables were done; 0 where none was. */
  async versionOf(part: string): Promise<number> {
    if (!(await this.#tables()).includes('schema_versions')) return 0
    const query = sql<Row>`select max(version) as value from schema_versions where part = ${part}`
    return Number((await this.#text(query)) ?? 0)
  }

  /** Tables of that prefix that are there and that we may not read and write. */
  async closedTables(prefix: string): Promise<readonly string[]> {
    if (this.#isFile()) return []
    const ours = (await this.#tables()).filter((name) => name.startsWith(prefix))
    const closed: string[] = []
    for (const name of ours) {
      const rights = 'select, insert, update, delete'.split(', ')
      for (const right of rights) {
        const query = sql<Row>`select has_table_privilege(quote_ident(${name}), ${right})::text as value`
        if ((await this.#text(query)) === 'true') continue
        closed.push(name)
        break
      }
    }
    return closed
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #isFile(): boolean {
    return this.#database.kind === 'sqlite'
  }

  async #takingBack(work: (transaction: Transaction<unknown>) => Promise<void>): Promise<void> {
    try {
      await this.#database.exclusively(LOCK, async (transaction) => {
        await work(transaction)
        throw new TakenBack()
      })
    } catch (error) {
      if (!(error instanceof TakenBack)) throw error
    }
  }

  async #tables(): Promise<readonly string[]> {
    const query = this.#isFile()
      ? sql<Row>`select name as value from sqlite_master where type = 'table'`
      : sql<Row>`select tablename::text as value from pg_tables where schemaname = current_schema()`
    return (await query.execute(this.#database.query)).rows.map(({ value }) => String(value))
  }

  async #text(query: ReturnType<typeof sql<Row>>): Promise<string | null> {
    const [row] = (await query.execute(this.#database.query)).rows
    return row?.value == null ? null : String(row.value)
  }
}

interface Row {
  readonly value: string | number | null
}
