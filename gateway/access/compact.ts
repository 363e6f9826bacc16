import { quoted } from './quoted.ts'

/** A JWT taken apart; nothing in it has been believed yet. */
export interface CompactToken {
  readonly algorithm: string
  /** `null` where the header names no key. */
  readonly kid: string | null
  readonly claims: { readonly [name: string]: unknown }
}

export const KID_BYTES_MAX = 256

const TYPES = new Set(['jwt', 'at+jwt'])
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads the compact form (RFC 7515 §7.1), or says what is wrong with it. Stricter than jose, which accepts padding,
 * blanks and stray trailing bits: two spellings of one token would be two cache entries and two identities to a log.
 */
export function readCompact(token: string): CompactToken | { readonly problem: string } {
  const parts = token.split('.')
  if (parts.length !== 3) return { problem: `It has ${parts.length} parts; a signed JWT has three.` }
  const [first, second, third] = parts.map(decode) as [Buffer | null, Buffer | null, Buffer | null]
  if (!first || !second || !third) return { problem: 'Its parts are not all base64url without padding.' }
  if (third.length === 0) return { problem: 'It has no signature.' }
  const header = parseObject(first)
  const claims = parseObject(second)
  if (!header) return { problem: 'Its header is not a JSON object.' }
  if (!claims) return { problem: 'Its payload is not a JSON object.' }
  return readHeader(header, claims)
}

/** Key material in the header (`jwk`, `jku`, `x5u`, `x5c`) is not read at all: RFC 8725 §3.10. */
function readHeader(header: JsonObject, claims: JsonObject): CompactToken | { readonly problem: string } {
  const { alg, kid, typ, crit } = header
  if (typeof alg !== 'string' || alg === '') return { problem: 'Its header has no "alg".' }
  if (alg.toLowerCase() === 'none') return { problem: 'It is unsigned ("alg" is "none").' }
  // RFC 7515 §4.1.11: what must be understood and is not refuses the token; no extension is understood here.
  if (crit !== undefined) return { problem: 'Its header has "crit": no extension is understood here.' }
  if (typ !== undefined && !isTokenType(typ)) {
    return { problem: `Its "typ" is ${quoted(typ)}; "JWT" or "at+jwt" is needed.` }
  }
  if (kid === undefined) return { algorithm: alg, kid: null, claims }
  if (typeof kid !== 'string' || kid === '' || Buffer.byteLength(kid) > KID_BYTES_MAX) {
    return { problem: `Its "kid" is not a text of 1 to ${KID_BYTES_MAX} bytes.` }
  }
  return { algorithm: alg, kid, claims }
}

/** RFC 7515 §4.1.9: media types, compared without case, `application/` may be left out. */
function isTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''))
}

/** Null unless `part` is the one canonical spelling of its bytes. */
function decode(part: string): Buffer | null {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : null
}

type JsonObject = { readonly [name: string]: unknown }

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null
  } catch {
    return null
  }
}
