import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ENDLESS } from '../../gateway/stream/account.ts'
import { Batch } from '../../gateway/stream/batch.ts'
import type { Body } from '../../gateway/stream/body.ts'
import type { Frames } from '../../gateway/stream/frames.ts'
import type { Carrier, Outlet } from '../../gateway/stream/outlet.ts'

const carrier: Carrier = { name: 'test', frame: (frames, _view, body) => frames.add('', body, ''), broadcast() {} }

/** A body of so many bytes. */
function bodyOf(bytes: number): Body {
  return { type: 'raw', form: 'raw', id: '', counts: true, head: '', json: new Uint8Array(bytes), tail: '', bytes }
}

class Buffered implements Outlet {
  readonly carrier = carrier
  readonly capacity: number
  readonly sent: number[] = []
  readonly #room: number
  readonly #open: boolean

  constructor(capacity: number, room: number, open = true) {
    this.capacity = capacity
    this.#room = room
    this.#open = open
  }

  room(): number {
    return this.#room
  }

  send(frames: Frames): boolean {
    this.sent.push(frames.bytes)
    return this.#open
  }

  whenRoom(): void {}
  join(): void {}
  leave(): void {}
  tell(): void {}
}

function fill(batch: Batch, sizes: readonly number[]): number {
  let taken = 0
  for (const size of sizes) {
    if (!batch.takes(size)) break
    if (size > 0) batch.add(1, bodyOf(size), null)
    taken++
  }
  return taken
}

describe('batch', () => {
  it('never hands over more than there is room for, whatever the sizes; only one frame larger than the whole buffer, alone', () => {
    const sizes = fc.array(fc.oneof(fc.constant(0), fc.nat(300), fc.nat(90_000)), { maxLength: 50 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 100_000 }), fc.nat(100_000), (frames, capacity, used) => {
        const room = capacity - Math.min(used, capacity)
        const outlet = new Buffered(capacity, room)
        const batch = new Batch(outlet, room, ENDLESS)
        const taken = fill(batch, frames)
        assert.ok(batch.flush())
        const [bytes = 0] = outlet.sent
        const alone = room === capacity && frames.slice(0, taken).filter((size) => size > 0).length === 1
        assert.ok(bytes <= room || (alone && bytes > capacity), `${bytes} bytes into ${room} of ${capacity}`)
      }),
    )
  })

  it('says whether the connection was the bound', () => {
    const small = new Batch(new Buffered(1_000, 500), 500, ENDLESS)
    assert.equal(fill(small, [300, 300]), 1)
    assert.ok(small.full)
    const ample = new Batch(new Buffered(10_000_000, 10_000_000), 10_000_000, ENDLESS)
    assert.ok(
      fill(
        ample,
        Array.from({ length: 100 }, () => 10_000),
      ) < 100,
    )
    assert.ok(!ample.full)
  })

  it('ends its share of the turn by what it looked at, too, so that filtered records hold up nobody', () => {
    const batch = new Batch(new Buffered(1_000, 0), 0, ENDLESS)
    const taken = fill(
      batch,
      Array.from({ length: 100_000 }, () => 0),
    )
    assert.ok(taken > 0 && taken < 100_000)
    assert.ok(!batch.full)
  })

  it('one frame larger than its share still goes', () => {
    const outlet = new Buffered(10_000_000, 10_000_000)
    const batch = new Batch(outlet, 10_000_000, ENDLESS)
    assert.equal(fill(batch, [1_000_000, 10]), 1)
    assert.ok(batch.flush())
    assert.deepEqual(outlet.sent, [1_000_000])
  })

  it('writes nothing where it has nothing, and says when the connection is over', () => {
    const closed = new Buffered(1_000, 1_000, false)
    assert.ok(new Batch(closed, 1_000, ENDLESS).flush())
    assert.deepEqual(closed.sent, [])
    const batch = new Batch(closed, 1_000, ENDLESS)
    fill(batch, [10])
    assert.ok(!batch.flush())
  })
})
