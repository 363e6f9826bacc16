import { LinesClient } from '../integration/support/lines.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { WsClient } from '../integration/support/webSocket.ts'
import { openPage } from './page.ts'

export type TransportName = 'websocket' | 'sse' | 'ndjson' | 'page'

/** What a transport's frames come to, for a client that only wants the data. */
export type Told =
  /** It stands: the cursor that it starts at, where the transport says it. */
  | { readonly type: 'connected'; readonly cursor: string | null }
  | { readonly type: 'record'; readonly id: string; readonly uid: number; readonly cursor: string }
  | { readonly type: 'gap'; readonly reason: string; readonly offsets: number; readonly cursor: string }
  | { readonly type: 'position'; readonly cursor: string }
  | { readonly type: 'alive' }
  | { readonly type: 'trouble'; readonly what: string }

export interface From {
  readonly token: string
  /** `null`: from the start of the log. */
  readonly cursor: string | null
}

export interface Connection {
  readonly over: boolean
  destroy(): void
}

export type Tell = (told: Told) => void

/** One connection of a real client, from the cursor on. */
export function connect(transport: TransportName, url: string, from: From, tell: Tell): Connection {
  return OPEN[transport](url, from, tell)
}

const OPEN: { readonly [transport in TransportName]: (url: string, from: From, tell: Tell) => Connection } = {
  websocket: openWebSocket,
  sse: openEventStream,
  ndjson: openLines,
  page: openPage,
}

/** What may be answered while things are broken, and is waited out. */
const PASSING = new Set([429, 502, 503])

function openWebSocket(url: string, { token, cursor }: From, tell: Tell): Connection {
  const client = new WsClient(`${url}?from=${cursor ?? 'earliest'}`, {
    token,
    onText: (text) => {
      const frame = JSON.parse(text) as Frame
      if (frame.type === 'subscribed') tell({ type: 'connected', cursor: frame['cursor'] as string })
      else tellFrame(frame, tell)
    },
  })
  return ended(
    () => client.closed !== null || (client.refusal?.body ?? '') !== '',
    () => client.status,
    () => client.destroy(),
    tell,
  )
}

function openEventStream(url: string, { token, cursor }: From, tell: Tell): Connection {
  let begun = false
  const client = new SseClient(cursor === null ? `${url}?from=earliest` : url, {
    token,
    ...(cursor !== null && { lastEventId: cursor }),
    onBlock: ({ id, data }) => {
      if (data !== undefined) return tellFrame(JSON.parse(data) as Frame, tell, id)
      if (id === undefined) return
      tell({ type: begun ? 'position' : 'connected', cursor: id })
      begun = true
    },
  })
  return ended(
    () => client.ended,
    () => client.status,
    () => client.destroy(),
    tell,
  )
}

function openLines(url: string, { token, cursor }: From, tell: Tell): Connection {
  let begun = false
  const client = new LinesClient(`${url}?from=${cursor ?? 'earliest'}`, {
    token,
    onLine: (line) => {
      const frame = JSON.parse(line) as Frame
      const first = !begun && frame.type === 'position'
      begun = true
      if (first) tell({ type: 'connected', cursor: frame['cursor'] as string })
      else tellFrame(frame, tell)
    },
  })
  return ended(
    () => client.ended,
    () => client.status,
    () => client.destroy(),
    tell,
  )
}

/** A refusal that no fault explains is trouble, told once. */
function ended(over: () => boolean, status: () => number, destroy: () => void, tell: Tell): Connection {
  let told = false
  return {
    get over() {
      const is = over()
      const refused = status() >= 400 && !PASSING.has(status())
      if (is && refused && !told) tell({ type: 'trouble', what: `HTTP ${status()}` })
      told ||= is
      return is
    },
    destroy,
  }
}

/** `id`: the cursor, where the transport carries it beside the frame. */
export function tellFrame(frame: Frame, tell: Tell, id?: string): void {
  const cursor = (frame['cursor'] ?? id) as string
  switch (frame.type) {
    case 'record':
      return tell({ type: 'record', id: frame['id'] as string, uid: (frame['data'] as { uid: number }).uid, cursor })
    case 'gap':
      return tell({ type: 'gap', reason: frame['reason'] as string, offsets: frame['offsets'] as number, cursor })
    case 'position':
      return tell({ type: 'position', cursor })
    case 'closing':
      return tell(isPassing(frame) ? { type: 'alive' } : { type: 'trouble', what: JSON.stringify(frame) })
    case 'invalid':
    case 'ended':
    case 'error':
      return tell({ type: 'trouble', what: JSON.stringify(frame) })
    default:
      return tell({ type: 'alive' })
  }
}

/** The range of a close code is the advice: below 4200 a client comes back. `internal` is never to be seen. */
function isPassing(frame: Frame): boolean {
  const code = frame['code'] as number
  return code < 4200 && code !== 4011
}
