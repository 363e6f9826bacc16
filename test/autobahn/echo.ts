import uWS, { type TemplatedApp, type WebSocket, type WebSocketBehavior } from 'uWebSockets.js'
import type { Admissions } from '../../gateway/transport/admissions.ts'
import { serveWebSocket } from '../../gateway/transport/websocket.ts'

/** A listener that sends back what it gets. */
export interface Echo {
  readonly url: string
  close(): void
}

/**
 * What a gateway does with a message is not what these cases ask about; what its listener does with frames is. So the settings are
 * those that the gateway gives its own listener, and only who is let in and what becomes of a message is another; `other` may set some.
 */
export function listenEcho(admissions: Admissions, other: Partial<WebSocketBehavior<unknown>> = {}): Promise<Echo> {
  const app = uWS.App()
  app.ws('/*', {
    ...settingsOf(admissions),
    ...other,
    message: (ws: WebSocket<unknown>, message: ArrayBuffer, isBinary: boolean) => void ws.send(message, isBinary),
  })
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (!socket) return reject(new Error('no port to echo at'))
      resolve({ url: `ws://127.0.0.1:${uWS.us_socket_local_port(socket)}/`, close: () => app.close() })
    })
  })
}

/** All that is no handler, as `serveWebSocket` hands it to uWS. */
export function settingsOf(admissions: Admissions): WebSocketBehavior<unknown> {
  const given: WebSocketBehavior<unknown>[] = []
  const app = { ws: (_: string, behavior: WebSocketBehavior<unknown>) => given.push(behavior) }
  serveWebSocket(app as unknown as TemplatedApp, admissions)
  const settings = Object.entries(given[0] ?? {}).filter(([, value]) => typeof value !== 'function')
  if (settings.length < 4) throw new Error('the gateway gave its listener no settings')
  return Object.fromEntries(settings)
}
