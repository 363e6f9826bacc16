#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { systemClock } from './clock.ts'
import { complain, run } from './cli/cli.ts'
import type { Edge, Output, RunningGateway } from './cli/edge.ts'
import { explainLoadFailure } from './cli/loadFailure.ts'
import type { Channel, WorkerProcess } from './workers/message.ts'
import { channelToSupervisor, forkWorker, WORKER_ARGUMENT } from './workers/process.ts'
import { work } from './workers/worker.ts'

/** The edge of the process: arguments, environment, signals, streams and exit codes. Everything else takes them as arguments. */

const HEADER_BYTES_MAX = 16 * 1024
const stop = new AbortController()

const edge: Edge = {
  env: process.env,
  cwd: process.cwd(),
  clock: systemClock,
  random: Math.random,
  out: outputOf(process.stdout),
  err: outputOf(process.stderr),
  stop: stop.signal,
  startGateway: async (config, parts): Promise<RunningGateway> => (await loadGateway()).startGateway(config, parts),
  startWorkers: async (config, count, parts): Promise<RunningGateway> => {
    const { superviseWorkers } = await import('./workers/supervisor.ts')
    return superviseWorkers(config, count, { ...parts, fork: forkOne })
  },
}

/** Loaded only to serve: the other commands need neither the network binary nor its memory. */
function loadGateway() {
  // Read once, when the binary is loaded: its own 4 KB would refuse large tokens, depending on how TCP splits them.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(HEADER_BYTES_MAX)
  return import('./gateway.ts').catch(explainLoadFailure)
}

/** Where a second signal ends this process at once, its workers end with it; after a fault of ours they see it gone, and drain. */
function forkOne(index: number): WorkerProcess {
  const worker = forkWorker(fileURLToPath(import.meta.url), index)
  const endToo = (): void => {
    if (stop.signal.aborted) worker.kill()
  }
  process.on('exit', endToo)
  worker.onEnd(() => process.off('exit', endToo))
  return worker
}

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(128 + number)
    stop.abort(new Error(signal))
  })
}

// Who reads no further (`weir tail … | head`) has what he wanted; without anyone on stderr there is nobody to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? process.exit(0) : fail(error)))
process.stderr.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? undefined : process.exit(70)))

// After a fault that nobody caught the state is anybody's guess: better a restart than a wrong stream.
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const supervisor = process.argv[2] === WORKER_ARGUMENT ? channelToSupervisor() : null
process.exitCode = supervisor ? await beWorker(supervisor) : await run(process.argv.slice(2), edge)
// A lingering socket or thread must not keep a finished command; what is written is flushed first.
process.stdout.write('', () => process.exit())

/** Loads while the supervisor has other things to do; a failure is told once it gives its order. */
function beWorker(channel: Channel): Promise<0 | 1> {
  const loading = loadGateway()
  loading.catch(() => undefined)
  return work(channel, async (...order) => (await loading).startWorker(...order), systemClock, stop.signal)
}

function fail(error: unknown): never {
  process.exit(complain(edge, error))
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let draining: Promise<void> | null = null
  // One listener, however many wait for it.
  const once = (): Promise<void> =>
    new Promise((resolve) =>
      stream.once('drain', () => {
        draining = null
        resolve()
      }),
    )
  return {
    write: (text) => stream.write(text),
    drained: () => (stream.writableNeedDrain ? (draining ??= once()) : Promise.resolve()),
  }
}
