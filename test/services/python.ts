import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../gateway/package.ts'
import { canInstall, install } from './apt.ts'
import { removeFolder } from './scratch.ts'
import { runToEnd, which } from './child.ts'

const REQUIREMENTS = join(packageRoot, 'test/services/python/requirements.txt')
const CACHE = join(packageRoot, '.cache/python')

/** The path of a Python that has the packages of requirements.txt; made at the first call, in .cache/python. */
export function pythonWithClients(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16)
  const complete = join(CACHE, hash)
  if (!existsSync(complete)) publish(make(hash), complete)
  return join(realpathSync(complete), 'bin/python')
}

/** A virtual environment knows its own path, so it is made where it stays; a link to it says that it is complete. */
function make(hash: string): string {
  const folder = join(CACHE, `${hash}-${randomUUID()}`)
  mkdirSync(CACHE, { recursive: true })
  try {
    runToEnd(systemPython(), ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]
    runToEnd(join(folder, 'bin/python'), pip)
    return folder
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

/** Where another process was first, its link stays and ours goes; a link into a folder that is gone is no link. */
function publish(folder: string, link: string): void {
  if (!existsSync(link)) rmSync(link, { force: true })
  try {
    symlinkSync(folder, link)
  } catch (error) {
    removeFolder(folder)
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Debian's python3 makes virtual environments only with python3-venv. */
function systemPython(): string {
  if (!hasVenv()) {
    if (!canInstall()) throw new Error('python3 with venv is not there (Debian: apt-get install python3-venv)')
    install(['python3-venv'])
  }
  return which('python3') as string
}

function hasVenv(): boolean {
  const python = which('python3')
  if (!python) return false
  try {
    runToEnd(python, ['-c', 'import ensurepip, venv'])
    return true
  } catch {
    return false
  }
}
