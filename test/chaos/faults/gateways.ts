import type { Fault } from '../fault.ts'
import { Stage } from '../stage.ts'

const ROUNDS = 3

export const gatewayKilled: Fault = {
  name: 'gateway-killed',
  what: 'one gateway process after the other is killed (`SIGKILL`) and started again while clients go to the other one',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    stage.flow()
    for (let round = 0; round < ROUNDS; round++) {
      const door = stage.doors[(seed + round) % stage.doors.length]!
      await stage.pass(400)
      await door.crash()
      await stage.pass(300)
      await door.restart()
    }
    await stage.pass(300)
    return await stage.verdict()
  },
}
