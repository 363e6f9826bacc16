import { follow, THRESHOLDS } from './stream.js'

const MINUTES = Number(__ENV.MINUTES || 60)

/** Clients that stay and clients that come and go, for as long as you like: latency does not creep, nothing is lost. */
export const options = {
  scenarios: {
    staying: {
      executor: 'per-vu-iterations',
      exec: 'stay',
      vus: Number(__ENV.CLIENTS || 100),
      iterations: 1,
      maxDuration: `${MINUTES + 5}m`,
    },
    passing: { executor: 'constant-vus', exec: 'pass', vus: 10, duration: `${MINUTES}m` },
  },
  thresholds: { ...THRESHOLDS, weir_gaps: ['count==0'], weir_latency: [`p(99)<${__ENV.P99_MS || 500}`] },
}

export function stay() {
  follow(MINUTES * 60)
}

export function pass() {
  follow(10)
}
