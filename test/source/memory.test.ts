import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../gateway/clock.ts'
import { MemorySource } from '../../gateway/source/memory.ts'
import { sourceSuite } from '../suites/source.ts'
import type { SourceWorld } from '../suites/source/world.ts'

let topics = 0

async function openMemory(): Promise<SourceWorld> {
  const source = new MemorySource({ clock: systemClock, epoch: 3, retention: { ageMsMax: Number.MAX_SAFE_INTEGER } })
  return {
    source,
    createTopic: async (partitions) => {
      const name = `topic-${topics++}`
      source.createTopic(name, partitions)
      return name
    },
    append: async (topic, records) => records.map((record) => source.append(topic, record).offset),
    hole: async (topic, partition) => source.appendHole(topic, partition, 4),
    deleteBefore: async (topic, partition, offset) => source.deleteRecordsBefore(topic, partition, offset),
    addPartitions: async (topic, total) => source.addPartitions(topic, total),
    recreate: async (topic, partitions) => {
      source.deleteTopic(topic)
      source.createTopic(topic, partitions)
    },
    close: () => source.close(),
  }
}

describe('source × memory', () => {
  sourceSuite(openMemory)

  test('after close everything is refused as closed', async () => {
    const world = await openMemory()
    const topic = await world.createTopic(1)
    await world.close()
    await assert.rejects(world.source.read(topic, [0], 1), { code: 'closed' })
  })
})
