import { Kysely, sql, type Transaction } from 'kysely'
import type { Clock } from '../../clock.ts'
import { Fault } from '../../errors.ts'
import { postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'

/** What parts write their queries with: this is the door, so that a change of the builder is felt here. */
export { sql } from 'kysely'
export type { ExpressionBuilder, Generated, Kysely, SqlBool, Transaction } from 'kysely'

/** Where relational data lies: a server by its address, else a file of our own. */
export interface DatabaseSettings {
  /** `postgres://…`; null: SQLite in `file`. */
  readonly url: string | null
  readonly file: string
  readonly clock: Clock
}

/** A relational database under one face. Whole numbers come as `number`; one above 2^53 is a fault, never rounded. */
export interface Database<Tables> {
  readonly kind: 'sqlite' | 'postgres'
  /** For reads, each by itself. */
  readonly query: Kysely<Tables>
  /**
   * One writer at a time over all processes that share the database and this `lock`: what is read inside is still so when it is
   * written. All or nothing; what throws inside is thrown again after the rollback.
   */
  exclusively<T>(lock: number, run: (transaction: Transaction<Tables>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Throws a `Fault`: `unreachable` where the database does not answer. */
export async function openDatabase<Tables>(settings: DatabaseSettings): Promise<Database<Tables>> {
  const kind = settings.url === null ? 'sqlite' : 'postgres'
  const dialect = settings.url === null ? sqliteDialect(settings.file, settings.clock) : postgresDialect(settings.url)
  const query = new Kysely<Tables>({ dialect })
  try {
    await sql`select 1`.execute(query)
  } catch (cause) {
    await query.destroy().catch(() => undefined)
    const where = kind === 'sqlite' ? settings.file : 'the address of database.url'
    throw new Fault('unreachable', `the database at ${where} cannot be opened`, { cause })
  }
  return {
    kind,
    query,
    exclusively: (lock, run) =>
      query.transaction().execute(async (transaction) => {
        // SQLite's transactions here are immediate: the file's write lock is held already.
        if (kind === 'postgres') await sql`select pg_advisory_xact_lock(${LOCKS}, ${lock})`.execute(transaction)
        return run(transaction)
      }),
    close: () => query.destroy(),
  }
}

/** Keeps our advisory locks apart from those of others who use the same server. */
const LOCKS = 0x77656972
