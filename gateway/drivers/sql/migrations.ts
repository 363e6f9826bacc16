import { sql, type Kysely, type Transaction } from 'kysely'
import { Fault } from '../../errors.ts'
import type { Database } from './database.ts'

/** One step of a part's tables, forward only: what has been released is never edited, a change is a further step. */
export interface Migration {
  readonly name: string
  readonly up: (query: Kysely<unknown>, kind: Database<unknown>['kind']) => Promise<void>
}

interface Versions {
  schema_versions: { part: string; version: number; name: string; applied_at: number }
}

/** Any number, the same in all processes. */
const LOCK = 1

/**
 * Brings the tables of `part` up to the last of `steps`. Several processes may do this at once: one does it, the others find it
 * done. A database of a newer version is refused, since its rows may mean something else.
 */
export function migrate(
  database: Database<unknown>,
  part: string,
  steps: readonly Migration[],
  at: number,
): Promise<void> {
  return database.exclusively(LOCK, async (transaction) => {
    await createVersions(transaction)
    const query = transaction as unknown as Transaction<Versions>
    const applied = await query.selectFrom('schema_versions').select('version').where('part', '=', part).execute()
    const version = Math.max(0, ...applied.map((row) => row.version))
    if (version > steps.length) throw new Fault('refused', tooNew(part, version, steps.length))
    for (const [i, { name, up }] of steps.entries()) {
      if (i < version) continue
      await up(transaction, database.kind)
      await query
        .insertInto('schema_versions')
        .values({ part, version: i + 1, name, applied_at: at })
        .execute()
    }
  })
}

function tooNew(part: string, version: number, known: number): string {
  return `the ${part} in this database has version ${version}, and this program knows ${known}: start the newer program, or restore the backup from before it`
}

async function createVersions(transaction: Transaction<unknown>): Promise<void> {
  await sql`create table if not exists schema_versions (
    part text not null, version bigint not null, name text not null, applied_at bigint not null,
    primary key (part, version))`.execute(transaction)
}
