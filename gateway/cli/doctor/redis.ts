import type { RedisFacts, RedisProbe } from '../../drivers/redis/probe.ts'
import { PREFIX } from '../../quota/redis.ts'
import type { System } from './examination.ts'
import { codeOf, shownAddress, whyAway, whyUntrusted } from './network.ts'
import { away, fail, ok, warn, type Verdict } from './verdict.ts'

const KEY = 'redis.url (WEIR_REDIS_URL)'
/** The first whose scripts may write after they have read the clock. */
const MAJOR_MIN = 5
/** Deliveries are dated by Redis's clock; tokens by ours. ms */
export const SKEW_MS_MAX = 2000

export async function examineRedis(system: System, probe: RedisProbe, url: string): Promise<void> {
  if (!(await system.check('connection', () => connectionVerdict(probe, url)))) return
  const suits = await system.check('server', () => serverVerdicts(probe))
  await system.check('clock', async () => skewVerdict('Redis', await probe.skewMs()))
  if (!suits) return
  await system.check('scripts', () => scriptVerdict(probe))
  await system.check('channel', () => channelVerdict(probe))
}

export function skewVerdict(whose: string, skewMs: number): Verdict {
  const shown = `${Math.abs(skewMs)} ms ${skewMs > 0 ? 'ahead of' : 'behind'} ours`
  if (Math.abs(skewMs) <= SKEW_MS_MAX) return ok(`its clock is ours within ${SKEW_MS_MAX} ms`)
  return warn(`the clock of ${whose} is ${shown}: usage is dated by it`, 'let NTP set the clocks of both machines')
}

async function connectionVerdict(probe: RedisProbe, url: string): Promise<Verdict> {
  const address = shownAddress(url)
  try {
    await probe.connect()
    return ok(`${address} answers`)
  } catch (error) {
    return whyNot(error, address, url)
  }
}

function whyNot(error: unknown, address: string, url: string): Verdict {
  const message = error instanceof Error ? error.message : String(error)
  const words = whyAway(error)
  const overTls = url.startsWith('rediss:')
  if (codeOf(error) === 'ETIMEDOUT' && overTls) {
    return away(`${address}: nobody answers over TLS`, `where that port speaks none, write redis:// into ${KEY}`)
  }
  if (words !== null) return away(`${address}: ${words}`, `start Redis, or correct ${KEY}`)
  const untrusted = whyUntrusted(error)
  if (untrusted !== null) return fail(`${address}: ${untrusted.message}`, untrusted.fix)
  if (message.startsWith('NOAUTH'))
    return fail(`${address} wants a password`, `put it into ${KEY}, or name redis.urlFile`)
  if (/^WRONGPASS|invalid password/i.test(message)) {
    return fail(`${address} does not take our user name and password`, `correct them in ${KEY} or redis.urlFile`)
  }
  if (/timed out/.test(message)) return away(`${address}: nobody answers`, `look at Redis, or correct ${KEY}`)
  if (message === 'Connection is closed.') {
    const fix = `name the port of Redis in ${KEY}${overTls ? '' : ', with rediss:// where it speaks TLS'}`
    return fail(`${address} closes the connection: it is no Redis, or wants TLS`, fix)
  }
  return fail(`${address}: ${message}`, `correct ${KEY}`)
}

async function serverVerdicts(probe: RedisProbe): Promise<readonly Verdict[]> {
  let facts: RedisFacts
  try {
    facts = await probe.facts()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [warn(`it does not tell what it is: ${why}`, 'allow our user INFO (+info), or make sure of it by hand')]
  }
  const { version, role, clustered, maxmemoryPolicy } = facts
  const verdicts: Verdict[] = []
  if (version !== null && Number(version.split('.')[0]) < MAJOR_MIN) {
    verdicts.push(fail(`Redis ${version} is too old`, `upgrade it to ${MAJOR_MIN} or newer`))
  }
  if (clustered) {
    verdicts.push(
      fail(
        'it is a Redis Cluster, which is not supported: one script has keys of several slots',
        `name a Redis without cluster mode in ${KEY} (docs/decisions/0008-quota-leases.md)`,
      ),
    )
  }
  if (role === 'slave') verdicts.push(fail('it is a replica, which takes no writes', `name its primary in ${KEY}`))
  if (maxmemoryPolicy !== null && maxmemoryPolicy !== 'noeviction') {
    verdicts.push(
      warn(
        `maxmemory-policy is ${maxmemoryPolicy}: counts of allowances may be thrown away, and are then handed out again`,
        'set maxmemory-policy noeviction',
      ),
    )
  }
  if (verdicts.length > 0) return verdicts
  return [ok(`Redis ${version ?? 'of unknown version'}, ${role ?? 'of unknown role'}, keeps what is written`)]
}

async function scriptVerdict(probe: RedisProbe): Promise<Verdict> {
  try {
    await probe.rehearse(PREFIX)
    return ok('scripts run, and may write')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (/NOPERM|No permission|can't run this command|cannot access/i.test(why)) {
      const rights = `~${PREFIX}:* &${PREFIX} +eval +evalsha +time +hset +hgetall +hdel +pexpire +publish +subscribe`
      return fail(`scripts may not do what they must: ${why}`, `allow our user (ACL SETUSER): ${rights}`)
    }
    return fail(`scripts do not run: ${why}`, 'mend what Redis says; without them no allowance is counted')
  }
}

async function channelVerdict(probe: RedisProbe): Promise<Verdict> {
  try {
    await probe.hear(PREFIX)
    return ok('what one gateway tells the others is heard')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return fail(
      `gateways cannot tell each other of allowances: ${why}`,
      `allow our user +publish, +subscribe and the channel &${PREFIX}`,
    )
  }
}
