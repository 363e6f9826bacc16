import { setTimeout as later } from 'node:timers/promises'
import type { Arm } from './arm.ts'
import { figuresOf, type Sample } from './figure.ts'
import { Load } from './load.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { ratioOf, spreadOf } from './ratio.ts'
import { arrive, meteredOf, percentiles, settle } from './round.ts'
import { COMMON, type Shape } from './shape.ts'
import { onStage } from './stage.ts'

const NAME = 'live-beside-50-replays'
const REPLAYS = 50
const FILLED = 48_000
const WARM_MS = 1_000
/** So that one record is no hundredth of them. */
const WATCHED_MS_MIN = 4_000
const LOOK_MS = 50
const LIVE: Shape = { ...COMMON, name: NAME, connections: 100, bytes: 1_024, burstsPerSecond: 50 }
const REPLAY: Shape = { ...LIVE, connections: REPLAYS, from: 'earliest' }

/** How late live records are while many clients are brought the same topic from its beginning, beside how late they are without those. */
export const besideMeasure: Measure = { name: NAME, short: false, run: measureBeside }

/** Threads of their own: those who watch the live records are not to wait for those who count what is replayed. */
interface Clients {
  readonly live: Load
  readonly replays: Load
}

async function measureBeside(bench: Bench): Promise<Measured> {
  const clients = {
    live: new Load({ threads: 1, readEvery: 1 }),
    replays: new Load({ threads: 1, readEvery: 0 }),
  }
  try {
    const samples = await onStage(LIVE, bench, async ({ feed, start }) => {
      await feed.fill(FILLED)
      const arm = await start('G')
      const done: Sample[] = []
      let logged = FILLED
      const ms = Math.max(bench.ms, WATCHED_MS_MIN)
      // The first is nobody's: code is compiled, and the log comes into the memory of its machine.
      for (let round = 0; round < 1 + bench.rounds; round++) {
        const { alone, beside, sent } = await oneRound(arm, clients, ms, logged)
        logged += sent
        console.error(`${NAME}: p99 ${alone.values.p99Ms} ms alone, ${beside.values.p99Ms} ms beside`)
        if (round > 0) done.push(alone, beside)
      }
      return done
    })
    const value = ratioOf(samples, BESIDE, ALONE, 'p99Ms')
    const findings = [{ name: NAME, value, band: spreadOf(samples, ALONE, 'p99Ms'), of: [NAME] }]
    return { figures: figuresOf(NAME, samples), findings }
  } finally {
    await Promise.all([clients.live.end(), clients.replays.end()])
  }
}

const ALONE = 'G, without'
const BESIDE = 'G, with'

interface BesideRound {
  readonly alone: Sample
  readonly beside: Sample
  readonly sent: number
}

async function oneRound(arm: Arm, { live, replays }: Clients, ms: number, logged: number): Promise<BesideRound> {
  const metered = await meteredOf(arm)
  await live.open(arm.port, arm.requests(LIVE))
  try {
    arm.start(LIVE.burstsPerSecond)
    await later(WARM_MS)
    await live.latency()
    live.busy()
    await later(ms)
    const alone = await sampleOf(ALONE, live)
    await replays.open(arm.port, arm.requests(REPLAY))
    await whileReplaying(replays, ms, REPLAYS * logged)
    const beside = await sampleOf(BESIDE, live)
    const sent = await arm.stop()
    const [liveAll, replayedAll] = [sent * LIVE.connections, REPLAYS * (logged + sent)]
    await arrive(ALONE, live, liveAll)
    await arrive(BESIDE, replays, replayedAll)
    await settle(arm, metered + liveAll + replayedAll)
    return { alone, beside, sent }
  } finally {
    await Promise.all([live.close(), replays.close()])
  }
}

/** Not a moment after the last of them has caught up: then nothing is beside any more. */
async function whileReplaying(replays: Load, ms: number, all: number): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end && (await replays.counts()).records < all) await later(LOOK_MS)
}

async function sampleOf(arm: string, live: Load): Promise<Sample> {
  const latency = await live.latency()
  return { arm, values: { ...percentiles(latency), clientsBusy: live.busy() } }
}
