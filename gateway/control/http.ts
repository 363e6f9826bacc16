import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Fault } from '../errors.ts'
import type { Metrics } from '../metrics.ts'

/** What the operator's machines ask: on a port of its own, since it is nothing for partners. */
export interface ControlListener {
  readonly port: number
  close(): void
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: { readonly [name: string]: string }
}

type Scraped = Pick<Metrics, 'contentType' | 'render'>

export function listenForControl(
  host: string,
  port: number,
  metrics: Scraped,
  readiness: () => Readiness | Promise<Readiness>,
): Promise<ControlListener> {
  const server = createServer((request, response) => void answer(request, response, metrics, readiness))
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Fault('unreachable', `Cannot listen on ${host}:${port} (control): ${error.message}.`)),
    )
    server.listen(port, host, () => resolve({ port: portOf(server), close: () => cut(server) }))
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Scraped,
  readiness: () => Readiness | Promise<Readiness>,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0]
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', 'GET and HEAD only\n')
  }
  if (path === '/metrics') return send(response, 200, metrics.contentType, await metrics.render())
  if (path === '/healthz') return send(response, 200, 'application/json', JSON.stringify({ status: 'ok' }))
  if (path !== '/readyz') return send(response, 404, 'text/plain', 'There are /metrics, /healthz and /readyz here.\n')
  const { ready, checks } = await readiness()
  send(
    response,
    ready ? 200 : 503,
    'application/json',
    JSON.stringify({ status: ready ? 'ready' : 'not ready', checks }),
  )
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body)
}

function cut(server: Server): void {
  server.close()
  server.closeAllConnections()
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
