import { randomBytes } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { startArm, type Arm, type Stage } from './arm.ts'
import { topicOf } from './document.ts'
import { Feed } from './feed.ts'
import type { Load } from './load.ts'
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

const QUIET_MS = 3_000
const WARM_CONNECTIONS = 200

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
  // The first ones pay for what is made once: code, caches, the topic's tail.
  await load.open(arm.port, arm.requests({ ...shape, connections: WARM_CONNECTIONS }))
  await load.close()
  await later(QUIET_MS)
  const [rss, cpu, begun] = [rssKiB(arm.pid), cpuSeconds(arm.pid), performance.now()]
  await load.open(arm.port, arm.requests(shape))
  const [seconds, spent] = [(performance.now() - begun) / 1000, cpuSeconds(arm.pid) - cpu]
  await later(QUIET_MS)
  const bytesEach = ((rssKiB(arm.pid) - rss) * 1024) / shape.connections
  await load.close()
  const { connections } = shape
  return {
    arm: arm.name,
    connections,
    bytesEach,
    perSecond: connections / seconds,
    cpuMsEach: (spent / connections) * 1e3,
  }
}
