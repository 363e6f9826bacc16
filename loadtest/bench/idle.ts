import { setTimeout as later } from 'node:timers/promises'
import type { Arm } from './arm.ts'
import { collectGarbage } from './collect.ts'
import { figuresOf, type Sample } from './figure.ts'
import { Load } from './load.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { rssKiB } from './process.ts'
import { COMMON, type Shape } from './shape.ts'
import { onStage } from './stage.ts'

const CONNECTIONS = 10_000
const QUIET_MS = 2_000
const LOOKS_MAX = 15
const STILL_KIB = 256
/** They stand before anything is measured: what is made once, and the heap's first growth, is nobody's. */
const WARM_SHARE = 0.2

/** What connections cost that are given nothing: memory, while they stand. */
export const idleMeasures: readonly Measure[] = (['ws', 'sse'] as const).map((transport) => ({
  name: `idle-${transport}`,
  short: false,
  run: (bench) => measureIdle(transport, bench),
}))

async function measureIdle(transport: Shape['transport'], bench: Bench): Promise<Measured> {
  const shape: Shape = { ...COMMON, name: `idle-${transport}`, transport, connections: CONNECTIONS, burstsPerSecond: 1 }
  const samples = await onStage(shape, bench, async ({ start }) => {
    const found: Sample[] = []
    for (const name of [transport === 'ws' ? 'B0' : 'S0', 'G'] as const) {
      const arm = await start(name)
      found.push(await idleOf(arm, shape, bench.load))
      await arm.end()
    }
    return found
  })
  return { figures: figuresOf(shape.name, samples), findings: [] }
}

async function idleOf(arm: Arm, shape: Shape, load: Load): Promise<Sample> {
  const warm = Math.round(shape.connections * WARM_SHARE)
  const connections = shape.connections - warm
  const first = new Load()
  try {
    await first.open(arm.port, arm.requests({ ...shape, connections: warm }))
    const rss = await restingKiB(arm)
    await load.open(arm.port, arm.requests({ ...shape, connections }))
    const kibEach = ((await restingKiB(arm)) - rss) / connections
    const closed = (await first.counts()).closed + (await load.counts()).closed
    if (closed > 0)
      throw new Error(`${shape.name} ${arm.name}: ${closed} of ${shape.connections} were closed meanwhile`)
    return { arm: arm.name, values: { connections: shape.connections, kibEach } }
  } finally {
    await load.close()
    await first.close()
    await first.end()
  }
}

/** Resident memory without garbage, once it stands: V8 and malloc give pages back little by little. */
async function restingKiB({ pids }: Arm): Promise<number> {
  let before = Infinity
  for (let look = 0; look < LOOKS_MAX; look++) {
    for (const pid of pids) collectGarbage(pid)
    await later(QUIET_MS)
    const now = rssKiB(pids)
    if (Math.abs(now - before) < STILL_KIB) return now
    before = now
  }
  return before
}
