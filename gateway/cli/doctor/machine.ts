import type { Config } from '../../config.ts'
import { formatBytes } from '../../config/units.ts'
import type { System } from './examination.ts'
import type { Facts } from './facts.ts'
import { fail, ok, warn, type Verdict } from './verdict.ts'

/** Lines of Node that the network library has a binary for. */
interface Line {
  readonly minor: number
  /** Oldest C library that the binary loads with. */
  readonly glibc: string
  /** Last day with security fixes, as Node's release schedule has it. */
  readonly until: string
}

const LINES: ReadonlyMap<number, Line> = new Map([
  [20, { minor: 19, glibc: '2.27', until: '2026-04-30' }],
  [22, { minor: 0, glibc: '2.38', until: '2027-04-30' }],
  [24, { minor: 0, glibc: '2.38', until: '2028-04-30' }],
])

/** Files, and connections to other systems, beside those of partners. */
const FILES_RESERVED = 256
/** Of the process's memory, for the newest records; the rest is for connections and the program. */
const LOG_MEMORY_SHARE_MAX = 0.5

export async function examineMachine(system: System, facts: Facts, now: number): Promise<void> {
  await system.check('node', async () => nodeVerdict(facts, now))
  await system.check('c-library', async () => libraryVerdict(facts))
  await system.check('network-library', () => networkVerdict(facts))
}

export async function examineLimits(system: System, { limits }: Config, facts: Facts): Promise<void> {
  await system.check('open-files', async () => filesVerdict(limits, facts))
  await system.check('memory', async () => memoryVerdict(limits, facts))
}

function nodeVerdict({ node }: Facts, now: number): Verdict {
  const [major, minor] = numbersOf(node)
  const line = LINES.get(major)
  if (line === undefined || minor < line.minor) {
    return fail(`Node ${node} is not supported`, 'run Node 24, 22, or 20.19 or newer')
  }
  if (new Date(now).toISOString().slice(0, 10) <= line.until) return ok(`Node ${node}`)
  return warn(
    `Node ${node} has had no security fixes since ${line.until}`,
    'go to Node 24, on Debian 13, Ubuntu 24.04 or newer',
  )
}

function libraryVerdict({ platform, node, glibc }: Facts): Verdict {
  const [major] = numbersOf(node)
  const line = LINES.get(major)
  const needed = line?.glibc ?? '2.38'
  if (platform !== 'linux') return ok(`${platform} has a C library of its own`)
  const fix =
    needed === '2.38'
      ? 'use Debian 13, Ubuntu 24.04 or newer, or Node 20 on this system'
      : 'use Debian 12, Ubuntu 22.04 or newer'
  if (glibc === null) return fail('there is no glibc here, as on Alpine Linux; the network library needs it', fix)
  if (line !== undefined && older(glibc, needed))
    return fail(`glibc ${glibc} is too old: the network library for Node ${major} needs ${needed}`, fix)
  return ok(`glibc ${glibc}`)
}

async function networkVerdict({ loadNetwork, platform, arch }: Facts): Promise<Verdict> {
  try {
    await loadNetwork()
    return ok('the network library loads')
  } catch (error) {
    return fail(
      `the network library does not load on ${platform}-${arch}: ${firstLineOf(error)}`,
      'mend Node and glibc as told above, and run npm ci on this very system',
    )
  }
}

/** What a loader says; the lines below name every place where it looked. */
export function firstLineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}

function filesVerdict({ connectionsMax }: Config['limits'], { openFilesMax }: Facts): Verdict {
  if (openFilesMax === null) return ok('any number of files may be open')
  const room = Math.max(0, openFilesMax - FILES_RESERVED)
  if (room >= connectionsMax) return ok(`${openFilesMax} files may be open, for ${connectionsMax} connections`)
  return warn(
    `${openFilesMax} files may be open: room for ${room} connections, and limits.connectionsMax is ${connectionsMax}`,
    `raise it (ulimit -n ${connectionsMax + FILES_RESERVED}, LimitNOFILE= in systemd), or lower limits.connectionsMax (WEIR_LIMITS_CONNECTIONSMAX)`,
  )
}

function memoryVerdict({ logMemoryBytesMax }: Config['limits'], { memoryBytes }: Facts): Verdict {
  const log = formatBytes(logMemoryBytesMax)
  const all = `${Math.round(memoryBytes / 2 ** 20)}MiB`
  if (logMemoryBytesMax <= memoryBytes * LOG_MEMORY_SHARE_MAX) return ok(`${all} of memory, ${log} of it for records`)
  return warn(
    `limits.logMemoryBytesMax is ${log}, and this process may have ${all} in all`,
    'give it more memory, or lower limits.logMemoryBytesMax (WEIR_LIMITS_LOGMEMORYBYTESMAX) to half of it',
  )
}

function older(version: string, than: string): boolean {
  const [[a, b], [c, d]] = [numbersOf(version), numbersOf(than)]
  return a < c || (a === c && b < d)
}

function numbersOf(version: string): readonly [number, number] {
  const [first, second] = version.split('.').map(Number)
  return [first ?? 0, second ?? 0]
}
