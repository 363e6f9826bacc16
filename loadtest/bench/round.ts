import type { RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as later } from 'node:timers/promises'
import { until } from '../../test/integration/support/until.ts'
import type { Arm } from './arm.ts'
import type { Sample, Values } from './figure.ts'
import type { Load } from './load.ts'
import { cpuSeconds, rssKiB } from './process.ts'
import { deliveriesOf, isRaw, type Shape } from './shape.ts'

const WARM_MS = 1_000
/** The first time that an arm is loaded: its code is compiled meanwhile, of which the raw ones have hardly any. */
const WARM_FIRST_MS = 5_000
const warm = new WeakSet<Arm>()
const ARRIVAL_MS_MAX = 30_000

/** Loads an arm for a while; throws where what was received, or metered, is not exactly what was sent. */
export async function runRound(arm: Arm, shape: Shape, load: Load, ms: number): Promise<Sample> {
  const meteredBefore = await meteredOf(arm)
  await load.open(arm.port, arm.requests(shape))
  try {
    arm.start(shape.burstsPerSecond)
    await later(warm.has(arm) || isRaw(arm.name) ? WARM_MS : WARM_FIRST_MS)
    warm.add(arm)
    const values = await slice(arm, load, ms)
    const expected = deliveriesOf(shape, await arm.stop())
    await arrive(arm.name, load, expected)
    // What waits for those who do not read is in no ledger yet, or never will be.
    if (shape.stalled === 0) await settle(arm, meteredBefore + expected)
    return { arm: arm.name, values }
  } finally {
    await load.close()
  }
}

/** What one arm does from now on for a while. */
async function slice(arm: Arm, load: Load, ms: number): Promise<Values> {
  await load.latency()
  load.busy()
  const calls = await callsOf(arm)
  const [cpu, seen] = [cpuSeconds(arm.pids), await load.counts()]
  await later(ms)
  const [cpuAfter, seenAfter] = [cpuSeconds(arm.pids), await load.counts()]
  const latency = await load.latency()
  const clientsBusy = load.busy()
  const deliveries = seenAfter.records - seen.records
  return {
    cpuSecondsPerMillion: ((cpuAfter - cpu) / deliveries) * 1e6,
    deliveries,
    ...percentiles(latency),
    rssMiB: rssKiB(arm.pids) / 1024,
    redisCalls: (await callsOf(arm)) - calls,
    clientsBusy,
  }
}

export function percentiles(latency: RecordableHistogram): Values {
  const ms = (percentile: number): number => latency.percentile(percentile) / 1000
  return { p50Ms: ms(50), p99Ms: ms(99), p999Ms: ms(99.9), maxMs: latency.max / 1000 }
}

/** Delivered = received. */
export async function arrive(who: string, load: Load, expected: number): Promise<void> {
  let counts = await load.counts()
  const what = (): string => `${who}: ${expected} records to arrive, there are ${JSON.stringify(counts)}`
  await until(what, async () => (counts = await load.counts()).records >= expected || null, ARRIVAL_MS_MAX)
  if (counts.records !== expected || counts.faults > 0 || counts.closed > 0) throw new Error(`not exactly ${what()}`)
}

export async function meteredOf({ gateway }: Arm): Promise<number> {
  return (await gateway?.metered?.()) ?? 0
}

/** Metered = delivered. */
export async function settle({ gateway, name }: Arm, expected: number): Promise<void> {
  const metered = gateway?.metered ?? null
  if (metered === null) return
  let found = 0
  const what = (): string => `${name}: ${expected} records to be metered, there are ${found}`
  await until(what, async () => (found = await metered()) >= expected || null, ARRIVAL_MS_MAX)
  if (found !== expected) throw new Error(`not exactly ${what()}`)
}

async function callsOf({ gateway }: Arm): Promise<number> {
  return gateway === null ? 0 : gateway.redisCalls()
}
