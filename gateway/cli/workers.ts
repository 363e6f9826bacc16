import { InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { WORKERS_MAX } from '../workers/place.ts'

/** Value of `--workers`. Throws what commander tells. */
export function workersIn(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (count < 1 || count > WORKERS_MAX)
    throw new InvalidArgumentError(`A whole number from 1 to ${WORKERS_MAX} is wanted: processes on one port.`)
  return count
}

/** Why so many workers cannot serve by this configuration, all at once and with what to do; empty where they can. */
export function workersRefusals({ embedded, redis, usage }: Config, count: number): readonly string[] {
  if (count === 1) return []
  const missing = [
    embedded && 'the embedded log lives in one process — set `clusters` to your Kafka',
    redis.url === null && 'without Redis, allowances are counted in each process by itself — set `redis.url`',
    usage.cluster === null && 'usage has to go through Kafka to one ledger — set `usage.cluster` to one of `clusters`',
  ]
  return missing.flatMap((what) => (what === false ? [] : [`--workers ${count}: ${what}, or start one worker`]))
}
