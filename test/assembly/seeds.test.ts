import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LedgerSeeds } from '../../gateway/assembly/seeds.ts'
import type { Ledger } from '../../gateway/billing/ledger.ts'
import { HandClock, NOON } from '../suites/leases/world.ts'

const BOOT = { node: 'a', worker: 0, boot: 1 }

/** A ledger that hears of a flush when it is told to, and what it was asked. */
function world() {
  const clock = new HandClock(NOON)
  const seen = { flushes: 0, heard: 0, sum: 200 }
  const shipper = {
    boot: BOOT,
    toldUntil: 0,
    flush(): void {
      seen.flushes++
      shipper.toldUntil = clock.now()
    },
  }
  const ledger = {
    toldUntil: async (boot: unknown) => (assert.equal(boot, BOOT), seen.heard || null),
    delivered: async () => ({ messages: seen.sum, bytes: 0 }),
  } as unknown as Ledger
  return { clock, seen, seeds: new LedgerSeeds(ledger, shipper, clock) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('what the ledger knows for a store that has forgotten', () => {
  it('is told with what was delivered just before, once the ledger has heard of it', async () => {
    const { clock, seen, seeds } = world()
    const known: unknown[] = []
    const asked = seeds.delivered('a', 0, NOON).then((amount) => known.push(amount))
    assert.equal(seen.flushes, 1, 'at once')
    for (let i = 0; i < 10; i++) {
      await turn()
      clock.advance(20)
    }
    assert.deepEqual(known, [])
    seen.heard = NOON
    seen.sum = 230
    await turn()
    clock.advance(20)
    await asked
    assert.deepEqual(known, [{ messages: 230, bytes: 0 }])
  })

  it('is what it is where the ledger hears of nothing for a second', async () => {
    const { clock, seeds } = world()
    const known: unknown[] = []
    void seeds.delivered('a', 0, NOON).then((amount) => known.push(amount))
    let ms = 0
    for (; known.length === 0 && ms < 5_000; ms += 20) {
      await turn()
      clock.advance(20)
    }
    assert.deepEqual(known, [{ messages: 200, bytes: 0 }])
    assert.ok(ms >= 1_000 && ms <= 1_100, `${ms} ms`)
  })

  it('costs one flush for all agreements of one turn, and another for the next turn', async () => {
    const { seen, seeds } = world()
    seen.heard = NOON
    await Promise.all(['a', 'b', 'c'].map((agreement) => seeds.delivered(agreement, 0, NOON)))
    assert.equal(seen.flushes, 1)
    await seeds.delivered('a', 0, NOON)
    assert.equal(seen.flushes, 2)
  })
})
