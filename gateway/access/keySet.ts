import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { Fault } from '../errors.ts'
import { fits, weakness } from './algorithm.ts'
import { KID_BYTES_MAX } from './compact.ts'
import { quoted } from './quoted.ts'

/** A public key that may check signatures. */
export interface VerificationKey {
  /** Equal for equal material, name and declared algorithm: a key that comes back unchanged is the same key. */
  readonly id: string
  readonly kid: string | null
  readonly declared: string | null
  readonly key: KeyObject
}

export type Pick = { readonly key: VerificationKey } | { readonly problem: 'no-such-key' | 'ambiguous' }

type JsonObject = { readonly [name: string]: unknown }

/**
 * The usable keys of a JWK Set (RFC 7517 §5): each fits at least one of `algorithms`. A key that cannot be used is left
 * out, as §5 asks; a set that has none left, is no JWK Set, or holds more than `keysMax` throws a `refused` Fault.
 */
export function readKeySet(
  text: string,
  algorithms: ReadonlySet<string>,
  keysMax: number,
): { readonly keys: readonly VerificationKey[]; readonly unusable: readonly string[] } {
  const listed = readList(text)
  if (listed.length > keysMax) refused(`the JWK Set holds ${listed.length} keys, at most ${keysMax} are taken`)
  if (listed.length === 0) refused('the JWK Set is empty')
  const keys = new Map<string, VerificationKey>()
  const unusable: string[] = []
  for (const [index, jwk] of listed.entries()) {
    const read = readKey(jwk, algorithms)
    if (typeof read === 'string') unusable.push(`key ${index + 1}${nameOf(jwk)}: ${read}`)
    else keys.set(read.id, read)
  }
  if (keys.size === 0) refused(`no key of the JWK Set can be used (${unusable.slice(0, 3).join('; ')})`)
  return { keys: [...keys.values()], unusable }
}

/** The one key for a token's header. Without a `kid` only where a single key fits: guessing would hide a rotation. */
export function pickKey(keys: readonly VerificationKey[], algorithm: string, kid: string | null): Pick {
  const [first, second] = keys.filter(
    (one) => (kid === null || one.kid === kid) && fits(one.key, one.declared, algorithm),
  )
  if (!first) return { problem: 'no-such-key' }
  return second ? { problem: 'ambiguous' } : { key: first }
}

function readList(text: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refused('it is not JSON')
  }
  const keys = isObject(value) ? value['keys'] : undefined
  return Array.isArray(keys) ? keys : refused('it is JSON, but no JWK Set: a list "keys" is missing')
}

/** The key, or why it cannot be used. */
function readKey(jwk: unknown, algorithms: ReadonlySet<string>): VerificationKey | string {
  if (!isObject(jwk)) return 'it is not an object'
  const { kty, kid, use, key_ops: operations, alg } = jwk
  if (kty === 'oct') return 'it is a shared secret'
  if ('d' in jwk) return 'it holds the private part, so it is no secret any more'
  if (kid !== undefined && (typeof kid !== 'string' || Buffer.byteLength(kid) > KID_BYTES_MAX))
    return 'its kid is wrong'
  if (alg !== undefined && typeof alg !== 'string') return 'its alg is not a text'
  if (use !== undefined && use !== 'sig') return 'it is not for signatures'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'it is not for checking signatures'
  }
  const key = importKey(jwk)
  if (!key) return 'its material is damaged or of an unknown kind'
  const declared = alg ?? null
  if (![...algorithms].some((one) => fits(key, declared, one))) return `it fits none of ${[...algorithms].join(', ')}`
  return weakness(key) ?? { id: identify(key, kid ?? null, declared), kid: kid ?? null, declared, key }
}

function importKey(jwk: JsonObject): KeyObject | null {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    // Node's reason is OpenSSL's; the caller counts the key as unusable and says so.
    return null
  }
}

function identify(key: KeyObject, kid: string | null, declared: string | null): string {
  const material = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  return JSON.stringify([kid, declared, material])
}

function nameOf(jwk: unknown): string {
  return isObject(jwk) && typeof jwk['kid'] === 'string' ? ` (${quoted(jwk['kid'])})` : ''
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refused(reason: string): never {
  throw new Fault('refused', reason)
}
