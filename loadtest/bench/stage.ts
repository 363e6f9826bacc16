import { randomBytes } from 'node:crypto'
import { startArm, type Arm, type Place } from './arm.ts'
import { topicOf } from './document.ts'
import { Feed } from './feed.ts'
import type { ArmName, Shape } from './shape.ts'
import { deleteTopics } from './topics.ts'

export interface Standing {
  readonly feed: Feed
  readonly brokers: readonly string[]
  readonly topics: readonly string[]
  /** Ended with the stage, if not before. */
  readonly start: (name: ArmName) => Promise<Arm>
}

/** Topics of a shape's own, and arms on them; whatever happens, all of them are gone afterwards. */
export async function onStage<T>(shape: Shape, place: Place, act: (stage: Standing) => Promise<T>): Promise<T> {
  const prefix = `bench.${randomBytes(4).toString('hex')}`
  const topics = Array.from({ length: shape.topics }, (_, lane) => topicOf(prefix, lane))
  const { brokers } = place
  const arms: Arm[] = []
  let feed: Feed | null = null
  try {
    const opened = (feed = await Feed.open(shape, brokers, topics))
    const start = async (name: ArmName): Promise<Arm> => {
      const arm = await startArm(name, { ...place, shape, prefix, topics, feed: opened })
      arms.push(arm)
      return arm
    }
    return await act({ feed, brokers, topics, start })
  } finally {
    await Promise.allSettled(arms.map((arm) => arm.end()))
    await feed?.close()
    await deleteTopics(prefix)
  }
}

/** The arms by turns, each round in the other order, so that whatever else the machine does meets all of them. */
export async function byTurns<T>(
  arms: readonly T[],
  rounds: number,
  run: (arm: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) await run(arm, round)
  }
}
