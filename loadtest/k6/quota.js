import { check } from 'k6'
import { follow, paused, THRESHOLDS } from './stream.js'

/** A client that reads all there is, on a plan with an allowance of ALLOWANCE records that pauses: it gets that many and is told. */
const ALLOWANCE = Number(__ENV.ALLOWANCE || 10_000)

export const options = {
  vus: 1,
  iterations: 1,
  thresholds: { ...THRESHOLDS, weir_records: [`count<=${ALLOWANCE}`], weir_paused: ['count>0'], checks: ['rate==1'] },
}

export default function quota() {
  let seen = 0
  follow(Number(__ENV.SECONDS || 30), {
    from: 'earliest',
    onRecord: () => seen++,
    onEnd: () => check(seen, { 'the allowance was spent': (count) => count === ALLOWANCE }),
  })
  paused.add(0)
}
