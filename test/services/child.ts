import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { sleep, systemClock } from '../../gateway/clock.ts'

/** A process of ours that writes into a log file and ends when we end, however we end. */
export interface Child {
  readonly pid: number
  /** How it ended, in words; resolves once. */
  readonly ended: Promise<string>
  running(): boolean
  signal(signal: NodeJS.Signals): void
  /** Sends the signal, after 10 s SIGKILL, and resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** The last lines of its log. */
  tail(lines?: number): string
}

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Receives stdout and stderr. */
  readonly log: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly user?: { readonly uid: number; readonly gid: number }
  /** What the kernel sends the child when this process dies, even by SIGKILL (Linux). */
  readonly orphanSignal?: NodeJS.Signals
}

const STOP_MS_MAX = 10_000
const children = new Set<ChildProcess>()
let endsThem = false

export function startChild(options: ChildOptions): Child {
  if (!endsThem) process.once('exit', killAll)
  endsThem = true
  const log = openSync(options.log, 'a')
  const [command, args] = dyingWithUs(options)
  const { cwd, env, user } = options
  const child = spawn(command, args, { stdio: ['ignore', log, log], ...defined({ cwd, env }), ...user })
  closeSync(log)
  children.add(child)
  return wrap(child, options)
}

function wrap(child: ChildProcess, options: ChildOptions): Child {
  const running = (): boolean => child.exitCode === null && child.signalCode === null && child.pid !== undefined
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`))
  }).finally(() => children.delete(child))
  return {
    pid: child.pid ?? 0,
    ended,
    running,
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      if (!running()) return
      child.kill(signal)
      const timer = systemClock.after(STOP_MS_MAX, () => child.kill('SIGKILL'))
      await ended
      timer.cancel()
    },
    tail: (lines = 30) => tailOf(options.log, lines),
  }
}

/** SIGKILL leaves no time for exit handlers; then the kernel ends our children, where `setpriv` (util-linux) is there to ask it. */
function dyingWithUs(options: ChildOptions): [string, string[]] {
  const setpriv = which('setpriv')
  const command = which(options.command) ?? options.command
  if (!setpriv || process.platform !== 'linux') return [command, [...options.args]]
  const signal = (options.orphanSignal ?? 'SIGKILL').replace('SIG', '')
  return [setpriv, ['--pdeathsig', signal, command, ...options.args]]
}

function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

/** The command's full path, by PATH; null where there is none. A name with a slash stands for itself. */
export function which(command: string): string | null {
  if (command.includes('/')) return existsSync(command) ? command : null
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, command)).find((path) => existsSync(path)) ?? null
}

/** Runs to the end; throws with what it printed where it failed. Returns stdout. */
export function runToEnd(command: string, args: readonly string[], options: RunOptions = {}): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: 300_000,
    ...options,
  })
  if (status === 0) return stdout
  const why = error?.message ?? (signal ? `ended by ${signal}` : `exit code ${status}`)
  throw new Error(`${command} ${args.join(' ')}: ${why}\n${lastLines(`${stdout ?? ''}${stderr ?? ''}`, 30)}`)
}

export interface RunOptions {
  readonly uid?: number
  readonly gid?: number
  readonly env?: NodeJS.ProcessEnv
  readonly timeout?: number
}

/** Asks again every 50 ms until the answer is not null; throws with the log's tail where the process ended or time is up. */
export async function untilReady<T>(
  name: string,
  child: Child,
  msMax: number,
  ask: () => Promise<T | null>,
): Promise<T> {
  const deadline = systemClock.monotonic() + msMax
  while (systemClock.monotonic() < deadline) {
    if (!child.running()) throw new Error(`${name} did not start: ${await child.ended}\n${child.tail()}`)
    const answer = await ask()
    if (answer !== null) return answer
    await sleep(systemClock, 50)
  }
  throw new Error(`${name} was not ready after ${msMax} ms\n${child.tail()}`)
}

function tailOf(file: string, lines: number): string {
  return existsSync(file) ? lastLines(readFileSync(file, 'utf8'), lines) : '(no log)'
}

function lastLines(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
