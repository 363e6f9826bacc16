import type { Clock } from '../clock.ts'
import { loadConfig, type Config } from '../config.ts'
import type { Environment } from '../config/environment.ts'
import { formatProblem } from '../config/problem.ts'
import type { Product } from '../catalog/plan.ts'
import type { Log } from '../log.ts'

/** What a command may touch of the process; `main.ts` hands over the real one. */
export interface Edge {
  readonly env: Environment
  readonly cwd: string
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** For data. */
  readonly out: Output
  /** For people. */
  readonly err: Output
  /** Aborted when the user or the system wants an end: SIGINT, SIGTERM. */
  readonly stop: AbortSignal
  readonly startGateway: StartGateway
  /** Several processes on one port, two at least. */
  readonly startWorkers: StartWorkers
}

export interface Output {
  /** False where the reader is slower than we are: wait for `drained`. */
  write(text: string): boolean
  drained(): Promise<void>
}

export type StartGateway = (
  config: Config,
  parts: { readonly clock: Clock; readonly log: Log },
) => Promise<RunningGateway>

export type StartWorkers = (
  config: Config,
  count: number,
  parts: { readonly clock: Clock; readonly log: Log },
) => Promise<RunningGateway>

export interface RunningGateway {
  /** Where partners connect, as they see it. */
  readonly url: string
  readonly controlUrl: string
  readonly products: readonly Product[]
  /** Tells clients to leave, waits for them a bounded time, and ends everything. */
  drain(): Promise<void>
}

/** Exit codes that scripts rely on (docs/operate.md); the last is the one of sysexits.h for a fault of the program. */
export const EXIT = { done: 0, refused: 1, usage: 2, unreachable: 3, fault: 70 } as const
export type Exit = (typeof EXIT)[keyof typeof EXIT]

export function say(edge: Pick<Edge, 'err'>, line: string): void {
  edge.err.write(`${line}\n`)
}

/** The configuration, or null once everything that is wrong with it has been said. */
export function configOrComplaints(edge: Edge, file: string | undefined): Config | null {
  const { config, problems } = loadConfig({ file, env: edge.env, cwd: edge.cwd })
  for (const problem of problems) say(edge, `weir: ${formatProblem(problem)}`)
  return config
}

/** Text from elsewhere as it may reach a terminal: control characters could rewrite what is on it. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
