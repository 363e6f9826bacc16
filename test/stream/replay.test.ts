import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Block } from '../../gateway/stream/replay.ts'
import { SourceError } from '../../gateway/stream/source.ts'
import { recordOf } from './model/records.ts'
import { settle, setUp, slice } from './replays.ts'

describe('replay', () => {
  it('reads at most so many at once, the others in the order in which they came', async () => {
    const { source, tail, replay } = setUp()
    const taken = [1, 2, 3, 4].map((from) => replay.take(tail, [from]))
    await settle()
    assert.deepEqual(
      source.asked.map(({ from }) => from),
      [[1], [2]],
    )
    source.asked[1]?.answer([])
    await settle()
    assert.deepEqual(source.asked[2]?.from, [3])
    assert.equal(source.asked.length, 3)
    for (let i = 0; i < 4; i++) {
      source.asked[i]?.answer([])
      await settle()
    }
    await Promise.all(taken)
    assert.equal(replay.reads, 4)
  })

  it('one read serves all who stand at the same place, while it is under way and while anybody holds it', async () => {
    const { source, tail, replay } = setUp()
    const first = replay.take(tail, [7, 8])
    const second = replay.take(tail, [7, 8])
    await settle()
    source.asked[0]?.answer([slice(0, [recordOf(0, 7)])])
    const block = await first
    assert.equal(await second, block)
    assert.equal(await replay.take(tail, [7, 8]), block)
    assert.equal(source.asked.length, 1)
    for (let holders = 3; holders > 0; holders--) replay.release(block)
    void replay.take(tail, [7, 8])
    await settle()
    assert.equal(source.asked.length, 2)
  })

  it('another place, and the same place of another log, are read by themselves', async () => {
    const { source, tail, replay } = setUp({ replaySlotsMax: 9 })
    void replay.take(tail, [7, 8])
    void replay.take(tail, [8, 7])
    tail.generation++
    void replay.take(tail, [7, 8])
    await settle()
    assert.equal(source.asked.length, 3)
  })

  it('an empty place is asked for again: there may be something by then', async () => {
    const { source, tail, replay } = setUp()
    const first = replay.take(tail, [7])
    await settle()
    source.asked[0]?.answer([slice(0, [])])
    const empty = await first
    const second = replay.take(tail, [7])
    await settle()
    assert.equal(source.asked.length, 2)
    source.asked[1]?.answer([slice(0, [recordOf(0, 7)])])
    assert.notEqual(await second, empty)
    replay.release(empty)
    assert.equal(replay.heldBytes, (await second).bytes)
  })

  it('a read begins only below the bound of what is held, and what is released makes way for it', async () => {
    const { source, memory, tail, replay } = setUp({ heldBytesMax: 100 })
    const first = replay.take(tail, [1])
    await settle()
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    const block = await first
    assert.ok(replay.heldBytes >= 100)
    assert.equal(memory.used, block.bytes)
    void replay.take(tail, [2])
    await settle()
    assert.equal(source.asked.length, 1)
    replay.release(block)
    await settle()
    assert.deepEqual(source.asked[1]?.from, [2])
    assert.equal(replay.heldBytes, 0)
    assert.equal(memory.used, 0)
  })

  it('says when a block has come into memory, since others may have to make way for it', async () => {
    const { source, grown, tail, replay } = setUp()
    const taken = replay.take(tail, [1])
    await settle()
    assert.deepEqual(grown, [])
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    assert.deepEqual(grown, [(await taken).bytes])
  })

  it('what is released twice counts once', async () => {
    const { source, memory, tail, replay } = setUp()
    const first = replay.take(tail, [1])
    await settle()
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    const block = await first
    replay.release(block)
    replay.release(block)
    assert.deepEqual([replay.heldBytes, memory.used], [0, 0])
  })

  it('a read that fails fails for all who wait, sets its slot free, and is tried anew by who asks again', async () => {
    const { source, tail, replay } = setUp({ replaySlotsMax: 1 })
    const both = Promise.allSettled([replay.take(tail, [1]), replay.take(tail, [1])])
    await settle()
    source.asked[0]?.fail(new SourceError('unavailable', 'away'))
    const reasons = (await both).map((one) => one.status === 'rejected' && (one.reason as SourceError).code)
    assert.deepEqual(reasons, ['unavailable', 'unavailable'])
    const again = replay.take(tail, [1])
    await settle()
    source.asked[1]?.answer([slice(0, [])])
    assert.equal((await again).entries.length, 0)
  })

  it('merges partitions by time, each in the order of its offsets, even where timestamps go back', async () => {
    const { source, tail, replay } = setUp()
    const taken = replay.take(tail, [0, 0])
    await settle()
    const a = [recordOf(0, 0, 100), recordOf(0, 1, 50), recordOf(0, 2, 300)]
    const b = [recordOf(1, 0, 90), recordOf(1, 1, 110), recordOf(1, 2, 200)]
    source.asked[0]?.answer([slice(0, a), slice(1, b)])
    assert.deepEqual(places(await taken), ['1-0', '0-0', '0-1', '1-1', '1-2', '0-2'])
  })
})

function places({ entries }: Block): string[] {
  return entries.map(({ record }) => `${record.partition}-${record.offset}`)
}
