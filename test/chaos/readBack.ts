import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageRoot } from '../../gateway/package.ts'
import { pythonWithClients } from '../services/python.ts'
import type { Snapshot } from './history.ts'

interface Answer {
  readonly partitions?: readonly {
    readonly start: number
    readonly end: number
    readonly records: readonly (readonly [offset: number, uid: number])[]
  }[]
  readonly error?: string
}

/** What committed records a topic holds, by a client that shares no code with the gateway: librdkafka, in a process of its own. */
export class ReadBack {
  readonly #brokers: string
  readonly #child: ChildProcess
  readonly #waiting: ((line: string) => void)[] = []

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers.join(',')
    const program = join(packageRoot, 'test/chaos/read_back.py')
    this.#child = spawn(pythonWithClients(), [program], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.once('exit', () => this.#waiting.splice(0).forEach((tell) => tell('{"error":"the reader ended"}')))
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#waiting.shift()?.(line))
  }

  /** Every partition as it stands now, from its start to its last stable offset. */
  async snapshot(topic: string): Promise<Snapshot[]> {
    const line = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve)
      this.#child.stdin?.write(`${JSON.stringify({ brokers: this.#brokers, topic })}\n`)
    })
    const { partitions, error } = JSON.parse(line) as Answer
    if (partitions === undefined) throw new Error(`${topic} could not be read back: ${error}`)
    return partitions.map(({ start, end, records }) => ({ start, end, records: new Map(records) }))
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}
