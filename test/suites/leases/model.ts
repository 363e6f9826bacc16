import assert from 'node:assert/strict'
import type { Answer, Ask, Leases } from '../../../gateway/quota/leases.ts'
import type { OpenLeases } from './port.ts'
import { HandClock, MINUTE, NOON, Rider, Taker, World, agreementOf, perDay, perMinute } from './world.ts'

/** Loses asks and answers, and sends asks twice. */
function unreliable(leases: Leases, random: () => number, trouble: () => boolean): Leases {
  return {
    async swap(asks: readonly Ask[]): Promise<readonly Answer[]> {
      const what = trouble() ? random() : 1
      if (what < 0.1) throw new Error('the ask is lost')
      const answers = await leases.swap(asks)
      if (what < 0.2) throw new Error('the answer is lost')
      return what < 0.3 ? leases.swap(asks) : answers
    },
    seat: (asks) => leases.seat(asks),
    listen: (told) => leases.listen((notice) => void (random() < 0.7 && told(notice))),
  }
}

const DAILY = 400
const MINUTELY = 90

/**
 * Three nodes, takers and riders of records of several sizes that come and go, edges of minutes, lost and doubled calls. The
 * policy is to pause, so that nothing is handed out that was not granted.
 */
export async function playModel(open: OpenLeases, random: () => number): Promise<void> {
  const clock = new HandClock(NOON)
  let trouble = true
  const leases = unreliable(await open(clock), random, () => trouble)
  const world = new World({ nodes: 3, leases, clock, random, delivered: async () => ({ messages: 0, bytes: 0 }) })
  const agreement = agreementOf([perDay(DAILY, DAILY * 100), perMinute(MINUTELY)], { onRedisLoss: 'pause' })
  const all: Taker[] = []
  let minute = clock.now()
  let before = 0
  const spent = (): number => all.reduce((sum, { taken }) => sum + taken, 0)
  const check = (): void => {
    const bytes = all.reduce((sum, one) => sum + one.taken * one.bytes, 0)
    assert.ok(spent() <= DAILY, `${spent()} messages of a day's ${DAILY}`)
    assert.ok(bytes <= DAILY * 100, `${bytes} bytes`)
    const start = clock.now() - (clock.now() % MINUTE)
    if (start !== minute) [minute, before] = [start, spent()]
    assert.ok(spent() - before <= MINUTELY, `${spent() - before} messages of a minute's ${MINUTELY}`)
  }
  const active = new Set<Taker>()
  for (let step = 0; step < 120; step++) {
    const choice = random()
    const pick = [...active][Math.floor(random() * active.size)]
    if (choice < 0.25 || !pick) {
      const kind = random() < 0.5 ? Taker : Rider
      const node = world.quota(Math.floor(random() * 3))
      const one = new kind(node.pool(agreement), 0, 1 + Math.floor(random() * 150))
      all.push(one)
      active.add(one)
    } else if (choice < 0.6) {
      pick.wants = 1 + Math.floor(random() * 8)
      pick.go()
    } else if (choice < 0.7) {
      pick.wants = 0
      pick.recall()
      pick.pool.leave(pick)
      active.delete(pick)
    } else if (choice < 0.75 && pick.wants === 0 && pick.pool.take(1, pick.bytes)) {
      pick.pool.give(1, pick.bytes)
    } else {
      clock.advance(1)
      check()
      await world.ticks(1, random() < 0.1 ? 30_000 : 250)
    }
    check()
  }
  trouble = false
  const greedy = world.nodes.map(({ quota }) => new Taker(quota.pool(agreement), 10_000, 1))
  all.push(...greedy)
  for (const one of greedy) one.go()
  for (let tick = 0; tick < 4000 && spent() < DAILY; tick++) {
    await world.ticks(1, tick % 10 === 9 ? 5_000 : 250)
    check()
  }
  assert.equal(spent(), DAILY)
}
