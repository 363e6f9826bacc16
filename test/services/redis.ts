import { connect } from 'node:net'
import { join } from 'node:path'
import { startChild, untilReady } from './child.ts'
import type { Service } from './service.ts'
import { freePorts, removeFolder, scratchFolder } from './scratch.ts'

const READY_MS_MAX = 20_000

export interface RedisOptions {
  /** redis.conf words that come last, as command line arguments: `['--maxmemory', '64mb']`. */
  readonly args?: readonly string[]
}

/** A real Redis of our own on 127.0.0.1 that keeps nothing on disk. Its value is a redis:// URL. */
export async function startRedis(options: RedisOptions = {}): Promise<Service> {
  const [port] = (await freePorts(1)) as [number]
  const folder = scratchFolder('redis')
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no']
  const log = join(folder, 'log.txt')
  const child = startChild({ command: 'redis-server', args: [...args, ...(options.args ?? [])], log })
  const url = `redis://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    await child.stop('SIGKILL')
    removeFolder(folder)
  }
  try {
    await untilReady('redis-server', child, READY_MS_MAX, () => askRedis(url, 'PING').catch(() => null))
  } catch (error) {
    await stop()
    throw error
  }
  return { value: url, pids: [child.pid], stop }
}

/** One inline command over a socket of its own (RESP2): the first reply, as text. Rejects on an error reply. */
export async function askRedis(url: string, command: string): Promise<string> {
  const { hostname, port, username, password } = new URL(url)
  const login = password ? `AUTH ${decodeURIComponent(username || 'default')} ${decodeURIComponent(password)}\r\n` : ''
  const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 5000 })
  socket.once('timeout', () => socket.destroy(new Error(`Redis at ${hostname}:${port} does not answer`)))
  socket.write(`${login}${command}\r\nQUIT\r\n`)
  let reply = ''
  for await (const chunk of socket) reply += String(chunk)
  const answers = reply.slice(login ? reply.indexOf('\r\n') + 2 : 0)
  if (reply.startsWith('-') || answers.startsWith('-')) throw new Error(`Redis says ${reply.trim()}`)
  return answers.replace(/\+OK\r\n$/, '').trim()
}
