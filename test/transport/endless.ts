import { LinesClient } from '../integration/support/lines.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { WsClient } from '../integration/support/webSocket.ts'

export interface Listener {
  readonly frames: readonly Frame[]
  readonly records: readonly Frame[]
  frame(type: string): Promise<Frame>
  destroy(): void
}

/** A client of each transport that follows a stream without an end. */
export const ENDLESS: readonly (readonly [string, (url: string, token: string) => Listener])[] = [
  ['WebSocket', (url, token) => new WsClient(url, { token })],
  ['SSE', (url, token) => new SseClient(url, { token })],
  ['NDJSON', (url, token) => new LinesClient(url, { token })],
]
