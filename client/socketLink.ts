import { endingOfHttp, lost, type Ending } from './ending.ts'
import type { Connect, Link, LinkOptions } from './link.ts'

/** What we need of a WebSocket: a browser's has it, and so has that of the package `ws`, with more. */
export interface Socket {
  readonly readyState: number
  onopen: unknown
  onmessage: unknown
  onclose: unknown
  onerror: unknown
  send(text: string): void
  close(code?: number): void
  /** Those that can hold up the network, as a browser's cannot. */
  pause?(): void
  resume?(): void
  terminate?(): void
  /** Node's own way, by which `ws` tells of what browsers hide. */
  on?(event: string, listener: (...args: never[]) => void): unknown
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket

/** Node's answer to a handshake, as `ws` hands it over. */
interface HttpAnswer extends AsyncIterable<unknown> {
  readonly statusCode?: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
}

const OPEN = 1
const CLOSED = 3
const GOODBYE_MS_MAX = 1_000
const PROBLEM_CHARS_MAX = 64 * 1024

/** Frames over WebSocket. The token goes into the subprotocol, the one place where browsers may put it. */
export function connectBySocket(WebSocket: SocketConstructor): Connect {
  return (options) => new SocketLink(WebSocket, options)
}

class SocketLink implements Link {
  readonly #socket: Socket
  readonly #options: LinkOptions
  #opened = false
  #over = false
  #isPaused = false
  #failure = 'the connection was lost'

  constructor(WebSocket: SocketConstructor, options: LinkOptions) {
    this.#options = options
    const url = new URL(options.url)
    url.protocol = url.protocol.replace('http', 'ws')
    const token = options.token === null ? [] : [`bearer.${options.token}`]
    this.#socket = new WebSocket(url.href, ['weir.v1', ...token])
    this.#listen()
  }

  pause(): boolean {
    if (!this.#socket.pause || this.#socket.readyState !== OPEN) return false
    this.#socket.pause()
    this.#isPaused = true
    return true
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume?.()
  }

  send(text: string): boolean {
    if (this.#over || this.#socket.readyState !== OPEN) return false
    this.#socket.send(text)
    return true
  }

  close(): void {
    this.#over = true
    const socket = this.#socket
    if (socket.readyState === CLOSED) return
    // Behind what was held up no answer to a goodbye would be seen.
    if (this.#isPaused && socket.terminate) return socket.terminate()
    socket.close(1000)
    if (!socket.terminate) return
    const deadline = this.#options.clock.after(GOODBYE_MS_MAX, () => socket.terminate?.())
    socket.onclose = () => deadline.cancel()
  }

  #listen(): void {
    const socket = this.#socket
    const { onText, onOpen, onSign } = this.#options
    socket.onopen = () => {
      this.#opened = true
      if (!this.#over) onOpen()
    }
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (!this.#over && typeof data === 'string') onText(data)
    }
    socket.onerror = (event: { readonly error?: unknown }) => {
      this.#failure = reasonOf(event.error) ?? this.#failure
    }
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      this.#end(lost(reason || this.#failure, this.#opened, this.#opened ? code : 1006))
    }
    for (const sign of ['ping', 'pong']) socket.on?.(sign, onSign)
    socket.on?.('unexpected-response', (_request: never, answer: HttpAnswer) => void this.#refused(answer))
  }

  async #refused(answer: HttpAnswer): Promise<void> {
    const status = answer.statusCode ?? 0
    const [body, retryAfter] = [await bodyOf(answer), answer.headers['retry-after']]
    const otherwise = `HTTP ${status}${status < 300 ? ': no WebSocket is spoken there' : ''}`
    const refused = { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : null, body, otherwise }
    this.#end(endingOfHttp(refused, this.#options.clock.now()))
  }

  #end(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#options.onEnd(ending)
  }
}

async function bodyOf(answer: HttpAnswer): Promise<string> {
  let text = ''
  try {
    for await (const chunk of answer) {
      text += String(chunk)
      if (text.length > PROBLEM_CHARS_MAX) break
    }
  } catch {
    // It hung up: what came by then is all there is.
  }
  return text
}

/** Null where the error has no words, as a browser's. */
function reasonOf(error: unknown): string | null {
  // Several addresses were tried: the error itself has no words, its parts have.
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  return inner instanceof Error ? inner.message || inner.name : null
}
