import { PRODUCT, STREAM } from './document.ts'
import type { Request } from './loadWorker.ts'
import { kindOfView, type Shape } from './shape.ts'

const HOST = 'Host: 127.0.0.1\r\n'
const UPGRADE = `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`
const SUBSCRIBED = '"type":"subscribed"'

/** What clients of a raw arm send first: they are ready once its head has come. */
export function rawRequests(shape: Shape): readonly Request[] {
  return requestsOf(shape, (lane) => `/${lane}`, [''], '\r\n\r\n')
}

/** What clients of the gateway send first: they are ready once they are subscribed. Tokens are used in turn. */
export function gatewayRequests(shape: Shape, tokens: readonly string[]): readonly Request[] {
  const bearers = tokens.map((token) => `Authorization: Bearer ${token}\r\n`)
  if (shape.equalities > 0) return filteringRequests(shape, bearers)
  const from = shape.from === 'latest' ? '' : `&from=${shape.from}`
  const sign = shape.transport === 'sse' ? 'retry: ' : SUBSCRIBED
  return requestsOf(shape, (lane) => `/streams/${PRODUCT}/${STREAM}?param.lane=${lane}${from}`, bearers, sign)
}

function requestsOf(
  { connections, topics, transport, stalled }: Shape,
  pathOf: (lane: number) => string,
  headers: readonly string[],
  sign: string,
): readonly Request[] {
  const rest = transport === 'sse' ? `${HOST}Accept: text/event-stream\r\n` : UPGRADE
  return Array.from({ length: connections }, (_, at) => {
    const head = `GET ${pathOf(at % topics)} HTTP/1.1\r\n${rest}${headers[at % headers.length]}\r\n`
    return { head, greeting: [], sign, signs: 1, isSocket: transport === 'ws', stalls: at < stalled }
  })
}

/** Sessions whose subscriptions differ in one equality each. */
function filteringRequests(shape: Shape, bearers: readonly string[]): readonly Request[] {
  const { connections, equalities } = shape
  return Array.from({ length: connections }, (_, connection) => {
    const greeting = Array.from({ length: equalities }, (_value, at) => {
      const where = `kind==${kindOfView(connection * equalities + at)}`
      const named = { type: 'subscribe', id: `s${at}`, product: PRODUCT, stream: STREAM }
      return JSON.stringify({ ...named, 'param.lane': '0', where })
    })
    const head = `GET /streams HTTP/1.1\r\n${UPGRADE}${bearers[connection % bearers.length]}\r\n`
    return { head, greeting, sign: SUBSCRIBED, signs: equalities, isSocket: true, stalls: false }
  })
}
