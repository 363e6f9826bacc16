import { fork, type ChildProcess } from 'node:child_process'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { until } from './until.ts'

/**
 * Many subscribers in a process of their own, so that counting them costs the gateway nothing. Each checks of every record
 * that it is the next one of its partition: a hole, a second copy or another order is a fault.
 */
export interface Tally {
  readonly connected: number
  readonly records: number
  /** Of the client that has fewest. */
  readonly fewest: number
  readonly faults: readonly string[]
}

export interface CrowdOptions {
  readonly url: string
  readonly token: string
  readonly webSockets: number
  readonly eventStreams: number
}

export class Crowd {
  #tally: Tally = { connected: 0, records: 0, fewest: 0, faults: [] }
  readonly #child: ChildProcess

  constructor(options: CrowdOptions) {
    this.#child = fork(fileURLToPath(import.meta.url), [CHILD, JSON.stringify(options)])
    this.#child.on('message', (tally) => (this.#tally = tally as Tally))
  }

  get tally(): Tally {
    return this.#tally
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    await until('the crowd to be gone', () => this.#child.exitCode !== null || this.#child.signalCode !== null || null)
  }
}

const CHILD = 'crowd'
const REPORT_MS = 100
const FAULTS_MAX = 10

/** One subscriber's place in each partition. */
class Checker {
  records = 0
  readonly #next: number[] = []
  readonly #faults: string[]

  constructor(faults: string[]) {
    this.#faults = faults
  }

  /** The head of a record as it stands on the wire: its id is looked at, the rest is not parsed. */
  see(head: string): void {
    const id = /"id":"(\d+)-(\d+)"/.exec(head)
    if (!id) return this.#fault(`no id in ${head}`)
    const partition = Number(id[1])
    const expected = this.#next[partition] ?? 0
    if (Number(id[2]) !== expected) this.#fault(`partition ${partition}: ${id[2]} where ${expected} was next`)
    this.#next[partition] = Number(id[2]) + 1
    this.records++
  }

  #fault(what: string): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(what)
  }
}

const RECORD = '{"type":"record"'
const HEAD_CHARS = 120

function main({ url, token, webSockets, eventStreams }: CrowdOptions): void {
  const faults: string[] = []
  const checkers: Checker[] = []
  const state = { connected: 0 }
  const checker = (): Checker => {
    const made = new Checker(faults)
    checkers.push(made)
    return made
  }
  for (let i = 0; i < webSockets; i++) openWebSocket(url, token, checker(), state, faults)
  for (let i = 0; i < eventStreams; i++) openEventStream(url, token, checker(), state, faults)
  setInterval(() => {
    const counts = checkers.map(({ records }) => records)
    const records = counts.reduce((sum, one) => sum + one, 0)
    process.send?.({ connected: state.connected, records, fewest: Math.min(...counts), faults } satisfies Tally)
  }, REPORT_MS)
}

function openWebSocket(
  url: string,
  token: string,
  checker: Checker,
  state: { connected: number },
  faults: string[],
): void {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'weir.v1', {
    headers: { Authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    skipUTF8Validation: true,
  })
  socket.on('error', (error) => faults.push(error.message))
  socket.on('close', (code) => faults.push(`closed with ${code}`))
  socket.on('message', (data: Buffer) => {
    const head = data.toString('latin1', 0, HEAD_CHARS)
    if (head.startsWith(RECORD)) checker.see(head)
    else if (head.startsWith('{"type":"subscribed"')) state.connected++
  })
}

function openEventStream(
  url: string,
  token: string,
  checker: Checker,
  state: { connected: number },
  faults: string[],
): void {
  const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${token}` }
  const sent = request(url, { headers, agent: false }, (response) => {
    if (response.statusCode !== 200) faults.push(`HTTP ${response.statusCode}`)
    let rest: Buffer = Buffer.alloc(0)
    let begun = false
    response.on('data', (chunk: Buffer) => {
      rest = eachBlock(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, (block) => {
        const data = block.indexOf('data: ')
        const named = block.subarray(0, Math.max(0, data)).includes('event: ')
        if (named) return
        if (data >= 0) checker.see(block.toString('latin1', data, data + HEAD_CHARS))
        else if (!begun) {
          begun = true
          state.connected++
        }
      })
    })
    response.on('end', () => faults.push('event stream ended'))
  })
  sent.on('error', (error) => faults.push(error.message))
  sent.end()
}

const BLOCK_END = Buffer.from('\n\n')

/** Answers what comes after the last whole block. */
function eachBlock(bytes: Buffer, take: (block: Buffer) => void): Buffer {
  let at = 0
  for (let end = bytes.indexOf(BLOCK_END, at); end >= 0; end = bytes.indexOf(BLOCK_END, at)) {
    take(bytes.subarray(at, end))
    at = end + BLOCK_END.length
  }
  return bytes.subarray(at)
}

if (process.argv[2] === CHILD) main(JSON.parse(process.argv[3] as string) as CrowdOptions)
