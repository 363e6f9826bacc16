import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

/** What one connection is served: a session, or a refusal of the handshake. */
export type Act =
  | ((session: WebSocket, request: IncomingMessage) => void)
  | { readonly status: number; readonly problem?: object; readonly headers?: { readonly [name: string]: string } }

const CONNECTIONS_MAX = 20

/** A real WebSocket server on loopback that plays one act a connection; the last one again for all that follow. */
export async function playGateway(acts: readonly Act[]): Promise<{
  readonly url: string
  /** One entry a connection: query and headers. */
  readonly requests: {
    readonly from: string | null
    readonly where: string | null
    readonly authorization: string | undefined
  }[]
  close(): Promise<void>
}> {
  const requests: { from: string | null; where: string | null; authorization: string | undefined }[] = []
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'weir.v1' })
  server.on('upgrade', (request, socket, head) => {
    // A client that comes back for ever must fail its test, not hang it.
    const act = requests.length < CONNECTIONS_MAX ? acts[Math.min(requests.length, acts.length - 1)] : { status: 410 }
    const query = new URL(request.url ?? '', 'http://x').searchParams
    requests.push({ from: query.get('from'), where: query.get('where'), authorization: request.headers.authorization })
    if (typeof act === 'function')
      return sockets.handleUpgrade(request, socket, head, (session) => act(session, request))
    const { status = 500, problem, headers = {} } = act ?? {}
    const body = problem ? JSON.stringify(problem) : '<html>'
    const lines = Object.entries({ ...headers, 'content-length': String(body.length) }).map(
      ([name, value]) => `${name}: ${value}`,
    )
    socket.end(`HTTP/1.1 ${status} x\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/streams/quakes/events`,
    requests,
    async close() {
      for (const client of sockets.clients) client.terminate()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

export function send(session: WebSocket, ...frames: readonly object[]): void {
  for (const frame of frames) session.send(JSON.stringify(frame))
}

/** Records `first` to `last`, each with the cursor behind it. */
export function records(first: number, last: number): object[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    type: 'record',
    view: 1,
    id: `0-${first + i}`,
    cursor: `w1.${first + i}`,
    time: '2026-11-22T15:00:00.000Z',
    key: 'k',
    data: { n: first + i },
  }))
}
