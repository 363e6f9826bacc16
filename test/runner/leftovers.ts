import { readdirSync, readFileSync } from 'node:fs'

/** A process that outlived the test file that started it. */
export interface Leftover {
  readonly pid: number
  readonly command: string
}

/**
 * Processes that carry `name=value` in the environment they were born with: children of a test file inherit its mark. Linux only;
 * elsewhere nothing is found.
 */
export function leftovers(name: string, value: string): Leftover[] {
  if (process.platform !== 'linux') return []
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
  return pids
    .filter((pid) => read(pid, 'environ').includes(`${name}=${value}`))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline').join(' ') }))
    .filter(({ command }) => command !== '')
}

/** A process may end while it is looked at, or belong to someone else: neither is a leftover. */
function read(pid: string, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0').filter(Boolean)
  } catch {
    return []
  }
}
