import { until } from '../../integration/support/until.ts'
import type { Fault } from '../fault.ts'
import { Stage } from '../stage.ts'

export const partitionsAdded: Fault = {
  name: 'partitions-added',
  what: 'the topic gets more partitions while it is read; some clients are away meanwhile',
  async run(world, seed) {
    const stage = await Stage.open(world, seed, { partitions: stageWidth(seed) })
    stage.flow()
    const resting = stage.partners.at(-1)!
    await resting.rest()
    await stage.pass(300)
    await stage.ebb()
    const more = stage.partitions + stage.between(1, 4)
    await world.admin.createPartitions({ topicPartitions: [{ topic: stage.topic, count: more }] })
    stage.partitions = more
    await stage.untilLed()
    await stage.writer.renew()
    stage.flow()
    await stage.pass(800)
    resting.wake()
    await stage.pass(500)
    return await stage.verdict()
  },
}

const stageWidth = (seed: number): number => 1 + (seed % 4)

export const topicRecreated: Fault = {
  name: 'topic-recreated',
  what: 'the topic is deleted and made anew with more records than before; some clients are away meanwhile',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    stage.flow()
    await stage.pass(500)
    const [restless, resting] = [stage.partners.at(-2)!, stage.partners.at(-1)!]
    await resting.rest()
    await stage.ebb()
    // Half of the time there is something that was never read.
    if (stage.random() < 0.5) await stage.readTo([restless])
    await stage.snapshot()
    const before = stage.writer.acknowledged.size
    await world.admin.deleteTopics({ topics: [stage.topic] })
    await stage.makeTopic()
    stage.epoch++
    await stage.writer.renew()
    await stage.write(before + stage.between(10, 200))
    await stage.pass(500)
    resting.wake()
    stage.flow()
    await stage.pass(1000)
    return stage.proved(await stage.verdict())
  },
}

export const recordsDeleted: Fault = {
  name: 'records-deleted',
  what: 'the start of the log moves (`DeleteRecords`) past cursors of clients that rest; with every other seed past those of all, whose gateways crash',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    const resting = stage.partners.at(-1)!
    await resting.rest()
    stage.flow()
    for (let round = 0; round < 2; round++) {
      await stage.pass(500)
      await trim(stage)
    }
    const crash = seed % 2 === 0
    if (crash) await trimUnheard(stage)
    resting.wake()
    await stage.pass(500)
    const outcome = await stage.verdict()
    return crash ? stage.proved(outcome) : outcome
  },
}

/** While no gateway runs, so that none holds in memory what the log gives up. */
async function trimUnheard(stage: Stage): Promise<void> {
  await stage.ebb()
  for (const door of stage.doors) await door.crash()
  await stage.write(60)
  await trim(stage, 1)
  for (const door of stage.doors) await door.restart()
  stage.flow()
}

/** Up to a random place of each partition, by chance its end: none that no snapshot has seen. */
async function trim(stage: Stage, toEnd = 0.5): Promise<void> {
  const { admin } = stage.world
  await stage.snapshot()
  const partitions = stage.history.now.map(({ last }, partition) => {
    const { start, end } = last!
    return { partition, offset: stage.random() < toEnd ? end : stage.between(start, end) }
  })
  // Makes kafkajs look up the leaders, which deleting does not.
  await admin.fetchTopicOffsets(stage.topic)
  const wanted = partitions.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
  await admin.deleteTopicRecords({ topic: stage.topic, partitions: wanted })
  await until('the start to move', async () => {
    const offsets = await admin.fetchTopicOffsets(stage.topic)
    return offsets.every(({ partition, low }) => Number(low) >= (partitions[partition]?.offset ?? 0))
  })
}

export const transactionsAborted: Fault = {
  name: 'transactions-aborted',
  what: 'two aborted transactions of one producer within a fetch, and aborted ones larger than a fetch, between committed and plain records',
  async run(world, seed) {
    const stage = await Stage.open(world, seed)
    const resting = stage.partners.at(-1)!
    await resting.rest()
    stage.flow()
    const partition = stage.between(0, stage.partitions - 1)
    const small = (how: 'commit' | 'abort') => ({ how, partition, batches: batches(stage, 4, 5), padMax: 200 })
    await stage.writer.transact('small', [
      small('commit'),
      small('abort'),
      small('commit'),
      small('abort'),
      small('commit'),
    ])
    // Of some 30 KB each, and a fetch of a partition brings 1 MiB at most.
    const large = (how: 'commit' | 'abort') => ({ how, partition, batches: batches(stage, 12, 5), padMax: 60_000 })
    await Promise.all([
      stage.writer.transact('large', [large('abort'), small('commit'), large('abort')]),
      stage.writer.transact('between', [small('commit'), small('abort'), small('abort'), small('commit')]),
    ])
    resting.wake()
    await stage.pass(300)
    return await stage.verdict()
  },
}

function batches(stage: Stage, max: number, recordsMax: number): number[] {
  return Array.from({ length: stage.between(Math.ceil(max / 2), max) }, () => stage.between(1, recordsMax))
}
