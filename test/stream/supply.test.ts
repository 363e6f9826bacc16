import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SourceError } from '../../gateway/stream/source.ts'
import { Supply } from '../../gateway/stream/supply.ts'
import { recordOf } from './model/records.ts'
import { settle, setUp, slice } from './replays.ts'

describe('a reader’s supply of blocks', () => {
  it('what is expected is read while the reader is busy, once, and is its own when it asks', async () => {
    const { source, tail, replay, memory } = setUp({ replaySlotsMax: 4 })
    const supply = new Supply(replay, tail)
    supply.expect([1])
    await settle()
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    await settle()
    const block = await supply.take([1])
    assert.deepEqual([source.asked.length, block.entries.length], [1, 1])
    await settle()
    assert.equal(replay.heldBytes, block.bytes)
    supply.release(block)
    assert.deepEqual([replay.heldBytes, memory.used], [0, 0])
  })

  it('nothing is read in advance where others wait, where slots are taken, or where memory is half full', async () => {
    const { source, tail, replay } = setUp({ replaySlotsMax: 2, heldBytesMax: 300 })
    const supply = new Supply(replay, tail)
    const first = replay.take(tail, [1])
    supply.expect([2])
    await settle()
    assert.equal(source.asked.length, 1, 'half of the slots are taken')
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    await first
    assert.ok(replay.heldBytes * 2 >= 300)
    supply.expect([2])
    await settle()
    assert.equal(source.asked.length, 1, 'half of the memory is taken')
    supply.expect([1])
    replay.release(await first)
    assert.ok(replay.heldBytes > 0, 'what is there anyhow is held')
    supply.drop()
    await settle()
    assert.equal(replay.heldBytes, 0)
  })

  it('what is not needed after all is given back, before it has come, and before another is waited for', async () => {
    const { source, tail, replay } = setUp({ replaySlotsMax: 4, heldBytesMax: 100 })
    const supply = new Supply(replay, tail)
    supply.expect([1])
    supply.drop()
    await settle()
    source.asked[0]?.answer([slice(0, [recordOf(0, 1)])])
    await settle()
    assert.equal(replay.heldBytes, 0)
    supply.expect([2])
    await settle()
    source.asked[1]?.answer([slice(0, [recordOf(0, 2)])])
    await settle()
    assert.ok(replay.heldBytes >= 100, 'no other read may begin')
    const other = supply.take([3])
    await settle()
    source.asked[2]?.answer([slice(0, [recordOf(0, 3)])])
    assert.equal((await other).entries[0]?.record.offset, 3)
  })

  it('a read in advance that failed is tried anew by who takes it', async () => {
    const { source, tail, replay } = setUp({ replaySlotsMax: 4 })
    const supply = new Supply(replay, tail)
    supply.expect([1])
    await settle()
    source.asked[0]?.fail(new SourceError('unavailable', 'away'))
    await settle()
    const taken = supply.take([1])
    await settle()
    source.asked[1]?.answer([slice(0, [recordOf(0, 1)])])
    assert.equal((await taken).entries.length, 1)
    const failing = supply.take([2])
    await settle()
    source.asked[2]?.fail(new SourceError('unavailable', 'away'))
    await assert.rejects(failing, SourceError)
  })
})
