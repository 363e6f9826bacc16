import type { FromWorker, ToWorker, WorkerProcess } from '../../gateway/workers/message.ts'

/** A worker's process as the test wants it: it does nothing by itself. */
export class FakeProcess implements WorkerProcess {
  readonly pid = 7
  readonly told: ToWorker[] = []
  killed = false
  say: (message: FromWorker) => void = () => undefined
  end: (clean: boolean, how: string) => void = () => undefined
  /** Called with each message from the supervisor, after it was noted. */
  onTold: (message: ToWorker) => void = () => undefined
  send(message: ToWorker): void {
    this.told.push(message)
    this.onTold(message)
  }
  kill(): void {
    this.killed = true
    this.end(false, 'ended by SIGKILL')
  }
  onMessage(hear: (message: FromWorker) => void): void {
    this.say = hear
  }
  onEnd(hear: (clean: boolean, how: string) => void): void {
    this.end = hear
  }
}
