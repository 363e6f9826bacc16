import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Agreement } from '../../../gateway/access/grant.ts'
import { seedOfRun, seeded } from '../../integration/support/random.ts'
import { playModel } from './model.ts'
import type { Amount, Leases } from '../../../gateway/quota/leases.ts'
import type { OpenLeases } from './port.ts'
import { DAY, HandClock, MINUTE, NOON, Rider, Taker, World, agreementOf, perDay, perMinute, perMonth } from './world.ts'

/** What pools of several nodes must do over every `Leases`. */
export function poolSuite(open: OpenLeases): void {
  const worldOf = async (nodes = 2, now = NOON): Promise<World> => {
    const clock = new HandClock(now)
    return new World({ nodes, leases: await open(clock), clock })
  }
  const takers = (world: World, agreement: Agreement, wants: number): Taker[] =>
    world.nodes.map(({ quota }) => new Taker(quota.pool(agreement), wants))
  const sum = (all: readonly Taker[]): number => all.reduce((total, { taken }) => total + taken, 0)

  for (const kind of [Taker, Rider]) {
    test(`two nodes spend an allowance of 500 to the last one, in at most 50 calls (${kind.name})`, async () => {
      const world = await worldOf()
      const agreement = agreementOf([perDay(500)])
      const all = world.nodes.map(({ quota }) => new kind(quota.pool(agreement), 400))
      for (const one of all) one.go()
      await world.ticksUntil('both exhausted', () => all.every(({ exhaustions }) => exhaustions.length > 0))
      assert.equal(sum(all), 500)
      assert.deepEqual(
        all.map(({ exhaustions }) => exhaustions),
        [[Date.UTC(2026, 10, 23)], [Date.UTC(2026, 10, 23)]],
      )
      assert.ok(world.calls <= 50, `${world.calls} calls`)
    })
  }

  test('what a rider has in advance and does not spend is spent by another of its pool', async () => {
    const world = await worldOf(1)
    const pool = world.quota(0).pool(agreementOf([perDay(160)]))
    const [rider, taker] = [new Rider(pool, 1), new Taker(pool, 1000)]
    rider.go()
    await world.ticksUntil('one taken', () => rider.taken === 1)
    assert.ok(rider.messages > 0)
    taker.go()
    await world.ticksUntil('exhausted', () => taker.exhaustions.length > 0)
    assert.deepEqual([taker.taken, rider.messages], [159, 0])
  })

  for (const { plan, allowed, callsMax } of [
    { plan: 'with room', allowed: 600_000_000, callsMax: 6 },
    { plan: 'that allows twice that', allowed: 120_000, callsMax: 6 },
  ]) {
    test(`1,000 records a second, of a plan ${plan}, cost at most ${callsMax} calls a minute, however many ride`, async () => {
      const world = await worldOf(1)
      const pool = world.quota(0).pool(agreementOf([perMinute(allowed)]))
      const riders = Array.from({ length: 100 }, () => new Rider(pool, 0))
      for (let tick = 0; tick < 240; tick++) {
        for (let record = 0; record < 250; record++) {
          const rider = riders[(250 * tick + record) % riders.length] as Rider
          rider.wants++
          rider.go()
        }
        await world.ticks(1)
      }
      await world.ticksUntil('all taken', () => sum(riders) === 60_000)
      assert.ok(world.calls <= callsMax, `${world.calls} calls`)
    })
  }

  test('who holds some and is alone speaks seldom, and is alive to whoever comes all the same', async () => {
    const world = await worldOf()
    const [first, second] = takers(world, agreementOf([perDay(160)]), 1) as [Taker, Taker]
    first.go()
    await world.ticksUntil('one taken', () => first.taken === 1)
    const before = world.calls
    await world.ticks(26 * 4)
    assert.equal(world.calls - before, 2, 'calls in 26 s')
    second.wants = 1_000
    second.go()
    await world.ticksUntil('exhausted', () => second.exhaustions.length > 0)
    assert.equal(sum([first, second]), 160)
  })

  test('what was handed out while the store was away counts once where it comes back empty and the ledger knows it', async () => {
    const clock = new HandClock(NOON)
    const store = await FickleStore.open(open, clock)
    let ledger = 0
    const delivered = async (): Promise<Amount> => ({ messages: ledger, bytes: 0 })
    const world = new World({ nodes: 1, leases: store.leases, clock, delivered })
    const taker = new Taker(world.quota(0).pool(agreementOf([perDay(160)])), 50)
    taker.go()
    await world.ticksUntil('50 taken', () => taker.taken === 50)
    store.leave()
    taker.wants = 1000
    taker.go()
    await world.ticksUntil('paused', () => taker.exhaustions.includes(null))
    ledger = taker.taken
    assert.ok(ledger >= 50 + 16, `${ledger} of 66 and what was leased`)
    await store.comeBackEmpty()
    await world.ticksUntil('exhausted', () => taker.exhaustions.some((at) => at !== null))
    assert.equal(taker.taken, 160)
  })

  test('what a node holds while an empty store is seeded, and hands out meanwhile, counts once', async () => {
    const clock = new HandClock(NOON)
    const store = await FickleStore.open(open, clock)
    const meanwhile: number[] = []
    const delivered = async (): Promise<Amount> => {
      const known = taker.taken
      if (known > 0) {
        taker.wants = 3
        taker.go()
        meanwhile.push(taker.taken - known)
      }
      return { messages: known, bytes: 0 }
    }
    const world = new World({ nodes: 1, leases: store.leases, clock, delivered })
    const taker = new Taker(world.quota(0).pool(agreementOf([perDay(160)])), 15)
    taker.go()
    await world.ticksUntil('15 taken', () => taker.taken === 15)
    await store.comeBackEmpty()
    await world.ticksUntil('seeded', () => meanwhile.length > 0)
    assert.deepEqual(meanwhile, [3], 'of what it held')
    taker.wants = 1000
    taker.go()
    await world.ticksUntil('exhausted', () => taker.exhaustions.some((at) => at !== null))
    assert.equal(taker.taken, 160)
  })

  test('what comes back at an edge while an empty store is seeded is had again', async () => {
    const clock = new HandClock(NOON)
    const store = await FickleStore.open(open, clock)
    let edges = 0
    const delivered = async (): Promise<Amount> => {
      const known = taker.taken
      if (known > 0 && edges++ === 0) {
        clock.advance(60_000)
        world.quota(0).lapse(clock.monotonic())
      }
      return { messages: known, bytes: 0 }
    }
    const world = new World({ nodes: 1, leases: store.leases, clock, delivered })
    const taker = new Taker(world.quota(0).pool(agreementOf([perMinute(1600), perDay(160)])), 15)
    taker.go()
    await world.ticksUntil('15 taken', () => taker.taken === 15)
    await store.comeBackEmpty()
    await world.ticksUntil('seeded', () => edges > 0)
    taker.wants = 1000
    taker.go()
    await world.ticksUntil('exhausted', () => taker.exhaustions.some((at) => at !== null))
    assert.equal(taker.taken, 160)
  })

  test('the allowance of one second is spent within it, and so is that of the next', async () => {
    const world = await worldOf(1)
    const taker = new Taker(world.quota(0).pool(agreementOf([{ perMs: 1_000, messages: 160, bytes: null }])), 1_000)
    taker.go()
    const taken: number[] = []
    for (let second = 0; second < 3; second++) {
      await world.pass(990)
      taken.push(taker.taken)
      await world.pass(10)
    }
    assert.deepEqual(taken, [160, 320, 480])
  })

  test('what lies idle on one node is spent on another', async () => {
    const world = await worldOf()
    const agreement = agreementOf([perDay(40)])
    const [idle, busy] = takers(world, agreement, 1) as [Taker, Taker]
    idle.go()
    await world.ticksUntil('one spent', () => idle.taken === 1)
    busy.wants = 100
    busy.go()
    await world.ticksUntil('all spent', () => busy.taken === 39)
    await world.ticksUntil('told', () => busy.exhaustions.length === 1)
  })

  test('a node that dies takes no more than its lease with it, and nothing is handed out twice', async () => {
    const world = await worldOf()
    const agreement = agreementOf([perDay(500)])
    const [dying, other] = takers(world, agreement, 5) as [Taker, Taker]
    dying.go()
    await world.ticksUntil('some spent', () => dying.taken === 5)
    ;(world.nodes[0] as { dead: boolean }).dead = true
    other.wants = 1000
    other.go()
    await world.ticksUntil('exhausted', () => other.exhaustions.length > 0)
    assert.ok(dying.taken + other.taken <= 500)
    assert.ok(other.taken >= 500 - 32, `${other.taken} of at least 468`)
  })

  test('at the edge of a window the next one is whole, and what was left is void', async () => {
    const world = await worldOf()
    const agreement = agreementOf([perMinute(32)])
    const [a, b] = takers(world, agreement, 1) as [Taker, Taker]
    for (const one of [a, b]) one.go()
    await world.ticksUntil('first minute', () => sum([a, b]) === 2)
    await world.ticks(1, MINUTE)
    for (const one of [a, b]) one.wants = 100
    for (const one of [a, b]) one.go()
    await world.ticksUntil('told', () => [a, b].every(({ exhaustions }) => exhaustions.length === 1))
    assert.equal(sum([a, b]), 34)
    assert.deepEqual(a.exhaustions, [NOON + 2 * MINUTE])
    await world.ticksUntil('third minute', () => sum([a, b]) === 66, 300)
  })

  test("the end of a minute does not burn the month's allowance", async () => {
    const world = await worldOf(2, Date.UTC(2028, 1, 29, 23, 50))
    const agreement = agreementOf([perMonth(60), perMinute(32)])
    const all = takers(world, agreement, 1)
    for (let minute = 0; minute < 5; minute++) {
      for (const one of all) one.wants = 1
      for (const one of all) one.go()
      await world.ticksUntil('both', () => sum(all) === 2 * (minute + 1))
      await world.ticks(1, MINUTE)
    }
    for (const one of all) one.wants = 100
    for (const one of all) one.go()
    await world.ticksUntil('the rest', () => sum(all) === 60, 1000)
    await world.ticksUntil(
      'told',
      () => all.every(({ exhaustions }) => exhaustions.includes(Date.UTC(2028, 2, 1))),
      1000,
    )
    assert.equal(sum(all), 60)
  })

  test('a record waits for bytes, and is taken when another node gives its own back', async () => {
    const world = await worldOf()
    const agreement = agreementOf([perMinute(1000, 1000)])
    const small = new Taker(world.quota(0).pool(agreement), 1, 10)
    small.go()
    await world.ticksUntil('small', () => small.taken === 1)
    const large = new Taker(world.quota(1).pool(agreement), 1, 990)
    large.go()
    await world.ticksUntil('large', () => large.taken === 1)
    assert.equal(small.pool.affords(1000), true)
    assert.equal(small.pool.affords(1001), false)
  })

  test('a plan that closes closes, once', async () => {
    const world = await worldOf(1)
    const taker = new Taker(world.quota(0).pool(agreementOf([perDay(3)], { onLimit: 'close' })), 9)
    taker.go()
    await world.ticks(20)
    assert.deepEqual([taker.taken, taker.closings, taker.exhaustions], [3, [Date.UTC(2026, 10, 23)], []])
  })

  test('a plan of overage goes on beyond its limit, and says how much was used', async () => {
    const world = await worldOf(1)
    const agreement = agreementOf([perDay(16)], { onLimit: 'overage' })
    const taker = new Taker(world.quota(0).pool(agreement), 50)
    taker.go()
    await world.ticksUntil('beyond', () => taker.taken === 50)
    const [day] = world.quota(0).windows(agreement.id) ?? []
    assert.deepEqual(day, { name: 'P1D', unit: 'messages', limit: 16, used: 50, resetsAt: Date.UTC(2026, 10, 23) })
  })

  test('most of a window spent is told once a window', async () => {
    const world = await worldOf(1)
    const taker = new Taker(world.quota(0).pool(agreementOf([perMinute(100)])), 79)
    taker.go()
    await world.ticksUntil('79', () => taker.taken === 79)
    await world.ticks(2)
    assert.deepEqual(taker.warnings, [])
    taker.wants = 3
    taker.go()
    await world.ticksUntil('82', () => taker.taken === 82)
    await world.ticks(5)
    assert.deepEqual(
      taker.warnings.map(({ window, unit, limit, resetsAt }) => [window, unit, limit, resetsAt]),
      [['PT1M', 'messages', 100, NOON + MINUTE]],
    )
    assert.ok(taker.warnings.every(({ used }) => used >= 80))
  })

  test('a rate shapes what is taken, and announces nothing', async () => {
    const world = await worldOf(1)
    const agreement = agreementOf([perDay(10_000)], { rate: { messages: 10, burst: 20 } })
    const taker = new Taker(world.quota(0).pool(agreement), 1000)
    taker.go()
    await world.ticks(40)
    assert.ok(taker.taken >= 100 && taker.taken <= 120, `${taker.taken} in 10 s`)
    assert.deepEqual(taker.exhaustions, [])
  })

  test('a rate is shared between the nodes that take', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([], { rate: { messages: 100, burst: 100 } })
    const all = takers(world, agreement, 100_000)
    for (const one of all) one.go()
    await world.ticks(20)
    const before = sum(all)
    await world.ticks(40)
    assert.ok(Math.abs(sum(all) - before - 1000) <= 20, `${sum(all) - before} in 10 s`)
  })

  test('a drained node leaves all that it held', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([perDay(100)])
    const [leaving, staying] = takers(world, agreement, 2) as [Taker, Taker]
    leaving.go()
    await world.ticksUntil('two', () => leaving.taken === 2)
    await world.quota(0).drain()
    ;(world.nodes[0] as { dead: boolean }).dead = true
    staying.wants = 1000
    staying.go()
    await world.ticksUntil('told', () => staying.exhaustions.length === 1)
    assert.equal(staying.taken, 98)
  })

  test('a pool that nobody uses gives back what it holds, and is forgotten', async () => {
    const world = await worldOf(1)
    const agreement = agreementOf([perDay(100)])
    const pool = world.quota(0).pool(agreement)
    const taker = new Taker(pool, 1)
    taker.go()
    await world.ticksUntil('one', () => taker.taken === 1)
    pool.leave(taker)
    await world.ticks(250)
    assert.notEqual(world.quota(0).pool(agreement), pool)
    const next = new Taker(world.quota(0).pool(agreement), 1000)
    next.go()
    await world.ticksUntil('told', () => next.exhaustions.length === 1)
    assert.equal(next.taken, 99)
  })

  const seed = seedOfRun()
  test(`whatever happens, no more than the allowance is spent, and all of it where nobody died (seed ${seed})`, async () => {
    const random = seeded(seed)
    for (let game = 0; game < 6; game++) await playModel(open, random)
  })

  test('the day after is a day of its own', async () => {
    const world = await worldOf(1)
    const taker = new Taker(world.quota(0).pool(agreementOf([perDay(10)])), 30)
    taker.go()
    await world.ticksUntil('first', () => taker.exhaustions.length === 1)
    await world.ticks(1, DAY / 2)
    await world.ticksUntil('second', () => taker.taken === 20 && taker.exhaustions.length === 2)
  })
}

/** A store that is away at times, and has forgotten everything when it is back. */
class FickleStore {
  readonly leases: Leases = {
    swap: async (asks) => this.#there().swap(asks),
    seat: async (asks) => this.#there().seat(asks),
    listen: () => () => undefined,
  }
  readonly #open: () => ReturnType<OpenLeases>
  #store: Leases | null = null

  private constructor(open: () => ReturnType<OpenLeases>) {
    this.#open = open
  }

  static async open(open: OpenLeases, clock: HandClock): Promise<FickleStore> {
    const store = new FickleStore(() => open(clock))
    await store.comeBackEmpty()
    return store
  }

  leave(): void {
    this.#store = null
  }

  async comeBackEmpty(): Promise<void> {
    this.#store = await this.#open()
  }

  #there(): Leases {
    if (this.#store === null) throw new Error('the store is away')
    return this.#store
  }
}
