import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { assertBlock, assertProblem } from '../../contract/wire.ts'
import { until } from './until.ts'

/** One block of an event stream, as it stood on the wire. */
export interface Block {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly retry?: string
}

export interface Frame {
  readonly type: string
  readonly [member: string]: unknown
}

export interface SseOptions {
  readonly token?: string
  readonly lastEventId?: string
  readonly headers?: { readonly [name: string]: string }
  /** Called for each block as it comes; the block is then not kept. */
  readonly onBlock?: (block: Block) => void
}

/** A strict reader of server-sent events over a raw HTTP request: knows nothing of Weir, but takes nothing that breaks its contract. */
export class SseClient {
  status = 0
  headers: IncomingHttpHeaders = {}
  ended = false
  body = ''
  readonly blocks: Block[] = []
  readonly #request: ClientRequest
  readonly #onBlock: ((block: Block) => void) | undefined
  readonly #raw: boolean
  #response: IncomingMessage | null = null
  #rest = ''

  constructor(url: string, { token, lastEventId, headers = {}, onBlock }: SseOptions = {}) {
    this.#onBlock = onBlock
    this.#raw = new URL(url).searchParams.get('format') === 'raw'
    const all = {
      Accept: 'text/event-stream',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
      ...headers,
    }
    this.#request = request(url, { headers: all, agent: false }, (response) => this.#answered(response))
    this.#request.on('error', () => (this.ended = true))
    this.#request.on('close', () => (this.ended = true))
    this.#request.end()
  }

  /** Events that carry data, parsed. */
  get frames(): Frame[] {
    return this.blocks.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data) as Frame]))
  }

  get records(): Frame[] {
    return this.frames.filter(({ type }) => type === 'record')
  }

  get lastId(): string {
    return this.blocks.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  frame(type: string): Promise<Frame> {
    return until(`event ${type}`, () => this.frames.find((frame) => frame.type === type))
  }

  answered(): Promise<number> {
    return until('an answer', () => this.status || null)
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  /** Cuts the connection with whatever is in flight. */
  destroy(): void {
    this.#request.destroy()
  }

  #answered(response: IncomingMessage): void {
    this.#response = response
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    response.setEncoding('utf8')
    response.on('error', () => (this.ended = true))
    response.on('end', () => {
      if (response.headers['content-type'] === 'application/problem+json')
        assertProblem(JSON.parse(this.body), this.status)
      this.ended = true
    })
    const isStream = (response.headers['content-type'] ?? '').startsWith('text/event-stream')
    response.on('data', (text: string) => (isStream ? this.#read(text) : (this.body += text)))
  }

  /** HTML Living Standard §9.2.6, for the line break that Weir writes. */
  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const parsed = parseBlock(block)
      if (Object.keys(parsed).length === 0) continue
      assertBlock(parsed, this.#raw)
      if (this.#onBlock) this.#onBlock(parsed)
      else this.blocks.push(parsed)
    }
  }
}

function parseBlock(text: string): Block {
  const block: { [name: string]: string } = {}
  for (const line of text.split('\n')) {
    if (line.startsWith(':') || line === '') continue
    const colon = line.indexOf(':')
    if (colon < 0) throw new Error(`a line that is none of an event stream: ${line.slice(0, 80)}`)
    const name = line.slice(0, colon)
    if (!['id', 'event', 'data', 'retry'].includes(name) || name in block)
      throw new Error(`bad line: ${line.slice(0, 80)}`)
    block[name] = line.slice(colon + 1).replace(/^ /, '')
  }
  return block
}
