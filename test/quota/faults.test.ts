import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { connectRedis, type RedisConnection, scriptOf } from '../../gateway/drivers/redis/connection.ts'
import { silentLog } from '../../gateway/log.ts'
import type { Amount } from '../../gateway/quota/leases.ts'
import { RedisLeases } from '../../gateway/quota/redis.ts'
import { until } from '../integration/support/until.ts'
import { askRedis, startRedis } from '../services/redis.ts'
import type { Service } from '../services/service.ts'
import { redisUrl } from '../services/use.ts'
import { HandClock, NOON, Rider, Taker, World, agreementOf, perDay, perMinute } from '../suites/leases/world.ts'
import { openRedisProxy, type RedisProxy } from './proxy.ts'

const DEADLINE_MS = 250
/** Of a day's 500: a sixteenth. */
const CHUNK = 32

/** A Redis of its own behind a proxy, since it is slowed, cut and replaced. */
describe('a Redis that fails', () => {
  let service: Service
  let proxy: RedisProxy
  let redis: RedisConnection
  let clock: HandClock

  before(async () => {
    assert.ok(redisUrl())
    service = await startRedis()
    proxy = await openRedisProxy(service.value)
    redis = connectRedis({ url: proxy.url, log: silentLog })
  })
  after(async () => {
    redis.close()
    proxy.close()
    await service.stop()
  })
  beforeEach(async () => {
    proxy.target = service.value
    proxy.delayMs = 0
    clock = new HandClock(NOON)
    await answers()
  })

  const answers = (): Promise<unknown> =>
    until('Redis answers', () => redis.run(scriptOf('return 1'), [], []).catch(() => null))

  const worldOf = (delivered: () => Promise<Amount | null> = async () => null): World => {
    const leases = new RedisLeases({ redis, shiftMs: () => clock.now() - Date.now() })
    return new World({ leases, clock, delivered })
  }

  test('500 are spent by two nodes in at most 50 runs of the script', async () => {
    const runs = async (): Promise<number> => {
      const text = await askRedis(service.value, 'INFO commandstats')
      return ['evalsha', 'eval'].reduce((sum, name) => {
        return sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0)
      }, 0)
    }
    const first = await runs()
    const world = worldOf()
    const agreement = agreementOf([perDay(500)])
    const all = world.nodes.map(({ quota }) => new Rider(quota.pool(agreement), 400))
    for (const one of all) one.go()
    await world.ticksUntil('told', () => all.every(({ exhaustions }) => exhaustions.length > 0))
    assert.equal(
      all.reduce((sum, { taken }) => sum + taken, 0),
      500,
    )
    const used = (await runs()) - first
    assert.ok(used <= 50, `${used} runs`)
    assert.ok(used >= 500 / CHUNK, `${used} runs are all of them`)
  })

  test('scripts that are forgotten again and again lose and double nothing', async () => {
    const world = worldOf()
    const agreement = agreementOf([perDay(200)])
    const all = world.nodes.map(({ quota }) => new Taker(quota.pool(agreement), 150))
    for (const one of all) one.go()
    for (let i = 0; i < 60; i++) {
      await askRedis(service.value, 'SCRIPT FLUSH')
      await world.ticks(1)
    }
    assert.equal(
      all.reduce((sum, { taken }) => sum + taken, 0),
      200,
    )
  })

  for (const [name, known] of [
    ['by the ledger', true],
    ['by what nodes know', false],
  ] as const) {
    test(`a Redis that comes back empty is seeded ${name}, and grants no more than a chunk of each node anew`, async () => {
      const all: Taker[] = []
      const sum = (): number => all.reduce((total, { taken }) => total + taken, 0)
      const world = worldOf(async () => (known ? { messages: sum(), bytes: sum() * 10 } : null))
      const agreement = agreementOf([perDay(500)])
      for (const { quota } of world.nodes) all.push(new Taker(quota.pool(agreement), 100))
      for (const one of all) one.go()
      await world.ticksUntil('200', () => sum() === 200)
      const other = await startRedis()
      try {
        proxy.target = other.value
        proxy.cut()
        await answers()
        for (const one of all) one.wants = 1000
        for (const one of all) one.go()
        await world.ticksUntil('told', () => all.every(({ exhaustions }) => exhaustions.length > 0), 400)
        assert.ok(sum() <= 500 + 2 * CHUNK, `${sum()} of 500`)
        assert.ok(sum() >= 500 - 2 * CHUNK, `${sum()} of 500`)
      } finally {
        await other.stop()
      }
    })
  }

  test('a slow Redis stalls nothing: a bounded share is handed out, and counted afterwards', async () => {
    const world = worldOf()
    const agreement = agreementOf([perDay(500)])
    const [taker] = world.nodes.map(({ quota }) => new Taker(quota.pool(agreement), 1000)) as [Taker]
    proxy.delayMs = Infinity
    taker.go()
    const began = performance.now()
    await world.ticks(1)
    assert.ok(performance.now() - began < 20 * DEADLINE_MS)
    assert.equal(taker.taken, 50)
    await world.ticks(4)
    assert.deepEqual([taker.taken, taker.exhaustions], [50, [null]])
    proxy.delayMs = 0
    proxy.cut()
    await answers()
    await world.ticksUntil('told', () => taker.exhaustions.length === 2, 400)
    assert.equal(taker.taken, 500)
    assert.deepEqual(taker.exhaustions, [null, Date.UTC(2026, 10, 23)])
  })

  test('an answer that comes too late is not granted twice', async () => {
    const world = worldOf()
    const agreement = agreementOf([perDay(160)], { onRedisLoss: 'pause' })
    const taker = new Taker(world.quota(0).pool(agreement), 1000)
    proxy.delayMs = Infinity
    taker.go()
    await world.ticks(2)
    assert.deepEqual([taker.taken, taker.exhaustions], [0, [null]])
    proxy.delayMs = 0
    proxy.cut()
    await answers()
    await world.ticksUntil('told', () => taker.exhaustions.length === 2, 400)
    assert.equal(taker.taken, 160)
  })

  test('a plan that says pause pauses while Redis is gone, and goes on when it is back', async () => {
    const world = worldOf()
    const agreement = agreementOf([perMinute(160)], { onRedisLoss: 'pause' })
    const taker = new Taker(world.quota(0).pool(agreement), 20)
    taker.go()
    await world.ticks(1)
    const before = taker.taken
    proxy.target = null
    proxy.cut()
    taker.wants = 100
    taker.go()
    await world.ticksUntil('paused', () => taker.exhaustions.length === 1)
    assert.equal(taker.exhaustions[0], null)
    assert.ok(taker.taken <= before + 10)
    proxy.target = service.value
    await answers()
    await world.ticksUntil('all', () => taker.wants === 0)
  })
})
