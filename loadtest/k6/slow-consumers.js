import { follow, THRESHOLDS } from './stream.js'

const CLIENTS = Number(__ENV.CLIENTS || 100)
const SECONDS = Number(__ENV.SECONDS || 60)
/** What a slow client does with each record, ms: it reads on only when that is done. */
const WORK_MS = Number(__ENV.WORK_MS || 50)

/** One client of ten is slow: the others notice nothing of it. */
export const options = {
  scenarios: {
    slow: {
      executor: 'per-vu-iterations',
      exec: 'slow',
      vus: Math.ceil(CLIENTS / 10),
      iterations: 1,
      maxDuration: '10m',
    },
    healthy: { executor: 'per-vu-iterations', exec: 'healthy', vus: CLIENTS, iterations: 1, maxDuration: '10m' },
  },
  thresholds: { ...THRESHOLDS, 'weir_latency{scenario:healthy}': [`p(99)<${__ENV.P99_MS || 500}`] },
}

export function healthy() {
  follow(SECONDS)
}

export function slow() {
  follow(SECONDS, { from: 'earliest', onRecord: work })
}

function work() {
  const until = Date.now() + WORK_MS
  while (Date.now() < until);
}
