import { follow, THRESHOLDS } from './stream.js'

const CLIENTS = Number(__ENV.CLIENTS || 200)

/** All clients are cut at once and come back with their cursors, again and again: nothing is missing, nothing comes twice. */
export const options = {
  scenarios: { storm: { executor: 'per-vu-iterations', vus: CLIENTS, iterations: 1, maxDuration: '10m' } },
  thresholds: { ...THRESHOLDS, weir_gaps: ['count==0'], weir_subscribe: [`p(99)<${__ENV.P99_MS || 3000}`] },
}

export default function storm() {
  turn('latest', Number(__ENV.TURNS || 5))
}

function turn(from, left) {
  follow(Number(__ENV.SECONDS || 5), { from, onEnd: (cursor) => left > 1 && turn(cursor || 'latest', left - 1) })
}
