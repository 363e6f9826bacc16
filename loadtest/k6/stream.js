import { Counter, Rate, Trend } from 'k6/metrics'
import { WebSocket } from 'k6/websockets'

/** Where to and as whom: `k6 run -e URL=https://… -e TOKEN=… -e STREAM=product/stream FILE`. */
export const URL = __ENV.URL || 'http://127.0.0.1:8080'
export const STREAM = __ENV.STREAM || 'earthquakes/events'
const TOKENS = (__ENV.TOKENS || __ENV.TOKEN || '').split(',')

/** Name of the payload's member that holds when it was made: ms since 1970, or ISO 8601. Without it latency is from Kafka's own timestamp. */
const TIME_FIELD = __ENV.TIME_FIELD || ''

export const records = new Counter('weir_records')
export const latency = new Trend('weir_latency', true)
export const faults = new Rate('weir_faults')
export const subscribed = new Trend('weir_subscribe', true)
export const gaps = new Counter('weir_gaps')
export const paused = new Counter('weir_paused')

/** What every script holds: nothing out of order or twice, and no connection that could not be had. */
export const THRESHOLDS = { weir_faults: ['rate==0'] }

export function token() {
  return TOKENS[(__VU - 1) % TOKENS.length]
}

/**
 * One subscription over WebSocket for `seconds`. `onEnd` gets the last cursor. Options: `from` (a cursor, `latest`, `earliest`), `onRecord`, `where`.
 */
export function follow(seconds, { from = 'latest', where = '', onRecord = () => {}, onEnd = () => {} } = {}) {
  const begun = Date.now()
  const query = `?from=${encodeURIComponent(from)}${where ? `&where=${encodeURIComponent(where)}` : ''}`
  const address = `${URL.replace(/^http/, 'ws')}/streams/${STREAM}${query}`
  const socket = new WebSocket(address, ['weir.v1'], { headers: { Authorization: `Bearer ${token()}` } })
  const state = { cursor: null, last: {}, asked: false, begun: false }
  socket.onmessage = ({ data }) => hear(JSON.parse(data), state, begun, onRecord)
  socket.onclose = () => {
    faults.add(!state.begun || !state.asked)
    onEnd(state.cursor)
  }
  socket.onerror = () => faults.add(true)
  setTimeout(() => {
    state.asked = true
    socket.close()
  }, seconds * 1000)
  return socket
}

function hear(frame, state, begun, onRecord) {
  if (frame.cursor) state.cursor = frame.cursor
  if (frame.type === 'subscribed') {
    state.begun = true
    subscribed.add(Date.now() - begun)
  } else if (frame.type === 'record') {
    records.add(1)
    faults.add(isOutOfOrder(frame.id, state.last))
    latency.add(Date.now() - madeAt(frame))
    onRecord(frame)
  } else if (frame.type === 'gap') gaps.add(1)
  else if (frame.type === 'paused') paused.add(1, { reason: frame.reason })
}

function madeAt({ time, data }) {
  const own = TIME_FIELD && data ? data[TIME_FIELD] : undefined
  return typeof own === 'number' ? own : Date.parse(own || time)
}

/** Ids are `[epoch.]partition-offset`; offsets of a partition ascend. */
function isOutOfOrder(id, last) {
  const [place, offset] = id.split('-')
  const before = last[place]
  last[place] = Number(offset)
  return before !== undefined && Number(offset) <= before
}
