import type { KeyObject } from 'node:crypto'
import { Fault } from '../errors.ts'
import { acceptableAlgorithms, fits } from './algorithm.ts'
import type { IssuerSettings } from './issuers.ts'
import { JWKS_LIMITS } from './jwks.ts'
import { keySourceOf } from './keySource.ts'
import { readKeySet } from './keySet.ts'

/** What an issuer's keys are good for. */
export interface KeyReport {
  readonly keys: number
  /** Keys that cannot be used, and why. */
  readonly unusable: readonly string[]
  /** Configured algorithms that no key is for. */
  readonly keyless: readonly string[]
}

/** The keys as the gateway would load them. Throws a `Fault`: `unreachable`, or `refused` where what came is of no use. */
export async function reportKeys(issuer: IssuerSettings, signal: AbortSignal): Promise<KeyReport> {
  const { bytesMax, keysMax } = JWKS_LIMITS
  const algorithms = acceptableAlgorithms(issuer.algorithms, issuer.issuer)
  const text = await keySourceOf(issuer.jwks, bytesMax).read(signal)
  const { keys, unusable } = readKeySet(text, algorithms, keysMax)
  const checks = (algorithm: string) => (one: { readonly key: KeyObject; readonly declared: string | null }) =>
    fits(one.key, one.declared, algorithm)
  return { keys: keys.length, unusable, keyless: [...algorithms].filter((one) => !keys.some(checks(one))) }
}

/** What an issuer tells of itself; null where it tells nothing. */
export interface Discovery {
  /** Where that was read. */
  readonly address: string
  readonly issuer: string | null
  readonly jwks: string | null
}

/** OpenID Connect Discovery 1.0 §4, RFC 8414 §3. */
const WELL_KNOWN = ['openid-configuration', 'oauth-authorization-server']

/** Never rejects: an issuer need not tell. */
export async function discover({ issuer }: IssuerSettings, signal: AbortSignal): Promise<Discovery | null> {
  if (!/^https?:\/\//.test(issuer)) return null
  for (const name of WELL_KNOWN) {
    const address = `${issuer.replace(/\/+$/, '')}/.well-known/${name}`
    const told = await memberOf(address, signal)
    if (told === null) continue
    const textOf = (member: string): string | null => (typeof told[member] === 'string' ? told[member] : null)
    return { address, issuer: textOf('issuer'), jwks: textOf('jwks_uri') }
  }
  return null
}

async function memberOf(address: string, signal: AbortSignal): Promise<{ readonly [member: string]: unknown } | null> {
  try {
    const value: unknown = JSON.parse(await keySourceOf(address, JWKS_LIMITS.bytesMax).read(signal))
    return typeof value === 'object' && value !== null ? (value as { readonly [member: string]: unknown }) : null
  } catch (error) {
    if (error instanceof Fault || error instanceof SyntaxError) return null
    throw error
  }
}
