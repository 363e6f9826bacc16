import { chownSync, mkdirSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { runToEnd, startChild, untilReady, which } from './child.ts'
import { freePorts, removeFolder, scratchFolder } from './scratch.ts'
import type { Service } from './service.ts'

const READY_MS_MAX = 30_000
const DEBIAN = '/usr/lib/postgresql'

/** A disk that forgets is fine here: the data lives as long as the process. */
const FORGETFUL = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200']

/** A real PostgreSQL of our own on 127.0.0.1, user `weir`, no password. Its value is a postgres:// URL. */
export async function startPostgres(): Promise<Service> {
  const folder = scratchFolder('postgres')
  try {
    return await serve(folder, initialise(folder))
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

/** The newest initdb on the PATH or where Debian keeps it (not on the PATH); null where there is none. */
export function postgresFolder(): string | null {
  if (which('initdb')) return join(which('initdb') as string, '..')
  const versions = which(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  return versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => which(join(bin, 'initdb'))) ?? null
}

type User = { readonly uid: number; readonly gid: number }

function program(name: string): string {
  const folder = postgresFolder()
  if (!folder) throw new Error(`${name} is not there: PostgreSQL is needed (Debian: postgresql)`)
  return join(folder, name)
}

function initialise(folder: string): User | undefined {
  const data = join(folder, 'data')
  const user = otherThanRoot()
  mkdirSync(data)
  if (user) chownSync(data, user.uid, user.gid)
  const args = ['-D', data, '-U', 'weir', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8']
  runToEnd(program('initdb'), args, user)
  return user
}

/** PostgreSQL refuses root; Debian's package brings the user `postgres`. */
function otherThanRoot(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(runToEnd('id', [flag, 'postgres']))
  return { uid: id('-u'), gid: id('-g') }
}

async function serve(folder: string, user: User | undefined): Promise<Service> {
  const [port] = (await freePorts(1)) as [number]
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${port}`, ...FORGETFUL]
  const child = startChild({
    command: program('postgres'),
    args: ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
    log: join(folder, 'log.txt'),
    orphanSignal: 'SIGQUIT',
    ...(user && { user }),
  })
  const url = `postgres://weir@127.0.0.1:${port}/postgres`
  const stop = async (): Promise<void> => {
    await child.stop('SIGINT')
    removeFolder(folder)
  }
  try {
    await untilReady('postgres', child, READY_MS_MAX, () => askPostgres(url, 'select 1').catch(() => null))
  } catch (error) {
    await stop()
    throw error
  }
  return { value: url, pids: [child.pid], stop }
}

/**
 * The first row of a query, columns by tab, over PostgreSQL's own protocol, version 3.0. A server that asks for a hashed password
 * is asked through psql.
 */
export async function askPostgres(url: string, query: string): Promise<string> {
  const { hostname, port, username, pathname } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 5432), timeout: 5000 })
  socket.once('timeout', () => socket.destroy(new Error(`PostgreSQL at ${hostname}:${port} does not answer`)))
  socket.write(startup(decodeURIComponent(username), pathname.slice(1)))
  let pending = Buffer.alloc(0)
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk as Buffer])
    for (let message = first(pending); message; message = first(pending)) {
      pending = pending.subarray(message.length + 1)
      const { type, body } = message
      if (type === 'E') throw new Error(`PostgreSQL says ${body.toString().replaceAll('\0', ' ')}`)
      if (type === 'R' && body.readInt32BE(0) !== 0) return viaPsql(url, query)
      if (type === 'Z') socket.write(tagged('Q', `${query}\0`))
      if (type === 'D') return columns(body)
    }
  }
  throw new Error(`PostgreSQL closed the connection without a row for: ${query}`)
}

function viaPsql(url: string, query: string): string {
  return runToEnd('psql', [url, '-At', '-F', '\t', '-c', query]).trim()
}

function startup(user: string, database: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1')
  return Buffer.concat([lengthOf(body), body])
}

function tagged(type: string, text: string): Buffer {
  const body = Buffer.from(text)
  return Buffer.concat([Buffer.from(type), lengthOf(body), body])
}

/** A message's length counts itself. */
function lengthOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return length
}

function first(bytes: Buffer): { type: string; length: number; body: Buffer } | null {
  if (bytes.length < 5 || bytes.length < bytes.readInt32BE(1) + 1) return null
  const length = bytes.readInt32BE(1)
  return { type: String.fromCharCode(bytes[0] as number), length, body: bytes.subarray(5, length + 1) }
}

/** DataRow: a count, then each column as a length and its bytes; -1 is NULL. */
function columns(row: Buffer): string {
  const values: string[] = []
  for (let at = 2; at < row.length;) {
    const length = row.readInt32BE(at)
    const end = at + 4 + Math.max(0, length)
    values.push(row.toString('utf8', at + 4, end))
    at = end
  }
  return values.join('\t')
}
