import type { KeyObject } from 'node:crypto'
import { Fault } from '../errors.ts'

/** What a key must be to check signatures of an algorithm (RFC 7518 §3.1, RFC 8037, RFC 9864). */
interface Needs {
  readonly types: readonly string[]
  readonly curve?: string
}

const RSA: Needs = { types: ['rsa'] }
const RSA_PSS: Needs = { types: ['rsa', 'rsa-pss'] }
const ED25519: Needs = { types: ['ed25519'] }

/** Asymmetric only: with HMAC in the list, anyone who knows a public key could sign with it (RFC 8725 §2.1). */
const ALGORITHMS: ReadonlyMap<string, Needs> = new Map([
  ['RS256', RSA],
  ['RS384', RSA],
  ['RS512', RSA],
  ['PS256', RSA_PSS],
  ['PS384', RSA_PSS],
  ['PS512', RSA_PSS],
  ['ES256', { types: ['ec'], curve: 'prime256v1' }],
  ['ES384', { types: ['ec'], curve: 'secp384r1' }],
  ['ES512', { types: ['ec'], curve: 'secp521r1' }],
  ['EdDSA', ED25519],
  ['Ed25519', ED25519],
])

const RSA_BITS_MIN = 2048
const RSA_EXPONENT_MIN = 65537n

/** Whether `key`, declared for `declared` (its JWK's `alg`, or null for any), checks signatures of `algorithm`. */
export function fits(key: KeyObject, declared: string | null, algorithm: string): boolean {
  const needs = ALGORITHMS.get(algorithm)
  if (!needs || !needs.types.includes(key.asymmetricKeyType ?? '')) return false
  if (needs.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== needs.curve) return false
  return declared === null || canonical(declared) === canonical(algorithm)
}

/** Why a key is too weak to trust, or null. */
export function weakness(key: KeyObject): string | null {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < RSA_BITS_MIN) {
    return `its RSA modulus has ${modulusLength} bits, at least ${RSA_BITS_MIN} are needed`
  }
  if (publicExponent !== undefined && publicExponent < RSA_EXPONENT_MIN) {
    return `its RSA exponent is ${publicExponent}, at least ${RSA_EXPONENT_MIN} is needed`
  }
  return null
}

/** The algorithms of an issuer as configured; throws a usage `Fault` that names the one that cannot be. */
export function acceptableAlgorithms(configured: readonly string[], issuer: string): ReadonlySet<string> {
  if (configured.length === 0) throw new Fault('usage', `Issuer ${issuer}: algorithms is empty; name ${known()}.`)
  for (const algorithm of configured) {
    if (/^HS\d+$/i.test(algorithm)) {
      throw new Fault('usage', `Issuer ${issuer}: ${algorithm} is symmetric and never accepted; name ${known()}.`)
    }
    if (/^none$/i.test(algorithm)) {
      throw new Fault('usage', `Issuer ${issuer}: unsigned tokens ("none") are never accepted; name ${known()}.`)
    }
    if (!ALGORITHMS.has(algorithm)) {
      throw new Fault('usage', `Issuer ${issuer}: the algorithm ${algorithm} is not known; name ${known()}.`)
    }
  }
  return new Set(configured)
}

function known(): string {
  return `one or more of ${[...ALGORITHMS.keys()].join(', ')}`
}

/** RFC 9864 §2.2 gave EdDSA over Ed25519 a name of its own; keys in the wild carry either. */
function canonical(algorithm: string): string {
  return algorithm === 'EdDSA' ? 'Ed25519' : algorithm
}
