import { compactVerify, errors } from 'jose'
import type { Clock } from '../clock.ts'
import { Fault, refuse, type Refusal } from '../errors.ts'
import type { Eventual } from '../eventual.ts'
import type { Log } from '../log.ts'
import { expired, judgeClaims } from './claims.ts'
import { readCompact, type CompactToken } from './compact.ts'
import { DEVELOPMENT_ISSUER } from './developmentIssuer.ts'
import type { Identity } from './grant.ts'
import { createIssuers, type Issuer, type IssuerSettings } from './issuers.ts'
import type { Found, JwksCounters, JwksLimits, JwksState } from './jwks.ts'
import type { VerificationKey } from './keySet.ts'
import { quoted } from './quoted.ts'
import { VerifiedTokens } from './verifiedTokens.ts'

export interface AuthenticatorSettings {
  readonly issuers: readonly IssuerSettings[]
  /** The claim that names the consumer; absent: `client_id`, then `sub`. */
  readonly consumerClaim?: string
  /** For `nbf` and `iat`, at most 5 minutes; `exp` has none. Default 5 s. */
  readonly clockToleranceMs?: number
  /** At most 16 KiB, the default. */
  readonly tokenBytesMax?: number
  /** Verified tokens remembered. Default 10,000, about 2 KB each. */
  readonly cacheEntriesMax?: number
  readonly jwksLimits?: Partial<JwksLimits>
}

export interface AuthenticatorContext {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Log
}

export interface Authenticator {
  /** Begins loading the keys of every issuer. */
  start(): void
  /**
   * Who the compact JWT speaks for (RFC 7519, RFC 8725), or why it speaks for nobody: `token-expired`,
   * `unauthenticated`, or `internal` where the keys to check it with could not be loaded. Tell them apart by `'code' in`. At once for a token
   * that was seen before.
   */
  authenticate(token: string): Eventual<Identity | Refusal>
  /** One entry an issuer, as configured: for readiness, `doctor` and metrics. */
  issuers(): readonly IssuerReport[]
  cache(): { readonly entries: number; readonly hits: number; readonly misses: number }
  close(): void
}

export interface IssuerReport {
  readonly issuer: string
  readonly keys: JwksState
  readonly counters: JwksCounters
}

export const TOKEN_BYTES_MAX = 16 * 1024
const CLOCK_TOLERANCE_MS_MAX = 300_000

/** Throws a usage `Fault` for settings that can't be meant. Nothing is read before `start` or the first token. */
export function createAuthenticator(settings: AuthenticatorSettings, context: AuthenticatorContext): Authenticator {
  const {
    consumerClaim,
    clockToleranceMs = 5_000,
    tokenBytesMax = TOKEN_BYTES_MAX,
    cacheEntriesMax = 10_000,
  } = settings
  within('clockToleranceMs', clockToleranceMs, 0, CLOCK_TOLERANCE_MS_MAX)
  within('tokenBytesMax', tokenBytesMax, 1, TOKEN_BYTES_MAX)
  within('cacheEntriesMax', cacheEntriesMax, 1, 10_000_000)
  if (consumerClaim === '') throw new Fault('usage', 'access.consumerClaim is empty; name a claim or leave it out.')
  const consumerClaims = consumerClaim === undefined ? ['client_id', 'sub'] : [consumerClaim]
  const shared = { consumerClaims, clockToleranceMs }
  const issuers = createIssuers(settings.issuers, shared, settings.jwksLimits ?? {}, context)
  return new JwtAuthenticator(issuers, new VerifiedTokens(cacheEntriesMax), tokenBytesMax, context)
}

class JwtAuthenticator implements Authenticator {
  readonly #issuers: ReadonlyMap<string, Issuer>
  readonly #verified: VerifiedTokens
  readonly #tokenBytesMax: number
  readonly #context: AuthenticatorContext

  constructor(
    issuers: ReadonlyMap<string, Issuer>,
    verified: VerifiedTokens,
    tokenBytesMax: number,
    context: AuthenticatorContext,
  ) {
    this.#issuers = issuers
    this.#verified = verified
    this.#tokenBytesMax = tokenBytesMax
    this.#context = context
  }

