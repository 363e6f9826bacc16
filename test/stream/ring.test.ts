import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Entry } from '../../gateway/stream/entry.ts'
import { Position } from '../../gateway/stream/position.ts'
import { Ring } from '../../gateway/stream/ring.ts'
import { recordOf } from './model/records.ts'

const PARTITIONS = 4

type Step = { readonly append: number; readonly jump: number } | { readonly evict: number } | { readonly clear: true }

const append = fc.record({ append: fc.nat(PARTITIONS - 1), jump: fc.nat(3) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: append },
  { weight: 3, arbitrary: fc.record({ evict: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ clear: true as const }) },
)

/** What the ring must be: a list, and a floor a partition. */
class ModelRing {
  entries: { readonly seq: number; readonly partition: number; readonly offset: number }[] = []
  readonly floors: number[] = Array.from({ length: PARTITIONS }, () => 0)
  readonly next: number[] = Array.from({ length: PARTITIONS }, () => 0)
}

function play(steps: readonly Step[]): { readonly ring: Ring; readonly model: ModelRing; readonly used: () => number } {
  const memory = { used: 0, bytesMax: 0 }
  const ring = new Ring(memory)
  const model = new ModelRing()
  ring.clear(model.floors)
  for (const one of steps) {
    if ('append' in one) {
      const offset = (model.next[one.append] as number) + one.jump
      model.next[one.append] = offset + 1
      model.entries.push({ seq: ring.end, partition: one.append, offset })
      ring.append(new Entry(recordOf(one.append, offset)))
    } else if ('evict' in one) {
      for (let i = 0; i < one.evict; i++) {
        const freed = ring.evict()
        const gone = model.entries.shift()
        assert.equal(freed > 0, gone !== undefined)
        if (gone) model.floors[gone.partition] = gone.offset + 1
      }
    } else {
      ring.clear(model.next)
      model.entries = []
      model.next.forEach((next, p) => (model.floors[p] = next))
    }
  }
  return { ring, model, used: () => memory.used }
}

describe('ring', () => {
  it('holds what was appended and not evicted, in order, and its bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { ring, model, used } = play(steps)
        assert.equal(ring.end - ring.start, model.entries.length)
        assert.deepEqual(ring.floors.slice(0, PARTITIONS), model.floors)
        let bytes = 0
        model.entries.forEach(({ seq, partition, offset }) => {
          const { record } = ring.at(seq)
          assert.deepEqual([record.partition, record.offset], [partition, offset])
          bytes += ring.at(seq).bytes
        })
        assert.equal(ring.bytes, bytes)
        assert.equal(used(), bytes)
      }),
    )
  })

  it('takes in exactly who stands at or above every floor, at the first record that is news', () => {
    const vector = fc.array(fc.nat(60), { minLength: PARTITIONS, maxLength: PARTITIONS })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), vector, (steps, next) => {
        const { ring, model } = play(steps)
        const position = new Position(next, 0)
        assert.equal(
          ring.holds(position),
          model.floors.every((floor, p) => (next[p] as number) >= floor),
        )
        const first = model.entries.find(({ partition, offset }) => offset >= (next[partition] as number))
        assert.equal(ring.seqOf(position), first?.seq ?? ring.end)
      }),
      { numRuns: 500 },
    )
  })

  it('stays right over many thousand evictions, when its arrays are reclaimed', () => {
    const steps: Step[] = []
    for (let i = 0; i < 9_000; i++) {
      steps.push({ append: i % 3, jump: i % 2 })
      if (i > 500) steps.push({ evict: 1 })
    }
    const { ring, model } = play(steps)
    const newest = model.entries.at(-1) as ModelRing['entries'][number]
    assert.equal(ring.end - ring.start, model.entries.length)
    assert.equal(ring.at(newest.seq).record.offset, newest.offset)
    const middle = model.entries[250] as ModelRing['entries'][number]
    const next = model.next.map((at, p) => (p === middle.partition ? middle.offset : at))
    assert.equal(ring.seqOf(new Position(next, 0)), middle.seq)
  })

  it('who stood in it finds itself outside once it was cleared', () => {
    const { ring } = play([
      { append: 0, jump: 0 },
      { append: 1, jump: 0 },
    ])
    const { end } = ring
    ring.clear([1, 1, 0, 0])
    assert.ok(ring.start > end)
    assert.equal(ring.start, ring.end)
  })

  it('a partition that nobody could place is held for who waits for the same place, and no other', () => {
    const ring = new Ring({ used: 0, bytesMax: 0 })
    ring.clear([5, -1_000])
    assert.ok(ring.holds(new Position([5, -1_000], 0)))
    assert.ok(!ring.holds(new Position([5, -999], 0)))
    assert.ok(!ring.holds(new Position([5, 7], 0)))
    ring.setFloor(1, 6)
    assert.ok(ring.holds(new Position([5, 7], 0)))
    assert.ok(!ring.holds(new Position([5, -1_000], 0)))
  })
})
