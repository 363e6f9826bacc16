import { setTimeout as later } from 'node:timers/promises'
import type { Arm } from './arm.ts'
import { figuresOf, type Sample } from './figure.ts'
import { Load } from './load.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { nowMicros } from './payload.ts'
import { cpuSeconds } from './process.ts'
import { ratioOf, spreadOf } from './ratio.ts'
import { COMMON, type Shape } from './shape.ts'
import { byTurns, onStage } from './stage.ts'

const CONNECTIONS = 1_000
const BURSTS = 9
const BURSTS_SHORT = 3
/** What those before have left to be done is done by then. */
const QUIET_MS = 400

/** How fast connections come in when many come at once, with a token that was seen before and with one each that was not. */
export const connectMeasure: Measure = { name: 'connect', short: true, run: measureConnecting }

/** A kind of client: who it calls, and with which tokens; it has them before the clock starts. */
interface Storm {
  readonly arm: Arm
  readonly name: string
  readonly tokens: () => Promise<readonly string[] | undefined>
}

async function measureConnecting(bench: Bench): Promise<Measured> {
  const shape: Shape = { ...COMMON, name: 'connect', connections: CONNECTIONS, burstsPerSecond: 1 }
  const load = new Load({ readEvery: 0, atOnceMax: 128 })
  try {
    const samples = await onStage(shape, bench, async ({ start }) => {
      const [raw, gateway] = [await start('B0'), await start('G')]
      const storms: readonly Storm[] = [
        { arm: raw, name: 'B0', tokens: () => Promise.resolve(undefined) },
        { arm: gateway, name: 'G', tokens: () => Promise.resolve(undefined) },
        { arm: gateway, name: 'G, cold', tokens: async () => gateway.gateway?.tokens(CONNECTIONS) },
      ]
      const found: Sample[] = []
      // The first of each is nobody's: code is compiled, tables grow.
      await byTurns(storms, 1 + (bench.short ? BURSTS_SHORT : BURSTS), async (storm, round) => {
        const one = await burst(storm, shape, load)
        if (round > 0) found.push(one)
      })
      return found
    })
    return { figures: figuresOf(shape.name, samples), findings: findingsOf(samples) }
  } finally {
    await load.end()
  }
}

async function burst({ arm, name, tokens }: Storm, shape: Shape, load: Load): Promise<Sample> {
  const requests = arm.requests(shape, await tokens())
  await later(QUIET_MS)
  load.busy()
  const [cpu, begun] = [cpuSeconds(arm.pids), nowMicros()]
  await load.open(arm.port, requests)
  const spent = cpuSeconds(arm.pids) - cpu
  const clientsBusy = load.busy()
  const { readyMicros } = await load.counts()
  await load.close()
  const openedPerSecond = (shape.connections / (readyMicros - begun)) * 1e6
  const cpuMsEach = (spent / shape.connections) * 1e3
  return { arm: name, values: { connections: shape.connections, openedPerSecond, cpuMsEach, clientsBusy } }
}

function findingsOf(samples: readonly Sample[]): Measured['findings'] {
  const against = (name: string, arm: string) => ({
    name,
    value: ratioOf(samples, 'B0', arm, 'openedPerSecond'),
    band: spreadOf(samples, 'B0', 'openedPerSecond'),
    of: ['connect'],
  })
  return [against('connect-raw-vs-gateway', 'G'), against('connect-cold-raw-vs-gateway', 'G, cold')]
}
