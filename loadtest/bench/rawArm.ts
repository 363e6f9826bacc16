import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Arm, Stage } from './arm.ts'
import { COLLECTS } from './collect.ts'
import type { RawCommand, RawOptions } from './rawServer.ts'
import { rawRequests } from './request.ts'
import type { RawArm } from './shape.ts'

export async function startRawArm(name: RawArm, { shape, brokers, topics, feed }: Stage): Promise<Arm> {
  const arm = name.slice(0, 2) as RawOptions['arm']
  const options: RawOptions = { arm, shape, brokers, topics }
  const child = fork(new URL('./rawServer.js', import.meta.url), [JSON.stringify(options)], { execArgv: [...COLLECTS] })
  const { port } = await heard<{ port: number }>(child)
  const own = ownFeed(child)
  const sends = arm === 'B1' ? feed : own
  return {
    name,
    pids: [child.pid as number],
    port,
    requests: (of) => rawRequests(of),
    start: (burstsPerSecond) => sends.start(burstsPerSecond),
    stop: () => sends.stop(),
    end: () => endChild(child),
    gateway: null,
  }
}

/** A server that makes its records itself. */
function ownFeed(child: ChildProcess): Pick<Arm, 'start' | 'stop'> {
  const tell = (command: RawCommand): boolean => child.send(command)
  let before = 0
  return {
    start: (burstsPerSecond) => void tell({ burstsPerSecond }),
    async stop() {
      tell('stop')
      const { sent } = await heard<{ sent: number }>(child)
      const since = sent - before
      before = sent
      return since
    },
  }
}

/** What a process says next; rejects where it ends instead. */
export function heard<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (!child.connected) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}
