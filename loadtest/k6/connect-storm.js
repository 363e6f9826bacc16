import { follow, THRESHOLDS } from './stream.js'

const PER_SECOND = Number(__ENV.PER_SECOND || 100)

/** Clients that come, are told that they have subscribed, and go: so many a second. */
export const options = {
  scenarios: {
    storm: {
      executor: 'constant-arrival-rate',
      rate: PER_SECOND,
      timeUnit: '1s',
      duration: `${__ENV.SECONDS || 30}s`,
      preAllocatedVUs: PER_SECOND * 3,
    },
  },
  thresholds: { ...THRESHOLDS, dropped_iterations: ['count==0'], weir_subscribe: [`p(99)<${__ENV.P99_MS || 1000}`] },
}

export default function storm() {
  follow(1)
}
