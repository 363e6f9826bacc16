import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

/** One connection of a client, whatever it came by. */
export interface Scene {
  send(...frames: readonly object[]): void
  text(text: string): void
  /** The last frame, and the end that belongs to it. */
  closing(code: number, error: string, more?: object): void
  /** Without a word, as a network does. */
  cut(): void
  /** Bytes that the network has not taken. */
  unsent(): number
  /** What the client sent; over lines nothing ever. */
  readonly heard: { readonly type: string; readonly token?: string }[]
  readonly gone: boolean
}

export type Act =
  | ((scene: Scene) => void)
  | { readonly status: number; readonly body?: string; readonly headers?: { readonly [name: string]: string } }

export interface Asked {
  readonly query: URLSearchParams
  readonly token: string | null
}

const CONNECTIONS_MAX = 60

/** A server on loopback that plays one act a connection, over WebSocket and as lines; the last one again for all that follow. */
export class ScriptedGateway {
  url = ''
  readonly asked: Asked[] = []
  readonly scenes: Scene[] = []
  readonly #acts: readonly Act[]
  readonly #sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: () => 'weir.v1',
    perMessageDeflate: false,
  })
  readonly #server = createServer((request, response) => this.#lines(request, response))

  static async play(...acts: readonly Act[]): Promise<ScriptedGateway> {
    const gateway = new ScriptedGateway(acts)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    gateway.url = `http://127.0.0.1:${(gateway.#server.address() as AddressInfo).port}/streams/quakes/events`
    return gateway
  }

  private constructor(acts: readonly Act[]) {
    this.#acts = acts
    this.#server.on('upgrade', (request, socket, head) => {
      const protocols = String(request.headers['sec-websocket-protocol']).split(/, */)
      const bearer = protocols.find((one) => one.startsWith('bearer.'))
      const act = this.#next(request, bearer?.slice('bearer.'.length) ?? null)
      if (typeof act === 'function') {
        return this.#sockets.handleUpgrade(request, socket, head, (session) => this.#begin(act, overSocket(session)))
      }
      const body = act.body ?? ''
      const headers = { ...act.headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
      socket.end(`HTTP/1.1 ${act.status} x\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    })
  }

  /** What the client asked for, by connection. */
  get froms(): (string | null)[] {
    return this.asked.map(({ query }) => query.get('from'))
  }

  get tokens(): (string | null)[] {
    return this.asked.map(({ token }) => token)
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate()
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #next(request: IncomingMessage, token: string | null): Act {
    this.asked.push({ query: new URL(request.url ?? '', 'http://x').searchParams, token })
    // A client that comes back for ever must fail its test, not hang it.
    if (this.asked.length > CONNECTIONS_MAX) return { status: 410 }
    return this.#acts[Math.min(this.asked.length, this.#acts.length) - 1] ?? { status: 410 }
  }

  #begin(act: (scene: Scene) => void, scene: Scene): void {
    this.scenes.push(scene)
    act(scene)
  }

  #lines(request: IncomingMessage, response: ServerResponse): void {
    const act = this.#next(request, request.headers.authorization?.replace('Bearer ', '') ?? null)
    if (typeof act === 'function') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' })
      return this.#begin(act, overLines(response))
    }
    response.writeHead(act.status, { ...act.headers, connection: 'close' }).end(act.body ?? '')
  }
}

function overSocket(session: WebSocket): Scene {
  const heard: { type: string; token?: string }[] = []
  session.on('error', () => undefined)
  session.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as { type: string }))
  const text = (one: string): void => session.send(one)
  return {
    heard,
    text,
    send: (...frames) => frames.forEach((frame) => text(JSON.stringify(frame))),
    closing(code, error, more = {}) {
      text(JSON.stringify({ type: 'closing', code, error, retry: 'x', ...more }))
      session.close(code)
    },
    cut: () => afterwards((done) => session.send('{"type":"later"}', done), session),
    unsent: () => session.bufferedAmount,
    get gone() {
      return session.readyState === session.CLOSED
    },
  }
}

function overLines(response: ServerResponse): Scene {
  response.on('error', () => undefined)
  const text = (one: string): void => void response.write(`${one}\n`)
  return {
    heard: [],
    text,
    send: (...frames) => frames.forEach((frame) => text(JSON.stringify(frame))),
    closing(code, error, more = {}) {
      text(JSON.stringify({ type: 'closing', code, error, retry: 'x', ...more }))
      response.end()
    },
    // In the midst of a line.
    cut: () => afterwards((done) => response.write('{"type":"rec', done), { terminate: () => response.destroy() }),
    unsent: () => response.writableLength,
    get gone() {
      return response.destroyed || response.writableFinished
    },
  }
}

/** What was sent must have gone out before the line is cut. */
function afterwards(write: (done: () => void) => unknown, line: { terminate(): void }): void {
  write(() => line.terminate())
}

export const SUBSCRIBED = { type: 'subscribed', id: '0', view: 1, cursor: 'w1.0', plan: 'free' }

/** Records `first` to `last` of partition 0, each with the cursor behind it. */
export function records(first: number, last: number, more: object = {}): object[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    type: 'record',
    view: 1,
    id: `0-${first + i}`,
    cursor: `w1.${first + i}`,
    data: { n: first + i },
    ...more,
  }))
}
