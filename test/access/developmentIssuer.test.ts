import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createAuthenticator, type Authenticator } from '../../gateway/access/authenticator.ts'
import { openDevelopmentIssuer, TTL_MS_MAX, type DevelopmentIssuer } from '../../gateway/access/developmentIssuer.ts'
import { Fault } from '../../gateway/errors.ts'
import { silentLog } from '../../gateway/log.ts'
import { ManualClock, NOON } from './support.ts'

describe('development issuer', () => {
  let parent: string
  let dataDir: string
  let clock: ManualClock
  const opened: Authenticator[] = []

  beforeEach(async () => {
    clock = new ManualClock()
    parent = await mkdtemp(join(tmpdir(), 'weir-issuer-'))
    dataDir = join(parent, 'data')
  })

  afterEach(async () => {
    for (const one of opened.splice(0)) one.close()
    await rm(parent, { recursive: true })
  })

  function authenticatorOf(issuer: DevelopmentIssuer): Authenticator {
    const created = createAuthenticator({ issuers: [issuer.settings] }, { clock, random: () => 0, log: silentLog })
    opened.push(created)
    return created
  }

  test('its tokens pass the same check as every other, until they expire', async () => {
    const issuer = await openDevelopmentIssuer(dataDir, clock)
    const { token, expiresAt } = await issuer.issueToken({ consumer: 'demo', scope: 'a b', ttlMs: 60_000 })
    const authenticator = authenticatorOf(issuer)
    const identity = await authenticator.authenticate(token)
    assert.ok(!('code' in identity))
    assert.equal(identity.consumer, 'demo')
    assert.deepEqual([...identity.scopes], ['a', 'b'])
    assert.equal(expiresAt, NOON + 60_000)
    assert.equal(identity.expiresAt, expiresAt)
    assert.equal(identity.claims['iss'], 'urn:weir:development')
    assert.equal(identity.claims['aud'], 'weir')
    clock.advance(60_000)
    const late = await authenticator.authenticate(token)
    assert.ok('code' in late && late.code === 'token-expired')
  })

  test('each token has an id of its own', async () => {
    const issuer = await openDevelopmentIssuer(dataDir, clock)
    const request = { consumer: 'demo', ttlMs: 60_000 }
    assert.notEqual((await issuer.issueToken(request)).token, (await issuer.issueToken(request)).token)
  })

  test('the keys are made once: tokens outlive a restart', async () => {
    const { token } = await (
      await openDevelopmentIssuer(dataDir, clock)
    ).issueToken({ consumer: 'demo', ttlMs: 60_000 })
    const again = await openDevelopmentIssuer(dataDir, clock)
    assert.ok(!('code' in (await authenticatorOf(again).authenticate(token))))
  })

  test('starts at the same time agree on one key and leave nothing behind', async () => {
    const issuers = await Promise.all(Array.from({ length: 12 }, () => openDevelopmentIssuer(dataDir, clock)))
    const kids = new Set(issuers.map((issuer) => issuer.jwks.keys[0]?.kid))
    assert.equal(kids.size, 1)
    assert.deepEqual(await readdir(dataDir), ['development-issuer'])
    const [first, last] = [issuers[0], issuers.at(-1)]
    assert.ok(first && last)
    const { token } = await first.issueToken({ consumer: 'demo', ttlMs: 60_000 })
    assert.ok(!('code' in (await authenticatorOf(last).authenticate(token))))
  })

  test('nobody else can read the private key, and the public file does not hold it', async () => {
    const issuer = await openDevelopmentIssuer(dataDir, clock)
    const folder = join(dataDir, 'development-issuer')
    assert.equal((await stat(join(folder, 'private.jwk.json'))).mode & 0o777, 0o600)
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    assert.deepEqual(JSON.parse(await readFile(issuer.settings.jwks, 'utf8')), issuer.jwks)
    assert.ok(issuer.jwks.keys.every((key) => !('d' in key)))
  })

  test('a private key that others can read is refused with the command that mends it', async () => {
    await openDevelopmentIssuer(dataDir, clock)
    const file = join(dataDir, 'development-issuer', 'private.jwk.json')
    await chmod(file, 0o644)
    await assert.rejects(openDevelopmentIssuer(dataDir, clock), /can be read by others; run: chmod 600/)
    await chmod(file, 0o600)
    await openDevelopmentIssuer(dataDir, clock)
  })

  test('damaged or missing keys are a fault that names the folder to remove, and are never replaced', async () => {
    await openDevelopmentIssuer(dataDir, clock)
    const file = join(dataDir, 'development-issuer', 'private.jwk.json')
    for (const text of ['', '{"kty":"EC"', '{}']) {
      await writeFile(file, text)
      await assert.rejects(
        openDevelopmentIssuer(dataDir, clock),
        /cannot be read: .*remove the folder .*development-issuer/,
      )
      assert.equal(await readFile(file, 'utf8'), text)
    }
    await rm(file)
    await assert.rejects(openDevelopmentIssuer(dataDir, clock), /cannot be read: ENOENT/)
  })

  test('a dataDir that cannot be made is a fault that names it', async () => {
    await writeFile(dataDir, 'a file')
    await assert.rejects(
      openDevelopmentIssuer(dataDir, clock),
      (error) => error instanceof Fault && error.message.includes(dataDir),
    )
  })

  const WRONG_REQUESTS: readonly [string, { consumer?: string; scope?: string; ttlMs?: number }, RegExp][] = [
    ['no consumer', { consumer: '' }, /consumer must be/],
    ['a long consumer', { consumer: 'x'.repeat(257) }, /consumer must be/],
    ['a consumer with a line break', { consumer: 'a\nb' }, /consumer must be/],
    ['a scope with quotes', { scope: 'a"b' }, /scope must be/],
    ['a long scope', { scope: 'x'.repeat(4097) }, /scope must be/],
    ['no time to live', { ttlMs: 0 }, /between 1 second and 30 days/],
    ['more than 30 days', { ttlMs: TTL_MS_MAX + 1 }, /between 1 second and 30 days/],
    ['a time that is no number', { ttlMs: Number.NaN }, /between 1 second and 30 days/],
  ]
  for (const [what, request, reason] of WRONG_REQUESTS) {
    test(`a token for ${what} is not issued`, async () => {
      const issuer = await openDevelopmentIssuer(dataDir, clock)
      await assert.rejects(
        issuer.issueToken({ consumer: 'demo', ttlMs: 60_000, ...request }),
        (error) => error instanceof Fault && error.kind === 'usage' && reason.test(error.message),
      )
    })
  }

  test('a token for the whole 30 days is issued', async () => {
    const issuer = await openDevelopmentIssuer(dataDir, clock)
    const { expiresAt } = await issuer.issueToken({ consumer: 'demo', ttlMs: TTL_MS_MAX })
    assert.equal(expiresAt, NOON + TTL_MS_MAX)
  })
})
