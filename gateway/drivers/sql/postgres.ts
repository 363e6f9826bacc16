import { PostgresDialect, type Dialect } from 'kysely'
import { Pool, types } from 'pg'

const CONNECTIONS_MAX = 8
const CONNECT_MS_MAX = 10_000
const IDLE_MS_MAX = 30_000

/** A bounded pool. Broken idle connections are replaced by the pool itself. */
export function postgresDialect(url: string): Dialect {
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    idleTimeoutMillis: IDLE_MS_MAX,
    application_name: 'weir',
    types: {
      getTypeParser: (type, format) => (type === types.builtins.INT8 ? wholeNumber : types.getTypeParser(type, format)),
    },
  })
  // Told again by whoever asks next; without a listener the process would end over an idle connection.
  pool.on('error', () => undefined)
  return new PostgresDialect({ pool })
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the whole numbers that are kept exactly`)
  return value
}
