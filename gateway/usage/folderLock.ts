import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../errors.ts'

const FILE = 'lock'
/** A folder can be asked for twice in one process, which a process id does not tell. */
const held = new Set<string>()

export interface FolderLock {
  release(): void
}

/**
 * Takes a folder for this process. What a dead process left is taken over. Throws `Fault` where one that lives has it. It sees
 * the processes of its own machine and container only: two machines must not share the folder.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, FILE)
  if (held.has(file)) throw inUse(folder, 'this very process')
  const mine = `${process.pid} ${birthOf(process.pid)}\n`
  for (let attempt = 0; attempt < 3; attempt++) {
    if (take(file, mine)) {
      held.add(file)
      return { release: () => release(file, mine) }
    }
    const theirs = textOf(file)
    if (theirs !== null && lives(theirs)) throw inUse(folder, `process ${theirs.split(' ')[0]}`)
    if (theirs !== null) breakLock(file, theirs)
  }
  throw inUse(folder, 'others that start at this moment')
}

/** The process that has a folder now, by its number; null where none has. */
export function holderOf(folder: string): string | null {
  const text = textOf(join(folder, FILE))
  return text !== null && lives(text) ? (text.split(' ')[0] as string) : null
}

/** A link appears whole or not at all: nobody ever reads half a lock. */
function take(file: string, text: string): boolean {
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, text)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Of several who find it stale at once, one renames just the lock that was seen; a fresh one goes back. */
function breakLock(file: string, seen: string): void {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (textOf(aside) !== seen) linkSync(aside, file)
  rmSync(aside, { force: true })
}

function release(file: string, mine: string): void {
  held.delete(file)
  if (textOf(file) === mine) rmSync(file, { force: true })
}

function lives(text: string): boolean {
  const [pid, birth] = text.trim().split(' ')
  if (!/^[1-9]\d*$/.test(pid ?? '') || birth === undefined) return false
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return birth === birthOf(Number(pid))
}

/** When the process began, so that another one with its number is not taken for it: in a container, all are number 1. `?` where that cannot be known. */
function birthOf(pid: number): string {
  const boot = textOf('/proc/sys/kernel/random/boot_id')?.trim()
  // The name in brackets may hold anything; the start time is the 20th field behind it (proc(5)).
  const started = textOf(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]
  return boot === undefined || started === undefined ? '?' : `${boot}/${started}`
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

function inUse(folder: string, who: string): Fault {
  return new Fault(
    'usage',
    `${folder} is in use by ${who}: each process needs a journal of its own (another dataDir, or another worker number)`,
  )
}
