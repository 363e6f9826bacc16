import { discover, reportKeys, type Discovery } from '../../access/probe.ts'
import type { Config } from '../../config.ts'
import { Fault } from '../../errors.ts'
import type { System } from './examination.ts'
import { whyAway, whyUntrusted } from './network.ts'
import { away, fail, ok, warn, type Verdict } from './verdict.ts'

type Issuer = Config['access']['issuers'][number]

/** `index`: its place in `access.issuers`. */
export async function examineIssuer(system: System, issuer: Issuer, index: number): Promise<void> {
  const key = `access.issuers[${index}]`
  await system.check('keys', (signal) => keysVerdicts(issuer, key, signal))
  await system.check('discovery', async (signal) => discoveryVerdicts(issuer, key, await discover(issuer, signal)))
}

async function keysVerdicts(issuer: Issuer, key: string, signal: AbortSignal): Promise<readonly Verdict[]> {
  try {
    const { keys, unusable, keyless } = await reportKeys(issuer, signal)
    const count = `${keys} ${keys === 1 ? 'key' : 'keys'} at ${issuer.jwks}`
    const good = issuer.algorithms.filter((one) => !keyless.includes(one))
    const rest = unusable.length === 0 ? '' : `; not used: ${unusable.slice(0, 3).join('; ')}`
    return [ok(`${count} for ${good.join(', ')}${rest}`)]
  } catch (error) {
    return [whyNoKeys(error, issuer, key)]
  }
}

function whyNoKeys(error: unknown, { jwks }: Issuer, key: string): Verdict {
  const words = whyAway(error)
  if (words !== null) return away(`${jwks}: ${words}`, `start the issuer, or correct ${key}.jwks`)
  const untrusted = whyUntrusted(error)
  if (untrusted !== null) return fail(`${jwks}: ${untrusted.message}`, untrusted.fix)
  const why = error instanceof Error ? error.message : String(error)
  const isFile = !jwks.includes('://')
  if (error instanceof Fault && error.kind === 'unreachable' && !isFile) {
    return away(`${jwks}: ${why}`, `look at the issuer and the network on the way, or correct ${key}.jwks`)
  }
  if (/no key of the JWK Set can be used/.test(why)) {
    return fail(`${jwks}: ${why}`, `let the issuer publish a key for ${key}.algorithms, or correct those`)
  }
  return fail(`${jwks}: ${why}`, `correct ${key}.jwks: the ${isFile ? 'file' : 'address'} of a JWK Set`)
}

/** What the issuer tells of itself, beside what is configured; most files of keys have nobody to ask. */
function discoveryVerdicts({ issuer, jwks }: Issuer, key: string, told: Discovery | null): readonly Verdict[] {
  if (told === null) return []
  const verdicts: Verdict[] = []
  if (told.issuer !== null && told.issuer !== issuer) {
    verdicts.push(
      warn(
        `it calls itself ${told.issuer} at ${told.address}, and we take tokens of ${issuer} alone`,
        `write ${key}.issuer letter by letter as its tokens have it`,
      ),
    )
  }
  if (told.jwks !== null && jwks.includes('://') && told.jwks !== jwks) {
    verdicts.push(
      warn(
        `it publishes its keys at ${told.jwks}, and we read ${jwks}`,
        `set ${key}.jwks to that, unless you mean another`,
      ),
    )
  }
  return verdicts.length > 0 ? verdicts : [ok(`says the same of itself at ${told.address}`)]
}
