import type { HttpResponse, WebSocket } from 'uWebSockets.js'

/**
 * Completes handshakes after an `await`. That must not happen in a cork of the socket's own: where the socket keeps its
 * address in memory, uWS takes it for the HTTP answer that it was when the cork ends, reads «connection: close» out of what
 * is a WebSocket by then, and cuts it (uNetworking/uWebSockets#1929, which this build lacks). Outside of any cork uWS prints
 * a warning to stderr each time. So the cork of another open socket is borrowed: within that one, this one's is none.
 *
 * Without a cork, a request that says `Connection: close` would end the process; the handshake refuses it, and uWS itself refuses HTTP/1.0.
 */
export class Completion<T> {
  readonly #open = new Set<WebSocket<T>>()

  opened(socket: WebSocket<T>): void {
    this.#open.add(socket)
  }

  closed(socket: WebSocket<T>): void {
    this.#open.delete(socket)
  }

  /** Runs what upgrades `res`. Where nothing was awaited, uWS has corked it already, and that is sound. */
  run(res: HttpResponse, upgrade: () => void): void {
    const [other] = this.#open
    if (other) other.cork(() => void res.cork(upgrade))
    else upgrade()
  }
}
