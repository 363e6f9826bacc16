import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../gateway/clock.ts'
import { type Child, startChild } from '../services/child.ts'
import { leftovers } from './leftovers.ts'
import { type Failure, type Outcome, outcomeOf, unfinished } from './outcome.ts'
import type { Told } from './reporter.ts'

export interface FileOutcome extends Outcome {
  readonly path: string
  readonly ms: number
  /** What the file printed, for people; shown where it failed. */
  readonly printed: string
}

export interface FileRun {
  /** As it is shown. */
  readonly path: string
  /** The JavaScript that node runs. */
  readonly built: string
  readonly env: NodeJS.ProcessEnv
  /** For the log and the events of this run. */
  readonly folder: string
  readonly msMax: number
  readonly signal?: AbortSignal
}

const PRINTED_LINES_MAX = 60
const MARK = 'WEIR_TEST_FILE'
const REPORTER = `data:text/javascript,export { reporter as default } from ${JSON.stringify(new URL('./reporter.js', import.meta.url).href)}`

/** Runs one test file in a process of its own and says what became of it. Never rejects for what the file does. */
export async function runFile(run: FileRun): Promise<FileOutcome> {
  const id = randomUUID()
  const events = join(run.folder, `${id}.ndjson`)
  const began = systemClock.monotonic()
  const child = start(run, id, events)
  const end = await ending(child, run)
  const told = readTold(events)
  const outcome = outcomeOf(told)
  const failures = [...outcome.failures, ...wholeFile(outcome, end, told), ...orphans(id)]
  const ms = systemClock.monotonic() - began
  return { ...outcome, failures, path: run.path, ms, printed: child.tail(PRINTED_LINES_MAX) }
}

function start({ built, env, folder }: FileRun, id: string, events: string): Child {
  const reporter = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${events}`]
  return startChild({
    command: process.execPath,
    args: ['--enable-source-maps', ...reporter, built],
    log: join(folder, `${id}.log`),
    env: { ...env, [MARK]: id },
  })
}

interface Ending {
  readonly how: string
  readonly cut?: string
}

/** Waits for the process, at most `msMax` and until the signal. */
async function ending(child: Child, { msMax, signal }: FileRun): Promise<Ending> {
  let cut: string | undefined
  const end = (why: string) => (): void => {
    cut = why
    child.signal('SIGKILL')
  }
  const timer = systemClock.after(msMax, end(`not done after ${msMax / 1000} s`))
  const abort = end('the run was ended')
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const how = await child.ended
  timer.cancel()
  signal?.removeEventListener('abort', abort)
  return cut === undefined ? { how } : { how, cut }
}

function readTold(file: string): Told[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Told)
}

/** What no single test stands for. */
function wholeFile(outcome: Outcome, { how, cut }: Ending, told: readonly Told[]): Failure[] {
  const errors: string[] = []
  if (cut) errors.push(`${cut}; ${whatHung(told)}`)
  else if (how !== 'exit code 0' && outcome.failures.length === 0) errors.push(`the process ended with ${how}`)
  else if (outcome.passed + outcome.failures.length === 0) errors.push('not one test ran')
  else if (outcome.suites.length !== 1)
    errors.push(`a test file has one top-level describe, not ${outcome.suites.length}`)
  return errors.map((error) => ({ names: [], error }))
}

function whatHung(told: readonly Told[]): string {
  const open = unfinished(told)
  return open.length > 0 ? `unfinished: ${open.join(' › ')}` : 'all tests had ended, something was left open'
}

/** Whatever a test file started ends with it; what does not is ended here and held against it. */
function orphans(id: string): Failure[] {
  return leftovers(MARK, id).map(({ pid, command }) => {
    process.kill(pid, 'SIGKILL')
    return { names: [], error: `it left a process running: ${pid} ${command.slice(0, 200)}` }
  })
}
