import { setTimeout as later } from 'node:timers/promises'
import { until } from '../../test/integration/support/until.ts'
import type { Arm } from './arm.ts'
import type { Load } from './load.ts'
import { cpuSeconds, rssKiB } from './process.ts'
import { deliveriesOf, type Shape } from './shape.ts'

/** What one arm did in one slice of a run. */
export interface Round {
  readonly arm: string
  /** Server CPU, user and system, in seconds per million deliveries. */
  readonly cpu: number
  readonly deliveries: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly rssKiB: number
  /** Calls to Redis in the slice; of the gateway. */
  readonly redisCalls: number
}

const WARM_MS = 1_000
const ARRIVAL_MS_MAX = 20_000

/** Loads an arm for a while; throws where what was received, or metered, is not exactly what was sent. */
export async function runRound(arm: Arm, shape: Shape, load: Load, ms: number): Promise<Round> {
  const meteredBefore = (await arm.metered?.()) ?? 0
  await load.open(arm.port, arm.requests(shape))
  try {
    arm.start()
    await later(WARM_MS)
    await load.latency()
    const calls = await redisCalls(arm)
    const [cpu, seen] = [cpuSeconds(arm.pid), await load.counts()]
    await later(ms)
    const [cpuAfter, seenAfter] = [cpuSeconds(arm.pid), await load.counts()]
    const latency = await load.latency()
    const redis = (await redisCalls(arm)) - calls
    const expected = deliveriesOf(shape, await arm.stop())
    await arrive(arm, load, expected)
    // What waits for those who do not read is in no ledger yet, or never will be.
    if (shape.stalled === 0) await settle(arm, meteredBefore + expected)
    const deliveries = seenAfter.records - seen.records
    const ms99 = (percentile: number): number => latency.percentile(percentile) / 1000
    return {
      arm: arm.name,
      cpu: ((cpuAfter - cpu) / deliveries) * 1e6,
      deliveries,
      ...{ p50Ms: ms99(50), p99Ms: ms99(99), p999Ms: ms99(99.9), maxMs: latency.max / 1000 },
      rssKiB: rssKiB(arm.pid),
      redisCalls: redis,
    }
  } finally {
    await load.close()
  }
}

/** Delivered = received. */
async function arrive(arm: Arm, load: Load, expected: number): Promise<void> {
  let counts = await load.counts()
  const what = (): string => `${arm.name}: ${expected} records to arrive, there are ${JSON.stringify(counts)}`
  await until(what, async () => (counts = await load.counts()).records >= expected || null, ARRIVAL_MS_MAX)
  if (counts.records !== expected || counts.faults > 0 || counts.closed > 0) throw new Error(`not exactly ${what()}`)
}

/** Metered = delivered. */
async function settle({ metered, name }: Arm, expected: number): Promise<void> {
  if (metered === null) return
  let found = 0
  const what = (): string => `${name}: ${expected} records to be metered, there are ${found}`
  await until(what, async () => (found = await metered()) >= expected || null, ARRIVAL_MS_MAX)
  if (found !== expected) throw new Error(`not exactly ${what()}`)
}

async function redisCalls({ gateway }: Arm): Promise<number> {
  return gateway === null ? 0 : gateway.metric('weir_quota_calls_total')
}
