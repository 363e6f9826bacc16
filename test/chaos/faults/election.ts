import type { Fault } from '../fault.ts'
import { until } from '../../integration/support/until.ts'
import { Stage, type Outcome } from '../stage.ts'

/** Those of the cast that keep their connection: over WebSocket, server-sent events and NDJSON. */
const STAYING = 3

/** One partition that two brokers hold; the third keeps the quorum whatever happens to these. */
export const ON_TWO = {
  replicas: [[0, 1]],
  acks: 1,
  config: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
} as const

/** The one that was left behind becomes leader, since nobody else is there: what it lacks is gone. `heal` brings the other one back. Those `resting` are away from before on, with the cursors of what is lost. */
export async function elect(
  stage: Stage,
  lost: number,
  readers = stage.partners,
  resting: typeof readers = [],
): Promise<{ readonly heal: () => Promise<void> }> {
  const { kafka } = stage.world
  const leader = await stage.leaderOf(0)
  const other = 1 - leader
  await kafka.kill(other)
  await until(`broker ${other} to be left behind`, async () => (await stage.inSync(0)).length === 1, 30_000)
  await stage.writer.renew()
  await stage.write(lost)
  await stage.readTo(readers)
  for (const one of resting) await one.rest()
  await kafka.kill(leader)
  await kafka.restart(other)
  await until(`broker ${other} to lead`, async () => (await stage.leaderOf(0)) === other, 30_000)
  await stage.writer.renew()
  return { heal: () => kafka.restart(leader) }
}

export const uncleanElection: Fault = {
  name: 'unclean-election',
  what: 'a replica that was left behind becomes leader: records that were delivered are taken back, others come under their offsets. Every other seed at once more than were lost, with clients that stay; else fewer at first, with clients that come and go',
  async run(world, seed) {
    const stage = await Stage.open(world, seed, ON_TWO)
    stage.mayLose = true
    await stage.write(stage.between(5, 40))
    return seed % 2 === 0 ? await whoStays(stage) : await whoComesBack(stage)
  },
}

/** Connected all the time, they are told whatever comes: their gateways compare leader epochs. The others know nothing of what is lost. */
async function whoStays(stage: Stage): Promise<Outcome> {
  const [staying, others] = [stage.partners.slice(0, STAYING), stage.partners.slice(STAYING)]
  await stage.readTo()
  for (const other of others) await other.rest()
  const lost = stage.between(20, 60)
  const { heal } = await elect(stage, lost, staying)
  try {
    await stage.write(lost + stage.between(10, 100))
    await stage.readTo(staying)
    for (const other of others) other.wake()
  } finally {
    await heal()
  }
  return stage.proved(await stage.verdict(), staying)
}

/** A cursor from before is above the end when it is presented. */
async function whoComesBack(stage: Stage): Promise<Outcome> {
  const lost = stage.between(20, 60)
  const { heal } = await elect(stage, lost)
  try {
    await stage.write(stage.between(1, lost - 10))
    await stage.readTo()
    await stage.write(lost + stage.between(1, 60))
  } finally {
    await heal()
  }
  return stage.proved(await stage.verdict())
}
