import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, sign as signRaw } from 'node:crypto'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  createAuthenticator,
  type Authenticator,
  type AuthenticatorSettings,
} from '../../gateway/access/authenticator.ts'
import type { Identity } from '../../gateway/access/grant.ts'
import type { Refusal } from '../../gateway/errors.ts'
import { createSigner, encode, ISSUER, jsonAnswer, keysAnswer, KeyServer, ManualClock, MemoryLog } from './support.ts'
import { NOON, sign, type Signer } from './support.ts'

describe('forgery', () => {
  let server: KeyServer
  let clock: ManualClock
  let log: MemoryLog
  let ec: Signer
  let rsa: Signer
  let other: Signer
  let authenticator: Authenticator

  before(async () => {
    ec = await createSigner('ec')
    rsa = await createSigner('rsa', 'RS256')
    other = await createSigner('ec')
  })

  beforeEach(async () => {
    clock = new ManualClock()
    log = new MemoryLog()
    server = await KeyServer.start(keysAnswer(ec, rsa))
    authenticator = create()
  })

  afterEach(async () => {
    authenticator.close()
    await server.close()
  })

  function create(more: Partial<AuthenticatorSettings> = {}): Authenticator {
    const issuers = [{ issuer: ISSUER, audience: 'weir', jwks: server.url, algorithms: ['RS256', 'ES256'] }]
    return createAuthenticator({ issuers, ...more }, { clock, random: () => 0, log })
  }

  async function identityOf(token: string): Promise<Identity> {
    const result = await authenticator.authenticate(token)
    assert.ok(!('code' in result), 'code' in result ? result.detail : '')
    return result
  }

  async function refusalOf(token: string, code: Refusal['code'] = 'unauthenticated'): Promise<string> {
    const result = await authenticator.authenticate(token)
    assert.ok('code' in result, 'the token was accepted')
    assert.equal(result.code, code, result.detail)
    for (const part of token.split('.'))
      assert.ok(part.length < 20 || !result.detail.includes(part), 'echoes the token')
    return result.detail
  }

  test('an unsigned token is refused, however it spells "none"', async () => {
    const [, payload, signature] = (await sign(ec)).split('.')
    for (const alg of ['none', 'None', 'nOnE', '']) {
      for (const last of ['', signature]) {
        const detail = await refusalOf(`${encode({ alg, kid: 'ec' })}.${payload}.${last}`)
        assert.match(detail, /unsigned|no "alg"|no signature/)
      }
    }
    assert.equal(server.requests, 0)
  })

  test('a token signed by HMAC with the public key as secret is refused', async () => {
    const pem = createPublicKey({ key: rsa.publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const [, payload] = (await sign(rsa)).split('.')
    for (const secret of [pem, JSON.stringify(rsa.publicJwk), '']) {
      const head = `${encode({ alg: 'HS256', kid: 'rsa' })}.${payload}`
      const signature = createHmac('sha256', secret).update(head).digest('base64url')
      assert.match(await refusalOf(`${head}.${signature}`), /"HS256"; from this issuer RS256, ES256 is accepted/)
    }
  })

  test('an algorithm outside the list is refused, though its key would fit', async () => {
    authenticator.close()
    authenticator = create({
      issuers: [{ issuer: ISSUER, audience: 'weir', jwks: server.url, algorithms: ['ES256'] }],
    })
    assert.match(await refusalOf(await sign(rsa)), /"RS256"; from this issuer ES256/)
    assert.equal(server.requests, 0)
  })

  test('a token under a weak RSA key is refused', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
    server.answer = jsonAnswer({ keys: [ec.publicJwk, { ...pair.publicKey.export({ format: 'jwk' }), kid: 'weak' }] })
    const [, payload] = (await sign(rsa)).split('.')
    const head = `${encode({ alg: 'RS256', kid: 'weak' })}.${payload}`
    const token = `${head}.${signRaw('sha256', Buffer.from(head), pair.privateKey).toString('base64url')}`
    assert.match(await refusalOf(token), /no key "weak"/)
  })

  test('keys that the token brings along or points to are ignored', async () => {
    const evil = await KeyServer.start(keysAnswer(other))
    const headers = [
      { jwk: other.publicJwk },
      { jku: evil.url },
      { x5u: evil.url },
      { x5c: ['MIIB'] },
      { jwk: other.publicJwk, jku: evil.url, kid: evil.url },
    ]
    for (const header of headers) assert.match(await refusalOf(await sign(other, { header })), /signature|no key/)
    assert.equal(evil.requests, 0)
    await identityOf(await sign(ec, { header: { jku: evil.url } }))
    await evil.close()
  })

  test('a kid is a name and nothing else', async () => {
    const kids = [
      '../../../../dev/null',
      "' OR 1=1 --",
      '__proto__',
      'constructor',
      '\u0000',
      'k\nlog line',
      'http://127.0.0.1/',
    ]
    for (const kid of kids) {
      const detail = await refusalOf(await sign(ec, { header: { kid } }))
      assert.match(detail, /no key/)
      assert.doesNotMatch(detail, /[\p{Cc}]/u)
    }
    for (const kid of ['', 'x'.repeat(257), 7, null, { $ne: '' }]) {
      assert.match(await refusalOf(await sign(ec, { header: { kid: kid as string } })), /"kid" is not a text/)
    }
  })

  test('extensions that must be understood are refused', async () => {
    const [, payload, signature] = (await sign(ec)).split('.')
    for (const header of [
      { crit: ['exp'] },
      { crit: ['b64'], b64: false },
      { crit: ['b64'], b64: true },
      { crit: [] },
    ]) {
      assert.match(
        await refusalOf(`${encode({ alg: 'ES256', kid: 'ec', ...header })}.${payload}.${signature}`),
        /"crit"/,
      )
    }
  })

  test('a payload or header that was changed is refused', async () => {
    const token = await sign(ec)
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const changed = [
      `${header}.${encode({ ...claims, client_id: 'victim' })}.${signature}`,
      `${encode({ alg: 'ES256', kid: 'ec', typ: 'JWT' })}.${payload}.${signature}`,
      `${header}.${payload}.${encode('')}${'A'.repeat(86)}`,
      `${header}.${payload}.${signature.slice(0, 40)}`,
    ]
    for (const one of changed) assert.match(await refusalOf(one), /signature/)
  })

  test('a second spelling of a valid token is refused', async () => {
    const token = await sign(ec)
    await identityOf(token)
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const spellings = [
      `${token}=`,
      `${token}==`,
      `${header}=.${payload}.${signature}`,
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      `${header}. ${payload}.${signature}`,
      `${header}.${payload}.${signature.slice(0, 10)}\n${signature.slice(10)}`,
      `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`,
      `${token}.`,
      `.${token}`,
      token.toUpperCase(),
    ]
    for (const spelling of spellings.filter((one) => one !== token)) await refusalOf(spelling)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const last of alphabet) {
      if (!token.endsWith(last)) await refusalOf(token.slice(0, -1) + last)
    }
  })

  test('no valid token with one character changed is accepted', async () => {
    const tokens = [await sign(ec), await sign(rsa)]
    for (const token of tokens) await identityOf(token)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...tokens),
        fc.nat(),
        fc.oneof(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
          fc.constantFrom(...'ABCDghij0189-_.=+/ '.split('')),
        ),
        async (token, position, replacement) => {
          const at = position % token.length
          const mutated = token.slice(0, at) + replacement + token.slice(at + 1)
          fc.pre(mutated !== token)
          assert.ok('code' in (await authenticator.authenticate(mutated)))
        },
      ),
      { numRuns: 1000 },
    )
    assert.deepEqual(
      log.lines.filter((line) => line.level === 'error'),
      [],
    )
  })

  test('whatever text arrives is refused and faults nothing', async () => {
    const part = fc.oneof(fc.json().map(encode), fc.base64String(), fc.string(), fc.constant(''))
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        const result = await authenticator.authenticate(token)
        assert.ok('code' in result && result.code === 'unauthenticated')
      }),
    )
    assert.equal(server.requests, 0)
  })

  test('a signed token of a known issuer with any claims is judged, never a fault', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom('exp', 'nbf', 'iat', 'aud', 'client_id', 'scope', 'scp', '__proto__'),
          fc.jsonValue(),
        ),
        async (claims) => {
          const payload = encode(JSON.stringify({ iss: ISSUER, exp: NOON / 1000 + 60, aud: 'weir', ...claims }))
          const result = await authenticator.authenticate(
            `${encode({ alg: 'ES256', kid: 'ec' })}.${payload}.${'A'.repeat(86)}`,
          )
          assert.ok('code' in result && result.code !== 'internal')
        },
      ),
    )
  })

  test('a giant token is refused by its length alone', async () => {
    const token = await sign(ec, { claims: { padding: 'x'.repeat(20_000) } })
    assert.match(await refusalOf(token), /larger than 16384 bytes/)
    await refusalOf('a.'.repeat(1_000_000))
    assert.equal(server.requests, 0)
    await identityOf(await sign(ec, { claims: { padding: 'x'.repeat(11_000) } }))
  })
})
