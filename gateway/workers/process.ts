import { fork } from 'node:child_process'
import type { Channel, FromWorker, ToWorker, WorkerProcess } from './message.ts'

/** The first argument of a worker's process: no command, since nobody calls it by hand. */
export const WORKER_ARGUMENT = 'worker'

/** Starts `main` as a worker. What it logs goes where our own lines go; on stdout it has nothing to say. */
export function forkWorker(main: string, index: number): WorkerProcess {
  const child = fork(main, [WORKER_ARGUMENT, String(index)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // JSON would make `null` of a number that is none.
    serialization: 'advanced',
  })
  return {
    pid: child.pid ?? 0,
    // Whoever is gone is told by `onEnd`.
    send: (message) => void child.send(message, () => undefined),
    kill: () => void child.kill('SIGKILL'),
    onMessage: (hear) => void child.on('message', (message) => hear(message as FromWorker)),
    onEnd(hear) {
      let ended = false
      const once = (clean: boolean, how: string): void => {
        if (!ended) hear(clean, how)
        ended = true
      }
      child.once('error', (error) => child.pid === undefined && once(false, error.message))
      // Not `exit`, which may overtake the last message.
      child.once('close', (code, signal) => once(code === 0, signal ? `ended by ${signal}` : `exit code ${code}`))
    },
  }
}

/** The pipe to the supervisor; null in a process that has none. */
export function channelToSupervisor(): Channel | null {
  if (process.send === undefined) return null
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (!process.connected || !process.send) return resolve()
        process.send(message, undefined, undefined, () => resolve())
      }),
    onMessage: (hear) => void process.on('message', (message) => hear(message as ToWorker)),
    onClose(hear) {
      process.once('disconnect', hear)
      if (!process.connected) hear()
    },
  }
}
