import { check } from 'k6'
import http from 'k6/http'
import { follow, STREAM, THRESHOLDS, token, URL } from './stream.js'

/** One client: is the gateway up, is the stream there, does a record come? */
export const options = {
  vus: 1,
  iterations: 1,
  thresholds: { ...THRESHOLDS, checks: ['rate==1'], weir_records: ['count>0'] },
}

export default function smoke() {
  check(http.get(`${URL}/readyz`), { 'is ready': ({ status }) => status === 200 })
  const refused = http.get(`${URL}/streams/${STREAM}`, { responseCallback: http.expectedStatuses(401) })
  check(refused, { 'asks for a token': ({ status }) => status === 401 })
  const page = http.get(`${URL}/streams/${STREAM}?from=earliest&limit=1`, {
    headers: { Authorization: `Bearer ${token()}` },
  })
  check(page, { 'serves a page': ({ status }) => status === 200 })
  follow(Number(__ENV.SECONDS || 5), { from: 'earliest' })
}
