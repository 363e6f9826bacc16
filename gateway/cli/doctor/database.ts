import { existsSync } from 'node:fs'
import { LEDGER_MIGRATIONS } from '../../billing/tables.ts'
import type { Clock } from '../../clock.ts'
import { DatabaseProbe } from '../../drivers/sql/probe.ts'
import type { System } from './examination.ts'
import { codeOf, shownAddress, whyAway, whyUntrusted } from './network.ts'
import { skewVerdict } from './redis.ts'
import { away, fail, ok, type Verdict } from './verdict.ts'

export interface DatabasePlace {
  /** null: SQLite in `file`. */
  readonly url: string | null
  readonly file: string
  readonly clock: Clock
}

const KEY = 'database.url (WEIR_DATABASE_URL)'

export async function examineDatabase(system: System, place: DatabasePlace): Promise<void> {
  const { url, file } = place
  if (url === null && !existsSync(file)) {
    await system.check('connection', async () => ok(`SQLite: ${file} will be made by the first start`))
    return
  }
  let opened: DatabaseProbe | null = null
  await system.check('connection', async () => {
    try {
      opened = await DatabaseProbe.open(place)
      return ok(`${shown(place)}: ${await opened.version()}`)
    } catch (error) {
      return whyNot(error, place)
    }
  })
  const probe = opened as DatabaseProbe | null
  if (probe === null) return
  try {
    await system.check('tables', () => tablesVerdict(probe, place))
    await system.check('version', () => versionVerdict(probe))
    await system.check('clock', async () => {
      const skewMs = await probe.skewMs()
      return skewMs === null ? ok('its clock is ours') : skewVerdict('the database', skewMs)
    })
  } finally {
    await probe.close()
  }
}

function shown({ url, file }: DatabasePlace): string {
  return url === null ? file : shownAddress(url)
}

/** PostgreSQL's codes, by class and number. */
const POSTGRES: { readonly [code: string]: readonly [message: string, fix: string] } = {
  '28P01': ['does not take our user name and password', `correct them in ${KEY} or database.urlFile`],
  '28000': ['does not let us in', `allow this user and host in pg_hba.conf, or correct ${KEY}`],
  '3D000': ['has no such database', `create it (createdb), or correct its name in ${KEY}`],
  '53300': ['has no connection left', 'raise max_connections, or put a pool before it'],
}

function whyNot(error: unknown, place: DatabasePlace): Verdict {
  const address = shown(place)
  const code = codeOf(error) ?? ''
  const words = whyAway(error)
  if (words !== null) return away(`${address}: ${words}`, `start the database, or correct ${KEY}`)
  const known = POSTGRES[code]
  if (known !== undefined) return fail(`${address} ${known[0]}`, known[1])
  const untrusted = whyUntrusted(error)
  if (untrusted !== null) return fail(`${address}: ${untrusted.message}`, untrusted.fix)
  const why = wordsOf(error)
  if (place.url === null) {
    return fail(`${address} cannot be opened: ${why}`, 'let this user read and write it, or restore it from a backup')
  }
  return /timeout/i.test(why)
    ? away(`${address}: nobody answers`, `start the database, or correct ${KEY}`)
    : fail(`${address}: ${why}`, `correct ${KEY}`)
}

/** Of the last cause: what stands above it are our own words. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? wordsOf(error.cause) : error.message
}

async function tablesVerdict(probe: DatabaseProbe, place: DatabasePlace): Promise<Verdict> {
  try {
    await probe.rehearse()
  } catch (error) {
    const fix =
      place.url === null
        ? 'let this user write the file and its folder'
        : 'let our user create and alter tables: grant create on schema public, and name a primary, not a replica'
    return fail(`tables cannot be made and changed: ${wordsOf(error)}`, fix)
  }
  const closed = [...(await probe.closedTables('ledger_')), ...(await probe.closedTables('schema_versions'))]
  if (closed.length === 0) return ok('tables can be made, changed and written to')
  return fail(
    `we may not read and write ${closed.slice(0, 5).join(', ')}`,
    'grant our user select, insert, update and delete on them, or make it their owner',
  )
}

async function versionVerdict(probe: DatabaseProbe): Promise<Verdict> {
  const known = LEDGER_MIGRATIONS.length
  const version = await probe.versionOf('ledger')
  if (version > known) {
    return fail(
      `the ledger has version ${version}, and this program knows ${known}`,
      'start the newer program, or restore the backup from before it',
    )
  }
  if (version === 0) return ok(`the ledger's tables will be made by the first start`)
  if (version < known) return ok(`the ledger has version ${version}; the next start brings it to ${known}`)
  return ok(`the ledger has version ${version}, as this program`)
}
