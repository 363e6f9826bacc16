import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heard, eventually } from './heard.ts'
import { MIB, numbered, plain, text, type SourceTests, type Written } from './world.ts'

/** Records of the second log under a name; their values are none of the first's. */
function newer(partition: number, count: number): Written[] {
  return Array.from({ length: count }, (_, i) => ({ partition, value: text(`new ${partition}:${i}`) }))
}

const CASES = [
  { what: 'fewer records', partitions: 2, count: 1 },
  { what: 'as many records', partitions: 2, count: 5 },
  { what: 'more records', partitions: 2, count: 20 },
  { what: 'fewer partitions', partitions: 1, count: 20 },
  { what: 'more partitions', partitions: 3, count: 20 },
] as const

/** A topic that is deleted and made anew under its name is another log, whatever stands in it. */
export function recreateTests(suite: SourceTests): void {
  for (const { what, partitions, count } of CASES) {
    test(`a topic made anew with ${what} is another log: nobody gets its records under the old epoch`, async () => {
      const { source } = suite.world
      const topic = await suite.world.createTopic(2)
      await suite.world.append(topic, [...numbered(0, 5), ...numbered(1, 5)])
      const old = await source.locate(topic, 'latest')
      const heard = new Heard()
      source.follow(topic, [0, 0], heard, old.epoch)
      await eventually(() => heard.records.length === 10, 'following')

      await suite.world.recreate(topic, partitions)
      const wrote = Array.from({ length: partitions }, (_, partition) => newer(partition, count)).flat()
      await suite.world.append(topic, wrote)

      await eventually(() => heard.changes === 1, 'changed')
      assert.equal(heard.records.length, 10, 'nothing of the new log was followed')
      await assert.rejects(source.read(topic, [5, 5], MIB, undefined, old.epoch), { code: 'changed' })
      await assert.rejects(source.read(topic, [0, 0], MIB, undefined, old.epoch), { code: 'changed' })
      const late = new Heard()
      source.follow(topic, old.vector, late, old.epoch)
      await eventually(() => late.changes === 1, 'changed at once')
      assert.equal(late.records.length, 0)

      const now = await source.locate(topic, 'earliest')
      assert.ok(now.epoch > old.epoch)
      assert.notEqual(now.log, old.log)
      assert.deepEqual(now.vector, Array(partitions).fill(0))
      const again = new Heard()
      const following = source.follow(topic, now.vector, again, now.epoch)
      await eventually(() => again.records.length === wrote.length, 'the new log')
      following.close()
      const slices = await source.read(topic, now.vector, MIB, undefined, now.epoch)
      const values = new Set(slices.flatMap((slice) => slice.records).map(({ value }) => plain(value)))
      assert.deepEqual(values, new Set(wrote.map(({ value }) => plain(value))))
      assert.equal(heard.changes, 1)
      assert.equal(heard.records.length, 10)
    })
  }

  test('a log keeps its epoch and its fingerprint, which no other log has', async () => {
    const { source } = suite.world
    const topic = await suite.world.createTopic(1)
    const first = await source.locate(topic, 'latest')
    await suite.world.append(topic, numbered(0, 3))
    const second = await source.locate(topic, 'earliest')
    assert.deepEqual([second.epoch, second.log], [first.epoch, first.log])
    assert.ok(Number.isInteger(first.log) && first.log > 0 && first.log < 2 ** 32)
  })

  test('made anew twice, each log has an epoch of its own', async () => {
    const { source } = suite.world
    const topic = await suite.world.createTopic(1)
    const located = [await source.locate(topic, 'latest')]
    for (let i = 0; i < 2; i++) {
      await suite.world.recreate(topic, 1)
      located.push(await source.locate(topic, 'latest'))
    }
    const [first, second, third] = located.map(({ epoch }) => epoch)
    assert.ok(first! < second! && second! < third!)
    assert.equal(new Set(located.map(({ log }) => log)).size, 3)
  })
}
