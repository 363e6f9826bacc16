import { WebSocket } from 'ws'
import type { SocketConstructor } from '../../../client/follow.ts'

const HANDSHAKE_MS_MAX = 15_000
const FRAME_BYTES_MAX = 128 * 1024 * 1024
const BEARER = 'bearer.'

/** A socket that says its token as a header, which proxies keep out of their logs, as they do not with a subprotocol. */
class HeaderSocket extends WebSocket {
  constructor(url: string, offered: string[]) {
    const token = offered.find((one) => one.startsWith(BEARER))?.slice(BEARER.length)
    const protocols = offered.filter((one) => !one.startsWith(BEARER))
    super(url, protocols, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_MS_MAX,
      maxPayload: FRAME_BYTES_MAX,
      perMessageDeflate: false,
    })
  }
}

export const TailSocket: SocketConstructor = HeaderSocket
