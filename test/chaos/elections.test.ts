import assert from 'node:assert/strict'
import { elect, ON_TWO, uncleanElection } from './faults/election.ts'
import { Stage } from './stage.ts'
import { chaosSuite, type Check } from './suite.ts'

const LOST = 20

/** docs/reliability.md, «What is not found out»: the cursor holds no leader epoch by which it could be. */
const overwritten: Check = async (world, seed) => {
  const stage = await Stage.open(world, seed, ON_TWO)
  stage.mayLose = true
  const away = stage.partners.at(-1)!
  const { heal } = await elect(stage, LOST, stage.partners, [away])
  const before = away.place!.next[0]!
  try {
    await stage.write(2 * LOST)
    await stage.readTo(stage.partners.slice(0, -1))
    away.wake()
  } finally {
    await heal()
  }
  const { counts, examples, troubles } = await stage.verdict()
  assert.deepEqual(troubles, [])
  assert.equal(counts.hole, LOST, `it stood at ${before}: ${examples.join('\n')}`)
  assert.ok(examples.every((one) => one.includes(away.name)))
  assert.ok(!away.events.some(({ type }) => type === 'gap'))
}

chaosSuite(
  'chaos elections',
  [[uncleanElection]],
  [
    [
      'a cursor from before an unclean election passes unnoticed where the log has grown past it again, as documented',
      overwritten,
    ],
  ],
)
