import { request } from 'node:http'
import { createParser } from 'eventsource-parser'
import { WebSocket } from 'ws'

/** One thing that came, told from its neighbours by a parser that knows nothing of the gateway. */
export interface Came {
  readonly text: string
  /** The name of a server-sent event. */
  readonly event?: string
  /** Of a WebSocket message. */
  readonly binary?: boolean
  readonly bytes: Buffer
}

export type Format = 'record' | 'cloudevents' | 'raw'

/** Whoever listens in one format over one transport. */
export interface FramedReader {
  readonly name: string
  readonly format: Format
  readonly came: Came[]
  destroy(): void
}

export function readWebSocket(url: string, token: string, format: Format): FramedReader {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}?format=${format}`, {
    headers: { Authorization: `Bearer ${token}` },
    maxPayload: 8 << 20,
  })
  const came: Came[] = []
  socket.on('error', () => undefined)
  socket.on('message', (data: Buffer, binary: boolean) =>
    came.push({ text: data.toString('utf8'), bytes: Buffer.from(data), binary }),
  )
  return { name: `WebSocket, ${format}`, format, came, destroy: () => socket.terminate() }
}

/** By `eventsource-parser`, from chunks as the network cut them. */
export function readEvents(url: string, token: string, format: Format): FramedReader {
  const came: Came[] = []
  const parser = createParser({
    onEvent: ({ event, data }) =>
      came.push({ text: data, bytes: Buffer.from(data), ...(event !== undefined && { event }) }),
    onError: (error) => came.push({ text: String(error), bytes: Buffer.alloc(0), event: 'broken' }),
  })
  const destroy = get(`${url}?format=${format}`, token, 'text/event-stream', (text) => parser.feed(text))
  return { name: `SSE, ${format}`, format, came, destroy }
}

/** Lines are what stands between line feeds, and nothing else ends one. */
export function readLines(url: string, token: string, format: Format): FramedReader {
  const came: Came[] = []
  let rest = ''
  const destroy = get(`${url}?format=${format}`, token, 'application/x-ndjson', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    // A line may begin with spaces (protocol.md, «Transports»).
    for (const line of lines) came.push({ text: line.trimStart(), bytes: Buffer.from(line) })
  })
  return { name: `NDJSON, ${format}`, format, came, destroy }
}

function get(url: string, token: string, accept: string, onText: (text: string) => void): () => void {
  const headers = { Accept: accept, Authorization: `Bearer ${token}` }
  const asked = request(url, { headers, agent: false }, (response) => {
    response.setEncoding('utf8').on('data', onText)
    response.on('error', () => undefined)
  })
  asked.on('error', () => undefined)
  asked.end()
  return () => asked.destroy()
}
