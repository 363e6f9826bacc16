import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { silentLog } from '../../gateway/log.ts'
import { connectRedis, type RedisConnection, scriptOf } from '../../gateway/drivers/redis/connection.ts'
import { RedisLeases } from '../../gateway/quota/redis.ts'
import { until } from '../integration/support/until.ts'
import { redisUrl } from '../services/use.ts'
import { leasesSuite } from '../suites/leases.ts'
import type { HandClock } from '../suites/leases/world.ts'

/** A busy machine makes Redis late: what happens at the deadline is shown by faults.test.ts. */
const DEADLINE_MS = 20_000

describe('allowances counted in Redis', () => {
  const open: RedisConnection[] = []
  after(() => {
    for (const redis of open) redis.close()
  })
  let count = 0

  const connect = async (): Promise<RedisConnection> => {
    const redis = connectRedis({ url: redisUrl(), deadlineMs: DEADLINE_MS, log: silentLog })
    open.push(redis)
    await until('Redis answers', () => redis.run(scriptOf('return 1'), [], []).catch(() => null))
    return redis
  }

  const leasesOf = (redis: RedisConnection, clock: HandClock): RedisLeases =>
    new RedisLeases({ redis, prefix: `weir-test:${process.pid}:${++count}`, shiftMs: () => clock.now() - Date.now() })

  let shared: RedisConnection | null = null
  leasesSuite(async (clock) => leasesOf((shared ??= await connect()), clock))

  test('what is published reaches listeners', async () => {
    const redis = await connect()
    const heard: string[] = []
    const stop = redis.listen(`weir-test:${process.pid}:heard`, (message) => heard.push(message))
    const publish = scriptOf("return redis.call('PUBLISH', KEYS[1], ARGV[1])")
    await until('heard', async () => {
      await redis.run(publish, [`weir-test:${process.pid}:heard`], ['hello'])
      return heard.includes('hello')
    })
    stop()
    assert.ok(heard.every((message) => message === 'hello'))
  })
})
