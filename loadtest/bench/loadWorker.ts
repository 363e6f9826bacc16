import { connect, type Socket } from 'node:net'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { parentPort } from 'node:worker_threads'
import { nowMicros } from './payload.ts'
import { RecordCounter, RecordReader } from './scan.ts'

/** What a worker opens: plain sockets, of which every `readEvery`-th is read (0: none) and the others are only counted. */
export interface Opening {
  readonly port: number
  /** `Host` is the loopback address of the connection: ports of one address run out. */
  readonly requests: readonly Request[]
  readonly readEvery: number
  /** Handshakes at a time. */
  readonly atOnceMax: number
}

export interface Request {
  readonly head: string
  /** What is sent once it is open. */
  readonly greeting: readonly string[]
  /** It is ready once this was seen so many times. */
  readonly sign: string
  readonly signs: number
  /** A WebSocket. */
  readonly isSocket: boolean
  /** It reads nothing once it is ready. */
  readonly stalls: boolean
}

export type LoadCommand = { readonly open: Opening } | 'count' | 'latency' | 'close'
export interface LoadCounts {
  readonly ready: number
  /** When the last one became ready, in microseconds of `nowMicros`. */
  readonly readyMicros: number
  readonly records: number
  readonly faults: number
  readonly closed: number
}

const CHUNK_BYTES = 256 * 1024
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
/** Each second some of the clients give theirs. */
const LIVE_EVERY_S = 20

class Client {
  ready = false
  closed = false
  readonly counter = new RecordCounter()
  readonly reader: RecordReader | null
  readonly #request: Request
  readonly #socket: Socket
  #head = ''

  constructor(request: Request, port: number, host: string, latency: RecordableHistogram | null, onReady: () => void) {
    this.#request = request
    this.reader = latency === null ? null : new RecordReader(latency)
    const onread = {
      buffer: shared,
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        this.#see(Buffer.from(buffer.buffer, buffer.byteOffset, bytes), onReady)
        return !(this.ready && request.stalls)
      },
    }
    this.#socket = connect({ port, host, onread, noDelay: true })
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => (this.closed = true))
    this.#socket.write(request.head)
  }

  end(): void {
    this.#socket.destroy()
  }

  /** A sign of life that nobody asked for (RFC 6455 §5.5.3): pings are not looked for in what comes, and a server closes who is silent. */
  live(): void {
    if (this.ready && !this.closed && this.#request.isSocket) this.#socket.write(PONG)
  }

  #see(chunk: Buffer, onReady: () => void): void {
    this.counter.see(chunk)
    this.reader?.see(chunk)
    if (this.ready) return
    const { sign, signs, greeting } = this.#request
    if (this.#head === '') for (const frame of greeting) this.#socket.write(masked(frame))
    this.#head += chunk.toString('latin1')
    if (this.#head.split(sign).length <= signs) return
    this.ready = true
    this.#head = ''
    onReady()
  }
}

/** Read into by all sockets of this thread, one after the other. */
const shared = Buffer.allocUnsafeSlow(CHUNK_BYTES)

/** A client's text frame (RFC 6455 §5.2); a mask of zeros leaves the text as it is. */
function masked(text: string): Buffer {
  const payload = Buffer.from(text)
  const head = Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0])
  return Buffer.concat([head, payload])
}

let clients: Client[] = []
let latency = createHistogram()
let readyMicros = 0

function open({ port, requests, readEvery, atOnceMax }: Opening): void {
  let next = 0
  const more = (): void => {
    const request = requests[next]
    if (request === undefined) return
    const host = `127.0.0.${1 + Math.floor(next / 10_000)}`
    const reads = readEvery > 0 && next % readEvery === 0 && !request.stalls
    clients.push(new Client(request, port, host, reads ? latency : null, onReady))
    next++
  }
  const onReady = (): void => {
    readyMicros = nowMicros()
    more()
  }
  for (let i = 0; i < Math.min(atOnceMax, requests.length); i++) more()
}

function counts(): LoadCounts {
  const sum = (of: (client: Client) => number): number => clients.reduce((all, one) => all + of(one), 0)
  return {
    ready: sum(({ ready }) => Number(ready)),
    readyMicros,
    records: sum(({ counter }) => counter.records),
    faults: sum(({ reader }) => reader?.faults ?? 0),
    closed: sum(({ closed }) => Number(closed)),
  }
}

let second = 0
setInterval(() => {
  second++
  for (const [at, client] of clients.entries()) if ((at + second) % LIVE_EVERY_S === 0) client.live()
}, 1000)

parentPort?.on('message', (command: LoadCommand) => {
  if (command === 'count') return parentPort?.postMessage(counts())
  if (command === 'latency') {
    // What is posted shares its counts with what is kept.
    const since = createHistogram()
    if (latency.count > 0) since.add(latency)
    latency.reset()
    return parentPort?.postMessage(since)
  }
  if (command !== 'close') return open(command.open)
  for (const client of clients) client.end()
  clients = []
  latency = createHistogram()
  parentPort?.postMessage(null)
})
