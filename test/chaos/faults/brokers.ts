import type { Fault } from '../fault.ts'
import { Stage } from '../stage.ts'

const FROZEN_MS_MAX = 5000

export const leaderKilled: Fault = {
  name: 'leader-killed',
  what: 'the leader of a partition is killed amid the stream (`SIGKILL`), replaced and started again',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    stage.flow()
    await stage.pass(300)
    const victim = await stage.leaderOf(stage.between(0, stage.partitions - 1))
    await world.kafka.kill(victim)
    try {
      await stage.pass(1500)
      await stage.untilLed()
      await stage.pass(500)
    } finally {
      await world.kafka.restart(victim)
    }
    await stage.pass(500)
    return await stage.verdict()
  },
}

export const brokerFrozen: Fault = {
  name: 'broker-frozen',
  what: 'a broker keeps its connections and answers nothing for up to 5 s (`SIGSTOP`), then goes on',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    stage.flow()
    await stage.pass(300)
    const node = stage.between(0, 2)
    world.kafka.freeze(node)
    try {
      await stage.pass(FROZEN_MS_MAX)
    } finally {
      world.kafka.thaw(node)
    }
    await stage.pass(1000)
    return await stage.verdict()
  },
}
