import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Bench, ids, kinds } from './model/bench.ts'

/** Of the model's first log. */
const EPOCH = 0
const LOG = 1

describe('where a cursor leads', () => {
  const CURSORS: readonly (readonly [what: string, epoch: number, log: number, another: boolean])[] = [
    ['of this log', EPOCH, LOG, false],
    ['of this epoch, from a node that could not name its log', EPOCH, 0, false],
    ['of this epoch as another node counts it, which follows another log', EPOCH, LOG + 1, true],
    ['of another epoch, from a node that could not name its log', EPOCH + 1, 0, true],
    ['of another epoch and another log', EPOCH + 1, LOG + 1, true],
    ['of this log, from a node that counts its epochs apart', EPOCH + 1, LOG, false],
  ]

  for (const [what, epoch, log, another] of CURSORS) {
    it(`a cursor ${what}: ${another ? 'a reset, from its time on' : 'the next record'}`, async () => {
      const bench = new Bench()
      bench.append(10)
      const time = bench.now
      const sent = bench.open({ kind: 'cursor', cursor: { epoch, log, time, vector: [4] } })
      await bench.run()
      assert.deepEqual(kinds(sent), another ? ['subscribed', 'gap'] : ['subscribed'])
      // All ten lie within the margin of a reset.
      assert.deepEqual(
        ids(sent),
        Array.from({ length: another ? 10 : 6 }, (_, i) => `0-${i + (another ? 0 : 4)}`),
      )
      assert.deepEqual(bench.faults, [])
    })
  }
})
