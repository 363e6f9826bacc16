import { constants, existsSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../../config.ts'
import { inspectJournal } from '../../usage/inspect.ts'
import type { System } from './examination.ts'
import { fail, ok, warn, type Verdict } from './verdict.ts'

const DISK_FREE_BYTES_MIN = 64 * 2 ** 20
/** Of a longer journal the rest is left alone: reading it would take the disk from who works. */
const JOURNAL_BYTES_MAX = 256 * 2 ** 20

export async function examineData(system: System, config: Config): Promise<void> {
  const { dataDir, usage } = config
  const journal = usage.journal.path ?? join(dataDir, 'journal')
  if (!(await system.check('data-dir', () => folderVerdict('dataDir', dataDir)))) return
  if (usage.journal.path !== null) await system.check('journal-dir', () => folderVerdict('usage.journal.path', journal))
  let journalBytes = 0
  await system.check('journal', async () => {
    const report = await inspectJournal(journal, JOURNAL_BYTES_MAX)
    journalBytes = report.bytes
    return journalVerdict(journal, report)
  })
  await system.check('disk', () => diskVerdict(journal, usage.journal.bytesMax - journalBytes))
}

/** Nothing is written: the system says whether we might. */
async function folderVerdict(key: string, folder: string): Promise<Verdict> {
  const there = nearestThere(folder)
  const fix = `let this user write there, or set ${key} (${VARIABLES[key]}) to a folder where it may`
  try {
    if (!(await stat(there)).isDirectory()) return fail(`${there} is no folder, and ${key} needs one`, fix)
    await access(there, constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return fail(`${there} cannot be written to (${code ?? String(error)})`, fix)
  }
  return ok(there === folder ? `${folder} can be written to` : `${folder} can be made in ${there}`)
}

const VARIABLES: { readonly [key: string]: string } = {
  dataDir: 'WEIR_DATADIR',
  'usage.journal.path': 'WEIR_USAGE_JOURNAL_PATH',
}

function nearestThere(path: string): string {
  let there = path
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  return there
}

async function diskVerdict(folder: string, needed: number): Promise<Verdict> {
  const { bavail, bsize } = await statfs(nearestThere(folder))
  const free = bavail * bsize
  const shown = `${sizeOf(free)} are free at ${folder}`
  const fix = 'free some, or move dataDir (WEIR_DATADIR) to a larger disk'
  if (free < DISK_FREE_BYTES_MIN) return fail(`only ${shown}`, fix)
  if (free >= needed) return ok(shown)
  return warn(
    `${shown}, and the journal of usage may grow by ${sizeOf(needed)}`,
    `${fix}, or lower usage.journal.bytesMax (WEIR_USAGE_JOURNAL_BYTESMAX)`,
  )
}

function journalVerdict(folder: string, report: Awaited<ReturnType<typeof inspectJournal>>): Verdict {
  const { messages, bytes, holes, lostBytes, holder, whole } = report
  if (holes > 0) {
    return warn(
      `the journal in ${folder} is damaged in ${holes} places: ${lostBytes} bytes of usage are not billed`,
      'look at the disk; what is whole is billed, and the rest is passed over at the next start',
    )
  }
  const held = `${whole ? '' : 'more than '}${messages} messages (${sizeOf(bytes)})`
  if (holder !== null) return ok(`the journal of usage holds ${held}, in use by process ${holder}`)
  return ok(messages === 0 ? 'the journal of usage is empty' : `the journal of usage holds ${held} for the ledger`)
}

function sizeOf(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)}GiB`
  return bytes >= 2 ** 20 ? `${Math.round(bytes / 2 ** 20)}MiB` : `${Math.ceil(bytes / 1024)}KiB`
}
