import { Fault } from '../errors.ts'
import { acceptableAlgorithms } from './algorithm.ts'
import type { ClaimRules } from './claims.ts'
import { createJwks, type Jwks, type JwksContext, type JwksLimits } from './jwks.ts'

/** One entry of `access.issuers`. */
export interface IssuerSettings {
  /** Compared with `iss` character by character (RFC 7519 §4.1.1, RFC 8725 §3.8). */
  readonly issuer: string
  /** One of these must be among the token's `aud`. */
  readonly audience: string | readonly string[]
  /** File path, https URL, or http URL on loopback. */
  readonly jwks: string
  /** Asymmetric algorithms of RFC 7518 and RFC 8037: `RS256`, `ES256`, `EdDSA` … */
  readonly algorithms: readonly string[]
}

export interface Issuer {
  readonly name: string
  readonly algorithms: ReadonlySet<string>
  readonly rules: ClaimRules
  readonly keys: Jwks
}

/** Throws a usage `Fault` for settings that can't be meant: each message names the issuer and the way out. */
export function createIssuers(
  settings: readonly IssuerSettings[],
  shared: Omit<ClaimRules, 'audiences'>,
  limits: Partial<JwksLimits>,
  context: JwksContext,
): ReadonlyMap<string, Issuer> {
  if (settings.length === 0) throw new Fault('usage', 'access.issuers is empty: nobody could ever be let in.')
  const issuers = new Map<string, Issuer>()
  for (const one of settings) {
    if (one.issuer === '') throw new Fault('usage', 'access.issuers: an issuer has an empty name.')
    if (issuers.has(one.issuer)) {
      throw new Fault('usage', `access.issuers: ${one.issuer} stands twice; list its audiences in one entry.`)
    }
    const algorithms = acceptableAlgorithms(one.algorithms, one.issuer)
    const rules = { ...shared, audiences: readAudiences(one) }
    issuers.set(one.issuer, {
      name: one.issuer,
      algorithms,
      rules,
      keys: createJwks({ jwks: one.jwks, algorithms, limits }, context),
    })
  }
  return issuers
}

/** Without an audience, a token made for any other service of the same issuer would open this one (RFC 8725 §3.9). */
function readAudiences({ issuer, audience }: IssuerSettings): ReadonlySet<string> {
  const audiences = typeof audience === 'string' ? [audience] : audience
  if (audiences.length === 0 || audiences.includes('')) {
    throw new Fault(
      'usage',
      `Issuer ${issuer}: audience is empty; name what its tokens for this gateway carry as "aud".`,
    )
  }
  return new Set(audiences)
}
