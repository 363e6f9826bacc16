import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { assertFrame, assertProblem } from '../../contract/wire.ts'
import type { Frame } from './sse.ts'
import { until } from './until.ts'

export interface WsOptions {
  readonly token?: string
  /** As a browser sends it: in the subprotocol. */
  readonly browserToken?: string
  readonly protocols?: readonly string[]
  readonly headers?: { readonly [name: string]: string }
  /** Called for each frame as it comes; the frame is then not kept. */
  readonly onText?: (text: string) => void
}

const OPENING_BRACE = 0x7b

/** A client of the npm package `ws` that writes down all that happens, and takes nothing that breaks the contract. */
export class WsClient {
  readonly socket: WebSocket
  readonly frames: Frame[] = []
  /** Of binary messages. */
  readonly payloads: Buffer[] = []
  /** Of a handshake that was refused. */
  status = 0
  refusal: { readonly headers: IncomingMessage['headers']; body: string } | null = null
  opened = false
  closed: { readonly code: number; readonly reason: string } | null = null

  constructor(url: string, { token, browserToken, protocols, headers = {}, onText }: WsOptions = {}) {
    const offered = protocols ?? ['weir.v1', ...(browserToken === undefined ? [] : [`bearer.${browserToken}`])]
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), [...offered], {
      headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
      perMessageDeflate: false,
    })
    this.socket.on('open', () => (this.opened = true))
    this.socket.on('error', () => undefined)
    this.socket.on('unexpected-response', (_, response) => this.#refused(response))
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }))
    this.socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.payloads.push(data)
      // A raw payload need be no JSON.
      if (isBinary && data[0] !== OPENING_BRACE) return
      const text = data.toString('utf8')
      const frame = JSON.parse(text) as Frame
      if (!isBinary) assertFrame('websocket', frame, this.socket.protocol)
      if (onText) onText(text)
      else this.frames.push(frame)
    })
  }

  get records(): Frame[] {
    return this.frames.filter(({ type }) => type === 'record')
  }

  types(): string[] {
    return this.frames.map(({ type }) => type)
  }

  /** The first frame of a type, from place `from` on. */
  frame(type: string, from = 0): Promise<Frame> {
    return until(
      () => `frame ${type} among ${JSON.stringify(this.frames).slice(0, 2000)}, closed ${JSON.stringify(this.closed)}`,
      () => this.frames.slice(from).find((frame) => frame.type === type),
    )
  }

  ended(): Promise<{ readonly code: number; readonly reason: string }> {
    return until(
      () => `the close after ${this.types().join(' ')}`,
      () => this.closed,
    )
  }

  open(): Promise<true> {
    return until('the handshake', () => this.opened || null)
  }

  refused(): Promise<{ readonly headers: IncomingMessage['headers']; body: string }> {
    return until('a refusal', () => (this.refusal?.body ? this.refusal : null))
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** Cuts the connection with whatever is in flight. */
  destroy(): void {
    this.socket.terminate()
  }

  #refused(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0
    const refusal = { headers: response.headers, body: '' }
    let body = ''
    response.on('data', (chunk: Buffer) => (body += chunk.toString()))
    response.on('end', () => {
      if (response.headers['content-type'] === 'application/problem+json')
        assertProblem(JSON.parse(body), response.statusCode ?? 0)
      this.refusal = { ...refusal, body: body || ' ' }
    })
  }
}
