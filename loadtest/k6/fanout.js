import { follow, THRESHOLDS } from './stream.js'

const CLIENTS = Number(__ENV.CLIENTS || 200)
const SECONDS = Number(__ENV.SECONDS || 60)

/** Many clients on one stream: every record reaches all of them, in time. */
export const options = {
  scenarios: { crowd: { executor: 'per-vu-iterations', vus: CLIENTS, iterations: 1, maxDuration: `${SECONDS + 60}s` } },
  thresholds: {
    ...THRESHOLDS,
    weir_records: ['count>0'],
    weir_gaps: ['count==0'],
    weir_latency: [`p(99)<${__ENV.P99_MS || 500}`],
  },
}

export default function fanout() {
  follow(SECONDS)
}
