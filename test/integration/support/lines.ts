import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { createInterface, type Interface } from 'node:readline'
import { assertFrame, assertProblem } from '../../contract/wire.ts'
import type { Frame } from './sse.ts'
import { until } from './until.ts'

export interface LinesOptions {
  readonly token?: string
  readonly headers?: { readonly [name: string]: string }
  /** Called for each line as it comes; the line is then not kept. */
  readonly onLine?: (line: string) => void
}

/** A reader of NDJSON over Node's own HTTP and readline that hands every line, whatever is in it, to `JSON.parse`, and takes nothing that breaks the contract. */
export class LinesClient {
  status = 0
  headers: IncomingHttpHeaders = {}
  ended = false
  body = ''
  readonly lines: string[] = []
  readonly frames: Frame[] = []
  readonly #request: ClientRequest
  readonly #onLine: ((line: string) => void) | undefined
  #reader: Interface | null = null

  constructor(url: string, { token, headers = {}, onLine }: LinesOptions = {}) {
    this.#onLine = onLine
    const all = {
      Accept: 'application/x-ndjson',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...headers,
    }
    this.#request = request(url, { headers: all, agent: false }, (response) => this.#answered(response))
    this.#request.on('error', () => (this.ended = true))
    this.#request.on('close', () => (this.ended = true))
    this.#request.end()
  }

  get records(): Frame[] {
    return this.frames.filter(({ type }) => type === 'record')
  }

  frame(type: string): Promise<Frame> {
    return until(
      () => `a line ${type} among ${this.frames.map((frame) => frame.type).join(' ')}`,
      () => this.frames.find((frame) => frame.type === type),
    )
  }

  answered(): Promise<number> {
    return until('an answer', () => (this.status !== 0 && (this.#reader !== null || this.ended) ? this.status : null))
  }

  pause(): void {
    this.#reader?.pause()
  }

  resume(): void {
    this.#reader?.resume()
  }

  /** Cuts the connection with whatever is in flight. */
  destroy(): void {
    this.#request.destroy()
  }

  #answered(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    response.on('error', () => (this.ended = true))
    response.on('end', () => {
      if (response.headers['content-type'] === 'application/problem+json')
        assertProblem(JSON.parse(this.body), this.status)
      this.ended = true
    })
    if (!(response.headers['content-type'] ?? '').startsWith('application/x-ndjson')) {
      response.setEncoding('utf8').on('data', (text: string) => (this.body += text))
      return
    }
    this.#reader = createInterface({ input: response, crlfDelay: Infinity })
    // It passes on the errors of what it reads.
    this.#reader.on('error', () => (this.ended = true))
    this.#reader.on('line', (line) => {
      const frame = JSON.parse(line) as Frame
      assertFrame('ndjson', frame)
      if (this.#onLine) return this.#onLine(line)
      this.lines.push(line)
      this.frames.push(frame)
    })
  }
}
