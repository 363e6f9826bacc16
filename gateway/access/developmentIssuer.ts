import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose'
import type { Clock } from '../clock.ts'
import { Fault } from '../errors.ts'
import { CONSUMER_BYTES_MAX } from './claims.ts'
import type { IssuerSettings } from './issuers.ts'

/*
 * Tokens for a machine without an identity provider. The key pair lives in one folder of dataDir, made beside it and
 * renamed into place: a rename onto a folder that is not empty fails, so of several first starts at once exactly one
 * wins, whole, and the others use its keys.
 */

export interface DevelopmentIssuer {
  /** For the authenticator: the same path as every real issuer, with the public keys as a file. */
  readonly settings: IssuerSettings
  readonly jwks: { readonly keys: readonly JWK[] }
  /** Throws a usage `Fault` for a request outside the limits. */
  issueToken(request: TokenRequest): Promise<{ readonly token: string; readonly expiresAt: number }>
}

export interface TokenRequest {
  readonly consumer: string
  /** Scopes with blanks between; absent: none. */
  readonly scope?: string
  /** 1 s to 30 days. */
  readonly ttlMs: number
}

export const DEVELOPMENT_ISSUER = 'urn:weir:development'
const DEVELOPMENT_AUDIENCE = 'weir'
export const TTL_MS_MAX = 30 * 86_400_000
const SCOPE_BYTES_MAX = 4096

const ALGORITHM = 'ES256'
const FOLDER = 'development-issuer'
const PRIVATE_FILE = 'private.jwk.json'
const PUBLIC_FILE = 'jwks.json'

/** Opens the issuer of `dataDir`, and makes its keys the first time. Throws `Fault`: unreadable, damaged, open to others. */
export async function openDevelopmentIssuer(dataDir: string, clock: Clock): Promise<DevelopmentIssuer> {
  const folder = join(dataDir, FOLDER)
  if (!(await exists(folder))) await makeKeys(dataDir, folder)
  const { privateKey, jwks } = await readKeys(folder)
  return {
    settings: {
      issuer: DEVELOPMENT_ISSUER,
      audience: DEVELOPMENT_AUDIENCE,
      jwks: join(folder, PUBLIC_FILE),
      algorithms: [ALGORITHM],
    },
    jwks,
    issueToken: (request) => issueToken(privateKey, request, clock),
  }
}

async function issueToken(
  privateJwk: JWK,
  { consumer, scope = '', ttlMs }: TokenRequest,
  clock: Clock,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  checkRequest(consumer, scope, ttlMs)
  const issuedAt = Math.floor(clock.now() / 1000)
  const expiresAt = Math.ceil((clock.now() + ttlMs) / 1000)
  const token = await new SignJWT({ client_id: consumer, scope })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', ...(privateJwk.kid !== undefined && { kid: privateJwk.kid }) })
    .setIssuer(DEVELOPMENT_ISSUER)
    .setSubject(consumer)
    .setAudience(DEVELOPMENT_AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .setJti(randomUUID())
    .sign(await importJWK(privateJwk, ALGORITHM))
  return { token, expiresAt: expiresAt * 1000 }
}

function checkRequest(consumer: string, scope: string, ttlMs: number): void {
  if (consumer === '' || Buffer.byteLength(consumer) > CONSUMER_BYTES_MAX || /[\p{Cc}\p{Cs}]/u.test(consumer)) {
    throw new Fault(
      'usage',
      `The consumer must be a text of 1 to ${CONSUMER_BYTES_MAX} bytes without control characters.`,
    )
  }
  // RFC 6749 §3.3, and blanks between.
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(scope) || scope.length > SCOPE_BYTES_MAX) {
    throw new Fault(
      'usage',
      `The scope must be at most ${SCOPE_BYTES_MAX} printable ASCII characters without " and \\.`,
    )
  }
  if (!(ttlMs >= 1000 && ttlMs <= TTL_MS_MAX)) {
    throw new Fault('usage', `A development token lives between 1 second and 30 days, not ${ttlMs} ms.`)
  }
}

async function makeKeys(dataDir: string, folder: string): Promise<void> {
  const made = `${folder}.${randomUUID()}.tmp`
  await mkdir(dataDir, { recursive: true }).catch(unwritable(dataDir))
  await mkdir(made, { mode: 0o700 }).catch(unwritable(dataDir))
  try {
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    const publicJwk = { ...(await exportJWK(publicKey)), alg: ALGORITHM, use: 'sig' }
    const kid = await calculateJwkThumbprint(publicJwk)
    await writeSecret(join(made, PRIVATE_FILE), { ...(await exportJWK(privateKey)), alg: ALGORITHM, kid })
    await writeSecret(join(made, PUBLIC_FILE), { keys: [{ ...publicJwk, kid }] })
    await rename(made, folder)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    if (!(await exists(folder))) throw error
  }
}

/** Flushed before the folder gets its name: after a power cut there is a whole key or none. */
async function writeSecret(path: string, value: unknown): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function readKeys(folder: string): Promise<{ privateKey: JWK; jwks: { keys: JWK[] } }> {
  const path = join(folder, PRIVATE_FILE)
  try {
    const { mode } = await stat(path)
    // Windows has no such bits and reports all of them set.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Fault('refused', `${path} can be read by others; run: chmod 600 ${path}`)
    }
    const privateKey = JSON.parse(await readFile(path, 'utf8')) as JWK
    const jwks = JSON.parse(await readFile(join(folder, PUBLIC_FILE), 'utf8')) as { keys: JWK[] }
    await importJWK(privateKey, ALGORITHM)
    return { privateKey, jwks }
  } catch (error) {
    if (error instanceof Fault) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const fix = `remove the folder ${folder} to make new keys (tokens issued so far end)`
    throw new Fault('refused', `The development issuer's keys cannot be read: ${reason}; ${fix}.`, { cause: error })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    // Whatever else is wrong with it shows when it is read or made.
    return false
  }
}

function unwritable(dataDir: string): (error: unknown) => never {
  return (error) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Fault('refused', `dataDir ${dataDir} cannot be written: ${reason}.`, { cause: error })
  }
}
