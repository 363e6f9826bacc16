import { refuse, type Refusal } from '../errors.ts'
import type { Identity } from './grant.ts'
import { quoted } from './quoted.ts'

export interface ClaimRules {
  readonly audiences: ReadonlySet<string>
  /** Names to look under, in order; the first that is present counts. */
  readonly consumerClaims: readonly string[]
  /** How far another clock may be ahead, for `nbf` and `iat`. */
  readonly clockToleranceMs: number
}

export const CONSUMER_BYTES_MAX = 256
/** `iat` is no limit of validity (RFC 7519 §4.1.6): only what no honest clock would write is refused. */
const ISSUED_AHEAD_MS_MAX = 300_000

type Claims = { readonly [name: string]: unknown }

/** The last second that a JavaScript date can show. */
const SECONDS_MAX = 8.64e12

/**
 * What the claims say, or why they do not hold at `now` (ms since 1970). Pure, and asked before the signature is checked:
 * an expired token whose key is long gone is told to get a new one, and costs no key lookup.
 */
export function judgeClaims(claims: Claims, rules: ClaimRules, now: number): Identity | Refusal {
  const times = judgeTimes(claims, rules.clockToleranceMs, now)
  if (typeof times !== 'number') return times
  const audience = judgeAudience(claims['aud'], rules.audiences)
  if (audience) return audience
  const consumer = readConsumer(claims, rules.consumerClaims)
  if (typeof consumer !== 'string') return consumer
  const scopes = readScopes(claims)
  if ('code' in scopes) return scopes
  return { consumer, scopes, expiresAt: times, claims }
}

/**
 * When the token ends, ms since 1970. `exp` has no tolerance: the bound within which an expired authority ends its
 * streams would grow by it.
 */
function judgeTimes({ exp, nbf, iat }: Claims, toleranceMs: number, now: number): number | Refusal {
  if (exp === undefined) return wrong('The token has no "exp"; only tokens that expire are accepted.')
  for (const [name, value] of Object.entries({ exp, nbf, iat })) {
    if (value !== undefined && !isTime(value))
      return wrong(`The token's "${name}" is not a time in seconds since 1970.`)
  }
  const expiresAt = (exp as number) * 1000
  if (expiresAt <= now) return expired(expiresAt)
  if (nbf !== undefined && (nbf as number) * 1000 > now + toleranceMs) {
    return wrong(`The token is not valid before ${instant((nbf as number) * 1000)}.`)
  }
  if (iat !== undefined && (iat as number) * 1000 > now + toleranceMs + ISSUED_AHEAD_MS_MAX) {
    return wrong(`The token says it is issued at ${instant((iat as number) * 1000)}, in the future; check the clocks.`)
  }
  return expiresAt
}

export function expired(expiresAt: number): Refusal {
  return refuse('token-expired', `The token expired at ${instant(expiresAt)}; get a new one.`)
}

function judgeAudience(aud: unknown, accepted: ReadonlySet<string>): Refusal | null {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (named.some((one) => typeof one === 'string' && accepted.has(one))) return null
  const wanted = [...accepted].map(quoted).join(' or ')
  if (aud === undefined) return wrong(`The token has no "aud"; it must be made for ${wanted}.`)
  return wrong(`The token is made for ${named.slice(0, 3).map(quoted).join(', ') || 'nobody'}, not for ${wanted}.`)
}

function readConsumer(claims: Claims, names: readonly string[]): string | Refusal {
  const name = names.find((one) => Object.hasOwn(claims, one))
  if (name === undefined)
    return wrong(`The token names no consumer: it has no claim ${names.map(quoted).join(' or ')}.`)
  const value = claims[name]
  if (typeof value !== 'string' || value === '' || Buffer.byteLength(value) > CONSUMER_BYTES_MAX) {
    return wrong(`The token's claim ${quoted(name)} is not a text of 1 to ${CONSUMER_BYTES_MAX} bytes.`)
  }
  // Lone surrogates and control characters would not survive a log line, a key or a report unchanged.
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return wrong(`The token's claim ${quoted(name)} holds control characters.`)
  return value
}

/** `scope` is RFC 8693 §4.2; `scp` and `scopes` are what other providers write, as text or list. */
function readScopes(claims: Claims): ReadonlySet<string> | Refusal {
  const scopes = new Set<string>()
  for (const name of ['scope', 'scp', 'scopes']) {
    const value = claims[name]
    if (value === undefined || value === null) continue
    const list: readonly unknown[] | null =
      typeof value === 'string' ? value.split(' ') : name !== 'scope' && Array.isArray(value) ? value : null
    if (!list || !list.every((one) => typeof one === 'string')) {
      const form = name === 'scope' ? 'a text with spaces between' : 'a text with spaces between, or a list of texts'
      return wrong(`The token's claim "${name}" is not ${form}.`)
    }
    for (const one of list) if (one !== '') scopes.add(one)
  }
  return scopes
}

function wrong(detail: string): Refusal {
  return refuse('unauthenticated', detail)
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= SECONDS_MAX
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
