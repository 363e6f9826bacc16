import assert from 'node:assert/strict'
import { KeyObject, sign as signRaw } from 'node:crypto'
import { afterEach, before, beforeEach, describe, test } from 'node:test'
import {
  createAuthenticator,
  type Authenticator,
  type AuthenticatorSettings,
} from '../../gateway/access/authenticator.ts'
import type { Identity } from '../../gateway/access/grant.ts'
import { JWKS_LIMITS } from '../../gateway/access/jwks.ts'
import { Fault, type Refusal } from '../../gateway/errors.ts'
import { createSigner, encode, ISSUER, keysAnswer, KeyServer, ManualClock, MemoryLog } from './support.ts'
import { NOON, sign, until, type Signer } from './support.ts'

describe('authenticator', () => {
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

  test('a valid token speaks for its consumer, with its scopes, until it expires', async () => {
    for (const signer of [ec, rsa]) {
      const identity = await identityOf(await sign(signer, { claims: { scope: 'quakes:read  quakes:pii' } }))
      assert.equal(identity.consumer, 'acme')
      assert.deepEqual([...identity.scopes], ['quakes:read', 'quakes:pii'])
      assert.equal(identity.expiresAt, NOON + 3_600_000)
      assert.equal(identity.claims['iss'], ISSUER)
    }
  })

  test('scopes are read from scope, scp and scopes, as text or list', async () => {
    const scopesOf = async (claims: object): Promise<string[]> => [
      ...(await identityOf(await sign(ec, { claims: { ...claims } }))).scopes,
    ]
    assert.deepEqual(await scopesOf({}), [])
    assert.deepEqual(await scopesOf({ scope: '' }), [])
    assert.deepEqual(await scopesOf({ scp: 'a b' }), ['a', 'b'])
    assert.deepEqual(await scopesOf({ scp: ['a', 'b'] }), ['a', 'b'])
    assert.deepEqual(await scopesOf({ scopes: ['b'], scope: 'a' }), ['a', 'b'])
    for (const claims of [{ scope: 7 }, { scope: ['a'] }, { scp: [1] }, { scopes: { a: true } }]) {
      assert.match(await refusalOf(await sign(ec, { claims })), /claim "sc\w+" is not a text/)
    }
  })

  test('the consumer is client_id, else sub, else whatever claim is configured, and nothing else', async () => {
    const subject = { claims: { client_id: undefined, sub: 'someone' } }
    assert.equal((await identityOf(await sign(ec, subject))).consumer, 'someone')
    assert.match(await refusalOf(await sign(ec, { claims: { client_id: undefined } })), /no claim "client_id" or "sub"/)
    for (const client_id of ['', 7, null, ['acme'], 'é'.repeat(129), 'a\u0000b', 'a\nb', '\ud800']) {
      const detail = await refusalOf(await sign(ec, { claims: { client_id, sub: 'someone' } }))
      assert.match(detail, /claim "client_id" (is not a text of 1 to 256 bytes|holds control characters)/)
    }
    assert.equal((await identityOf(await sign(ec, { claims: { client_id: 'é'.repeat(128) } }))).consumer.length, 128)
    authenticator.close()
    authenticator = create({ consumerClaim: 'azp' })
    assert.equal((await identityOf(await sign(ec, { claims: { azp: 'partner' } }))).consumer, 'partner')
    assert.match(await refusalOf(await sign(ec)), /no claim "azp"/)
  })

  test('an expired token is told when it expired, to the millisecond of its time', async () => {
    const token = await sign(ec)
    clock.advance(3_600_000 - 1)
    await identityOf(token)
    clock.advance(1)
    assert.match(await refusalOf(token, 'token-expired'), /expired at 2026-11-22T13:00:00.000Z; get a new one/)
    authenticator.close()
    authenticator = create()
    assert.match(await refusalOf(token, 'token-expired'), /expired at 2026-11-22T13:00:00.000Z/)
  })

  test('an expired token whose key is long gone is still told to get a new one', async () => {
    const gone = await createSigner('gone')
    await refusalOf(await sign(gone, { claims: { exp: NOON / 1000 - 86_400 } }), 'token-expired')
    assert.equal(server.requests, 0)
  })

  test('times that are missing, no times, or not yet are refused', async () => {
    const seconds = NOON / 1000
    const cases: readonly [object, RegExp][] = [
      [{ exp: undefined }, /no "exp"/],
      [{ exp: '9999999999' }, /"exp" is not a time/],
      [{ exp: 1e300 }, /"exp" is not a time/],
      [{ exp: null }, /"exp" is not a time/],
      [{ nbf: 'soon' }, /"nbf" is not a time/],
      [{ nbf: seconds + 6 }, /not valid before 2026-11-22T12:00:06/],
      [{ iat: seconds + 306 }, /in the future/],
      [{ iat: {} }, /"iat" is not a time/],
    ]
    for (const [claims, reason] of cases)
      assert.match(await refusalOf(await sign(ec, { claims: { ...claims } })), reason)
    await identityOf(await sign(ec, { claims: { nbf: seconds + 5, iat: seconds + 305 } }))
  })

  test('a token for somebody else is refused, and one for several is taken', async () => {
    for (const aud of [undefined, 'other', 'WEIR', ['other', 'weird'], [], [['weir']], { weir: 1 }, 7]) {
      assert.match(await refusalOf(await sign(ec, { claims: { aud } })), /"aud"|not for "weir"/)
    }
    await identityOf(await sign(ec, { claims: { aud: ['other', 'weir'] } }))
  })

  test('a foreign issuer is refused before any key is asked for', async () => {
    for (const iss of [
      undefined,
      'https://evil.example.com',
      `${ISSUER}/`,
      ISSUER.toUpperCase(),
      '',
      7,
      [ISSUER],
      {},
    ]) {
      assert.match(await refusalOf(await sign(ec, { claims: { iss } })), /no "iss"|is not accepted here/)
    }
    assert.equal(server.requests, 0)
  })

  test('each issuer is checked with its own keys alone', async () => {
    const second = 'https://second.example.com'
    const secondServer = await KeyServer.start(keysAnswer(other))
    authenticator.close()
    authenticator = create({
      issuers: [
        { issuer: ISSUER, audience: 'weir', jwks: server.url, algorithms: ['ES256'] },
        { issuer: second, audience: ['partners', 'weir'], jwks: secondServer.url, algorithms: ['ES256'] },
      ],
    })
    await identityOf(await sign(ec))
    await identityOf(await sign(other, { claims: { iss: second, aud: 'partners' } }))
    assert.match(await refusalOf(await sign(other)), /signature/)
    assert.match(await refusalOf(await sign(ec, { claims: { iss: second } })), /signature/)
    assert.deepEqual(
      authenticator.issuers().map((one) => [one.issuer, one.keys.status, one.counters.fetches]),
      [
        [ISSUER, 'ok', 1],
        [second, 'ok', 1],
      ],
    )
    await secondServer.close()
  })

  test('a token without kid is taken where one key fits', async () => {
    const [, payload] = (await sign(ec)).split('.')
    const head = `${encode({ alg: 'ES256' })}.${payload}`
    const key = { key: KeyObject.from(ec.privateKey), dsaEncoding: 'ieee-p1363' } as const
    const signature = signRaw('sha256', Buffer.from(head), key)
    await identityOf(`${head}.${signature.toString('base64url')}`)
  })

  test('typ may be absent, JWT or at+jwt, in any case and with application/ before it', async () => {
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/JWT']) {
      await identityOf(await sign(ec, { header: { typ } }))
    }
    for (const typ of ['dpop+jwt', 'logout+jwt', 'secevent+jwt', 'JOSE', '', 'text/jwt', 7 as unknown as string]) {
      assert.match(await refusalOf(await sign(ec, { header: { typ } })), /"typ"/)
    }
  })

  test('a token that was checked is not checked again until it expires', async () => {
    const token = await sign(ec)
    const first = await identityOf(token)
    assert.equal(await identityOf(token), first)
    assert.deepEqual(authenticator.cache(), { entries: 1, hits: 1, misses: 1 })
    clock.advance(3_600_000)
    await refusalOf(token, 'token-expired')
    assert.equal(authenticator.cache().entries, 0)
  })

  test('remembered tokens are bounded, and the ones in use stay', async () => {
    authenticator.close()
    authenticator = create({ cacheEntriesMax: 2 })
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((jti) => sign(ec, { claims: { jti } })))
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    const first = await identityOf(a)
    const second = await identityOf(b)
    await identityOf(a)
    await identityOf(c)
    assert.equal(authenticator.cache().entries, 2)
    assert.equal(await identityOf(a), first)
    assert.notEqual(await identityOf(b), second)
  })

  test('refused tokens are not remembered', async () => {
    await refusalOf(await sign(other))
    assert.equal(authenticator.cache().entries, 0)
  })

  test('a remembered token ends with its key, within the refresh time', async () => {
    const [token, stays] = [await sign(ec), await sign(rsa)]
    await identityOf(token)
    await identityOf(stays)
    server.answer = keysAnswer(rsa)
    clock.advance(JWKS_LIMITS.refreshMs)
    await until(() => authenticator.issuers()[0]?.keys.keys === 1)
    assert.match(await refusalOf(token), /no key "ec"/)
    await identityOf(stays)
  })

  test('while the keys cannot be loaded, tokens are put off and not turned away', async () => {
    server.answer = (_, response) => response.writeHead(503).end()
    const token = await sign(ec)
    const result = await authenticator.authenticate(token)
    assert.ok('code' in result)
    assert.equal(result.code, 'internal')
    assert.ok((result.retryAfter ?? 0) >= 1)
    server.answer = keysAnswer(ec)
    clock.advance(JWKS_LIMITS.backoffMs)
    await until(() => authenticator.issuers()[0]?.keys.status === 'ok')
    await identityOf(token)
  })

  const issuer = { issuer: ISSUER, audience: 'weir', jwks: 'jwks.json', algorithms: ['ES256'] }
  const WRONG_SETTINGS: readonly [string, Partial<AuthenticatorSettings>, RegExp][] = [
    ['no issuer', { issuers: [] }, /issuers is empty/],
    ['an issuer without name', { issuers: [{ ...issuer, issuer: '' }] }, /empty name/],
    ['an issuer twice', { issuers: [issuer, issuer] }, /stands twice/],
    ['HMAC', { issuers: [{ ...issuer, algorithms: ['ES256', 'HS256'] }] }, /HS256 is symmetric/],
    ['none', { issuers: [{ ...issuer, algorithms: ['None'] }] }, /"none"/],
    [
      'an unknown algorithm',
      { issuers: [{ ...issuer, algorithms: ['RS265'] }] },
      /RS265 is not known; name one or more of RS256/,
    ],
    ['no algorithm', { issuers: [{ ...issuer, algorithms: [] }] }, /algorithms is empty/],
    ['no audience', { issuers: [{ ...issuer, audience: [] }] }, /audience is empty/],
    ['an empty audience', { issuers: [{ ...issuer, audience: '' }] }, /audience is empty/],
    ['keys over plain http', { issuers: [{ ...issuer, jwks: 'http://idp.example.com/' }] }, /use https/],
    ['an empty claim', { consumerClaim: '' }, /consumerClaim is empty/],
    ['tokens over 16 KiB', { tokenBytesMax: 16_385 }, /tokenBytesMax is 16385/],
    ['a tolerance of hours', { clockToleranceMs: 3_600_000 }, /clockToleranceMs/],
    ['a cache of nothing', { cacheEntriesMax: 0 }, /cacheEntriesMax/],
  ]
  for (const [what, settings, reason] of WRONG_SETTINGS) {
    test(`${what} in the settings is a fault that says so`, () => {
      assert.throws(
        () => create(settings),
        (error) => error instanceof Fault && error.kind === 'usage' && reason.test(error.message),
      )
    })
  }
})
