import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { systemClock } from '../../../gateway/clock.ts'
import { RedisProbe } from '../../../gateway/drivers/redis/probe.ts'
import { askRedis } from '../../services/redis.ts'
import { freePorts } from '../../services/scratch.ts'
import { redisUrl } from '../../services/use.ts'

const LIMITS = { connectMsMax: 2000, commandMsMax: 2000 }

describe('a probe of Redis', () => {
  const probe = new RedisProbe(redisUrl(), LIMITS, systemClock)
  const prefix = `probe-${randomUUID()}`
  after(() => probe.close())

  it('does what the gateway does, and nothing of it stays', async () => {
    await probe.connect()
    await probe.rehearse(prefix)
    await probe.hear(prefix)
    // At once: what is only left to expire would be seen.
    assert.equal(await askRedis(redisUrl(), `KEYS ${prefix}*`), '*0')
    assert.equal(await askRedis(redisUrl(), `PUBSUB NUMSUB ${prefix}`).then((text) => text.includes(':1')), true)
    probe.close()
  })

  it('tells what the server is, and how far its clock is from ours', async () => {
    const again = new RedisProbe(redisUrl(), LIMITS, systemClock)
    const ahead = new RedisProbe(redisUrl(), LIMITS, { ...systemClock, now: () => Date.now() - 60_000 })
    await Promise.all([again.connect(), ahead.connect()])
    const { version, role, clustered, maxmemoryPolicy } = await again.facts()
    assert.match(version ?? '', /^\d+\.\d+/)
    assert.deepEqual([role, clustered, maxmemoryPolicy], ['master', false, 'noeviction'])
    assert.ok(Math.abs(await again.skewMs()) < 1000)
    assert.ok(Math.abs((await ahead.skewMs()) - 60_000) < 1000)
    again.close()
    ahead.close()
  })

  it('rejects with the reason of the network, not with the consequence', async () => {
    const [port] = (await freePorts(1)) as [number]
    const nobody = new RedisProbe(`redis://127.0.0.1:${port}`, LIMITS, systemClock)
    await assert.rejects(nobody.connect(), { code: 'ECONNREFUSED' })
    nobody.close()
  })
})