  start(): void {
    for (const issuer of this.#issuers.values()) issuer.keys.start()
  }

  authenticate(token: string): Eventual<Identity | Refusal> {
    if (Buffer.byteLength(token) > this.#tokenBytesMax) {
      return wrong(`The token is larger than ${this.#tokenBytesMax} bytes.`)
    }
    const hash = VerifiedTokens.keyOf(token)
    return this.#remembered(hash) ?? this.#verify(token, hash)
  }

  issuers(): readonly IssuerReport[] {
    return [...this.#issuers.values()].map(({ name, keys }) => {
      return { issuer: name, keys: keys.state(), counters: keys.counters() }
    })
  }

  cache(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return this.#verified.counters()
  }

  close(): void {
    for (const issuer of this.#issuers.values()) issuer.keys.close()
  }

  /** A verified token stands until it expires or the issuer takes its key back, whichever is first. */
  #remembered(hash: string): Identity | Refusal | null {
    const entry = this.#verified.get(hash)
    if (!entry) return null
    const { identity, issuer, key } = entry
    const isExpired = identity.expiresAt <= this.#context.clock.now()
    if (!isExpired && this.#issuers.get(issuer)?.keys.holds(key)) return identity
    this.#verified.delete(hash)
    return isExpired ? expired(identity.expiresAt) : null
  }

  async #verify(token: string, hash: string): Promise<Identity | Refusal> {
    const compact = readCompact(token)
    if ('problem' in compact) return wrong(`This is not a token that can be accepted. ${compact.problem}`)
    // The issuer is chosen before any key is looked up: a foreign `iss` never causes a request (RFC 8725 §3.8).
    const issuer = this.#issuerOf(compact)
    if ('code' in issuer) return issuer
    const identity = judgeClaims(compact.claims, issuer.rules, this.#context.clock.now())
    if ('code' in identity) return identity
    const found = await issuer.keys.find(compact.algorithm, compact.kid)
    if ('problem' in found) return keyProblem(found, compact, issuer)
    const problem = await this.#checkSignature(token, compact.algorithm, found.key, issuer)
    if (problem) return problem
    this.#verified.set(hash, { identity, issuer: issuer.name, key: found.key })
    return identity
  }

  #issuerOf({ claims, algorithm }: CompactToken): Issuer | Refusal {
    const { iss } = claims
    if (iss === undefined) return wrong('The token has no "iss".')
    const issuer = typeof iss === 'string' ? this.#issuers.get(iss) : undefined
    if (!issuer) return wrong(`The token's issuer ${quoted(iss)} is not accepted here.`)
    if (issuer.algorithms.has(algorithm)) return issuer
    const accepted = [...issuer.algorithms].join(', ')
    return wrong(`The token is signed by ${quoted(algorithm)}; from this issuer ${accepted} is accepted.`)
  }

  async #checkSignature(
    token: string,
    algorithm: string,
    { key }: VerificationKey,
    issuer: Issuer,
  ): Promise<Refusal | null> {
    try {
      await compactVerify(token, key, { algorithms: [algorithm] })
      return null
    } catch (error) {
      if (error instanceof errors.JOSEError) return wrong("The token's signature does not match.")
      const reason = error instanceof Error ? error.message : String(error)
      this.#context.log.error({ issuer: issuer.name, algorithm, reason }, 'a signature could not be checked')
      return refuse('internal', 'The token could not be checked; the operator has been told.')
    }
  }
}

/** Its tokens are made beside the gateway, by whoever reads this. */
const OTHER_DATA = '`weir token` makes one where it reads the configuration of this gateway, with the same `dataDir`.'

function keyProblem(found: Extract<Found, { problem: string }>, { kid }: CompactToken, issuer: Issuer): Refusal {
  const name = quoted(issuer.name)
  if (found.problem === 'unavailable') {
    // Not the client's doing, so not a 401 that tells it to give up.
    const retryAfter = Math.ceil(found.retryAfterMs / 1000)
    return refuse('internal', `The keys of the issuer ${name} can't be loaded now; try again.`, { retryAfter })
  }
  if (found.problem === 'ambiguous') {
    return kid === null
      ? wrong(`The token names no key ("kid"), and the issuer ${name} has several that fit.`)
      : wrong(`The issuer ${name} has several keys that fit the token's "kid" ${quoted(kid)}.`)
  }
  const detail = `The issuer ${name} has no key ${kid === null ? '' : `${quoted(kid)} `}that fits the token's algorithm.`
  return wrong(issuer.name === DEVELOPMENT_ISSUER ? `${detail} ${OTHER_DATA}` : detail)
}

function within(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return
  throw new Fault('usage', `access.${name} is ${value}; it must be between ${min} and ${max}.`)
}

function wrong(detail: string): Refusal {
  return refuse('unauthenticated', detail)
}
