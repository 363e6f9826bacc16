import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adviceFor } from '../../client/advice.ts'
import { CLOSE_CODES } from '../../client/codes.ts'
import { ERRORS } from '../../gateway/errors.ts'

const LOST = { code: 1006, error: null, reason: 'lost', retryAfterMs: null, reached: true }

describe('advice', () => {
  it('the client knows each error of the gateway by its close code, and no other', () => {
    const codes = Object.fromEntries(Object.entries(ERRORS).map(([error, { close }]) => [error, close]))
    assert.deepEqual({ ...CLOSE_CODES }, codes)
  })

  it('the range of a close code decides, for every code of the table', () => {
    for (const [error, { close }] of Object.entries(ERRORS)) {
      const expected = close < 4200 ? 'reconnect' : close < 4400 ? 'new-token' : 'stop'
      assert.equal(adviceFor({ ...LOST, code: close }, 0, () => 0).next, expected, error)
    }
  })

  it('waits grow, are jittered, stay under half a minute and never fall to nothing', () => {
    const waitOf = (failures: number, random: number, code = 1006): number => {
      const advice = adviceFor({ ...LOST, code }, failures, () => random)
      return advice.next === 'stop' ? assert.fail('stopped') : advice.ms
    }
    assert.deepEqual(
      [0, 1, 2, 20, 5000].map((failures) => waitOf(failures, 0)),
      [250, 500, 1000, 15_000, 15_000],
    )
    assert.equal(waitOf(20, 1), 30_000)
    assert.deepEqual([waitOf(0, 0.25, 4000), waitOf(1, 0, 4000)], [250, 500])
    assert.deepEqual([waitOf(0, 0.5, 4201), waitOf(1, 0, 4201)], [0, 500])
    assert.equal(adviceFor({ ...LOST, code: 4429, retryAfterMs: 1 }, 0, () => 0).next, 'stop')
  })
})
