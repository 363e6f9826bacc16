import { randomBytes } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { startArm, type Arm, type Stage } from './arm.ts'
import { topicOf } from './document.ts'
import { Feed } from './feed.ts'
import { Load } from './load.ts'
import { collectGarbage } from './collect.ts'
import { cpuSeconds, rssKiB } from './process.ts'
import { SHAPES, type ArmName, type Shape } from './shape.ts'

/** What connections cost that are given nothing: memory while they stand, time while they come. */
export interface Idle {
  readonly arm: ArmName
  readonly connections: number
  /** Resident memory that a connection added, bytes. */
  readonly bytesEach: number
  /** Connections made in a second, with a token that was seen before. */
  readonly perSecond: number
  /** Server CPU per connection made, ms. */
  readonly cpuMsEach: number
}

const QUIET_MS = 2_000
const LOOKS_MAX = 15
const STILL_KIB = 256
/** They stand before anything is measured: what is made once, and the heap's first growth, is nobody's. */
const WARM_SHARE = 0.2

export async function measureIdle(
  transport: Shape['transport'],
  connections: number,
  load: Load,
  place: Pick<Stage, 'brokers' | 'redis' | 'profiles'>,
): Promise<readonly Idle[]> {
  const shape: Shape = { ...(SHAPES[0] as Shape), name: `idle-${transport}`, transport, connections }
  const prefix = `bench.${randomBytes(4).toString('hex')}`
  const topics = [topicOf(prefix, 0)]
  const feed = await Feed.open(shape, place.brokers, topics)
  const found: Idle[] = []
  try {
    for (const name of [transport === 'ws' ? 'B0' : 'S0', 'G'] as const) {
      const arm = await startArm(name, { ...place, shape, prefix, topics, feed })
      found.push(await idleOf(arm, shape, load))
      await arm.end()
    }
    return found
  } finally {
    await feed.close()
  }
}

async function idleOf(arm: Arm, shape: Shape, load: Load): Promise<Idle> {
  const warm = Math.round(shape.connections * WARM_SHARE)
  const connections = shape.connections - warm
  const first = new Load()
  try {
    await first.open(arm.port, arm.requests({ ...shape, connections: warm }))
    const rss = await restingKiB(arm)
    const [cpu, begun] = [cpuSeconds(arm.pid), performance.now()]
    await load.open(arm.port, arm.requests({ ...shape, connections }))
    const [seconds, spent] = [(performance.now() - begun) / 1000, cpuSeconds(arm.pid) - cpu]
    const bytesEach = (((await restingKiB(arm)) - rss) * 1024) / connections
    await load.close()
    const cpuMsEach = (spent / connections) * 1e3
    return { arm: arm.name, connections: shape.connections, bytesEach, perSecond: connections / seconds, cpuMsEach }
  } finally {
    await first.close()
    await first.end()
  }
}

/** Resident memory without garbage, once it stands: V8 and malloc give pages back little by little. */
async function restingKiB({ pid }: Arm): Promise<number> {
  let before = Infinity
  for (let look = 0; look < LOOKS_MAX; look++) {
    collectGarbage(pid)
    await later(QUIET_MS)
    const now = rssKiB(pid)
    if (Math.abs(now - before) < STILL_KIB) return now
    before = now
  }
  return before
}
