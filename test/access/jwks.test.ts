import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { generateKeyPairSync } from 'node:crypto'
import { createJwks, JWKS_LIMITS, type Jwks, type JwksLimits } from '../../gateway/access/jwks.ts'
import { createSigner, jsonAnswer, keysAnswer, KeyServer, ManualClock, MemoryLog, until } from './support.ts'
import type { Answer, Signer } from './support.ts'

describe('jwks', () => {
  let server: KeyServer
  let clock: ManualClock
  let log: MemoryLog
  let one: Signer
  let two: Signer
  const opened: Jwks[] = []

  before(async () => {
    one = await createSigner('one')
    two = await createSigner('two')
  })

  beforeEach(async () => {
    clock = new ManualClock()
    log = new MemoryLog()
    server = await KeyServer.start(keysAnswer(one))
  })

  afterEach(async () => {
    for (const jwks of opened.splice(0)) jwks.close()
    await server.close()
    assert.equal(clock.pending, 0, 'a closed cache leaves no timer behind')
  })

  function create(
    limits: Partial<JwksLimits> = {},
    jwks: string = server.url,
    algorithms: readonly string[] = ['ES256', 'RS256'],
  ): Jwks {
    const created = createJwks({ jwks, algorithms: new Set(algorithms), limits }, { clock, random: () => 0, log })
    opened.push(created)
    return created
  }

  async function loaded(jwks: Jwks): Promise<Jwks> {
    jwks.start()
    await until(() => jwks.state().status === 'ok')
    return jwks
  }

  /** Runs the next planned load and waits for its end. */
  async function nextLoad(jwks: Jwks): Promise<void> {
    await until(() => clock.pending === 1)
    const { fetches } = jwks.counters()
    clock.advance(clock.nextIn)
    await until(() => jwks.counters().fetches === fetches + 1 && clock.pending === 1 && settled(jwks))
  }

  function settled(jwks: Jwks): boolean {
    return clock.nextIn !== JWKS_LIMITS.timeoutMs && jwks.counters().fetches > 0
  }

  async function has(jwks: Jwks, kid: string): Promise<boolean> {
    return 'key' in (await jwks.find('ES256', kid))
  }

  test('lookups at once share one request', async () => {
    const jwks = create()
    const found = await Promise.all(Array.from({ length: 50 }, () => has(jwks, 'one')))
    assert.ok(found.every(Boolean))
    assert.equal(server.requests, 1)
    assert.deepEqual(jwks.counters(), { fetches: 1, failures: 0, lastSuccess: clock.now() })
  })

  test('a flood of unknown kids costs one request per cooldown', async () => {
    const jwks = await loaded(create())
    const ask = (round: number): Promise<boolean[]> =>
      Promise.all(Array.from({ length: 100 }, (_, i) => has(jwks, `made-up-${round}-${i}`)))
    await ask(1)
    await ask(2)
    assert.equal(server.requests, 2)
    clock.advance(JWKS_LIMITS.cooldownMs)
    await ask(3)
    assert.equal(server.requests, 3)
  })

  test('a new key is found as soon as a token names it', async () => {
    const jwks = await loaded(create())
    server.answer = keysAnswer(one, two)
    assert.ok(await has(jwks, 'two'))
    assert.equal(server.requests, 2)
  })

  test('keys are loaded again before they are too old, and a removed key is then refused', async () => {
    const jwks = await loaded(create())
    const found = await jwks.find('ES256', 'one')
    assert.ok('key' in found && jwks.holds(found.key))
    server.answer = keysAnswer(two)
    assert.ok(clock.nextIn < JWKS_LIMITS.refreshMs)
    await nextLoad(jwks)
    assert.ok(!jwks.holds(found.key))
    assert.ok(await has(jwks, 'two'))
    assert.deepEqual(log.lines.at(-1)?.fields['removed'], ['one'])
  })

  test('a kid that comes back with other material is another key', async () => {
    const jwks = await loaded(create())
    const found = await jwks.find('ES256', 'one')
    server.answer = keysAnswer(await createSigner('one'))
    await nextLoad(jwks)
    assert.ok('key' in found && !jwks.holds(found.key))
    assert.ok(await has(jwks, 'one'))
  })

  const MISBEHAVIOUR: readonly [string, () => Answer, RegExp][] = [
    ['an empty set', () => jsonAnswer({ keys: [] }), /is empty/],
    ['no list', () => jsonAnswer({ keys: { one: one.publicJwk } }), /no JWK Set/],
    ['a list instead of a set', () => jsonAnswer([one.publicJwk]), /no JWK Set/],
    ['null', () => jsonAnswer(null), /no JWK Set/],
    ['keys that are no objects', () => jsonAnswer({ keys: [1, 'a', null] }), /no key .* can be used/],
    ['a symmetric key', () => jsonAnswer({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'one' }] }), /shared secret/],
    ['a key for encryption', () => jsonAnswer({ keys: [{ ...one.publicJwk, use: 'enc' }] }), /not for signatures/],
    ['a leaked private key', () => jsonAnswer({ keys: [{ ...one.publicJwk, d: 'AAAA' }] }), /private part/],
    ['too many keys', () => jsonAnswer({ keys: Array(101).fill(one.publicJwk) }), /101 keys, at most 100/],
    ['a page of HTML', () => (_, res) => res.setHeader('content-type', 'text/html').end('<h1>Sign in'), /not JSON/],
    ['bytes that are no text', () => (_, res) => res.end(Buffer.from([0xff, 0xfe, 0xfd])), /not UTF-8/],
    ['an error', () => (_, res) => res.writeHead(500).end('{"keys":[]}'), /answered 500/],
    ['a redirect', () => (_, res) => res.writeHead(302, { location: '/other' }).end(), /302.*not followed/],
    ['a broken connection', () => (req) => req.socket.destroy(), /./],
    ['half an answer', () => (req, res) => res.write('{"keys":', () => req.socket.destroy()), /./],
    [
      'a large declared body',
      () => (_, res) => res.writeHead(200, { 'content-length': '200000000' }).write('{'),
      /larger/,
    ],
    [
      'a small body that unpacks to a large one',
      () => (_, res) => res.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(50_000_000, ' '))),
      /larger than 262144 bytes/,
    ],
  ]
  for (const [what, answer, reason] of MISBEHAVIOUR) {
    test(`${what} in place of keys leaves the good ones serving, with the reason to be seen`, async () => {
      const jwks = await loaded(create())
      server.answer = answer()
      await nextLoad(jwks)
      assert.ok(await has(jwks, 'one'))
      const state = jwks.state()
      assert.equal(state.status, 'stale')
      assert.match(state.reason ?? '', reason)
      assert.equal(jwks.counters().failures, 1)
      assert.equal(log.lines.at(-1)?.level, 'warn')
      server.answer = keysAnswer(one)
      await nextLoad(jwks)
      assert.equal(jwks.state().status, 'ok')
    })
  }

  test('a redirect is not followed', async () => {
    server.answer = (req, res) =>
      req.url === '/other' ? keysAnswer(one)(req, res) : res.writeHead(307, { location: '/other' }).end()
    const jwks = create()
    assert.ok(!(await has(jwks, 'one')))
    assert.equal(server.requests, 1)
  })

  test('a body without end is cut off at the limit', async () => {
    let sent = 0
    let isOpen = true
    server.answer = (req, res) => {
      const chunk = Buffer.alloc(64 * 1024, ' ')
      const more = (): void => {
        if (!isOpen || sent > 200_000_000) return
        sent += chunk.length
        res.write(chunk, more)
      }
      req.socket.on('close', () => (isOpen = false))
      more()
    }
    const jwks = create()
    assert.ok(!(await has(jwks, 'one')))
    await until(() => !isOpen)
    assert.ok(sent < 30_000_000, `${sent} bytes were sent`)
    assert.match(jwks.state().reason ?? '', /larger than 262144 bytes/)
  })

  test('a server that does not answer is given up after the timeout', async () => {
    server.answer = () => {}
    const jwks = create()
    const found = jwks.find('ES256', 'one')
    await until(() => server.requests === 1)
    clock.advance(JWKS_LIMITS.timeoutMs)
    assert.deepEqual(await found, { problem: 'unavailable', retryAfterMs: JWKS_LIMITS.backoffMs })
    assert.match(jwks.state().reason ?? '', /did not answer within 5000 ms/)
  })

  test('a server that stops in the middle of its answer is given up after the timeout', async () => {
    server.answer = (_, res) => res.write('{"keys":')
    const jwks = create()
    const found = jwks.find('ES256', 'one')
    await until(() => server.requests === 1)
    clock.advance(JWKS_LIMITS.timeoutMs)
    assert.ok('problem' in (await found))
    assert.match(jwks.state().reason ?? '', /did not answer within 5000 ms/)
  })

  test('tries again later and later, up to a bound, and at once from the start after a success', async () => {
    server.answer = (_, res) => res.writeHead(503).end()
    const jwks = create()
    await jwks.find('ES256', 'one')
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      waits.push(clock.nextIn)
      await nextLoad(jwks)
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    assert.equal(jwks.state().status, 'never-loaded')
    server.answer = keysAnswer(one)
    await nextLoad(jwks)
    server.answer = (_, res) => res.writeHead(503).end()
    await nextLoad(jwks)
    assert.equal(clock.nextIn, 1000)
  })

  test('while it backs off, lookups cause no request and are told when to come back', async () => {
    server.answer = (_, res) => res.writeHead(503).end()
    const jwks = create()
    await jwks.find('ES256', 'one')
    clock.advance(400)
    assert.deepEqual(await jwks.find('ES256', 'one'), { problem: 'unavailable', retryAfterMs: 1000 })
    assert.equal(server.requests, 1)
  })

  test('unknown kids do not break the backoff of a failing source', async () => {
    const jwks = await loaded(create())
    server.answer = (_, res) => res.writeHead(503).end()
    await nextLoad(jwks)
    const { requests } = server
    assert.deepEqual(await jwks.find('ES256', 'two'), { problem: 'no-such-key' })
    assert.equal(server.requests, requests)
  })

  test('the last good keys are used for the stated time and not longer', async () => {
    const jwks = await loaded(create({ staleMsMax: 600_000 }))
    const found = await jwks.find('ES256', 'one')
    assert.ok('key' in found)
    server.answer = (_, res) => res.writeHead(500).end()
    const loadedAt = clock.now()
    while (clock.now() + clock.nextIn - loadedAt < 600_000) await nextLoad(jwks)
    assert.equal(jwks.state().status, 'stale')
    assert.ok(jwks.holds(found.key))
    const { requests } = server
    clock.advance(loadedAt + 600_000 - clock.now())
    await until(() => clock.pending === 1)
    assert.equal(jwks.state().status, 'expired')
    assert.ok(!jwks.holds(found.key))
    assert.ok('problem' in (await jwks.find('ES256', 'one')))
    assert.ok(server.requests - requests <= 1)
    server.answer = keysAnswer(one)
    await nextLoad(jwks)
    assert.ok(jwks.holds(found.key))
  })

  test('a token without kid finds its key only where exactly one fits its algorithm', async () => {
    const rsa = await createSigner('rsa', 'RS256')
    server.answer = keysAnswer(one, rsa)
    const jwks = await loaded(create())
    assert.ok('key' in (await jwks.find('ES256', null)))
    server.answer = keysAnswer(one, two, rsa)
    await nextLoad(jwks)
    assert.deepEqual(await jwks.find('ES256', null), { problem: 'ambiguous' })
    assert.ok('key' in (await jwks.find('RS256', null)))
  })

  test('a key serves only the algorithm it declares and its kind can do', async () => {
    const rsa = await createSigner('rsa', 'RS256')
    server.answer = keysAnswer(one, rsa)
    const jwks = await loaded(create({}, server.url, ['RS256', 'PS256', 'ES256', 'ES384']))
    assert.ok('key' in (await jwks.find('RS256', 'rsa')))
    for (const [alg, kid] of [
      ['PS256', 'rsa'],
      ['ES256', 'rsa'],
      ['ES384', 'one'],
      ['HS256', 'rsa'],
      ['none', 'rsa'],
    ] as const) {
      assert.deepEqual(await jwks.find(alg, kid), { problem: 'no-such-key' }, alg)
    }
  })

  test('weak RSA keys are left out and named', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    const small = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey.export({
      format: 'jwk',
    })
    const keys = [one.publicJwk, { ...weak, kid: 'weak' }, { ...small, kid: 'small' }]
    server.answer = jsonAnswer({ keys })
    const jwks = await loaded(create())
    assert.equal(jwks.state().keys, 1)
    assert.match(jwks.state().unusable.join('; '), /"weak".*1024 bits.*"small".*exponent is 3/)
    assert.deepEqual(await jwks.find('RS256', 'weak'), { problem: 'no-such-key' })
  })

  test('after close nothing is asked and nothing answers', async () => {
    const jwks = await loaded(create())
    const { requests } = server
    jwks.close()
    assert.deepEqual(await jwks.find('ES256', 'two'), { problem: 'no-such-key' })
    assert.equal(server.requests, requests)
  })

  test('close ends a request that is under way', async () => {
    server.answer = () => {}
    const jwks = create()
    const found = jwks.find('ES256', 'one')
    await until(() => server.requests === 1)
    jwks.close()
    assert.ok('problem' in (await found))
    assert.equal(jwks.counters().failures, 0)
  })

  test('limits that contradict each other are refused', () => {
    assert.throws(() => create({ staleMsMax: 1000 }), /staleMsMax must not be below refreshMs/)
    assert.throws(() => create({ cooldownMs: 0 }), /cooldownMs must be above 0/)
    assert.throws(() => create({ timeoutMs: Number.NaN }), /timeoutMs must be above 0/)
  })

  describe('from a file', () => {
    let folder: string
    let file: string
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'weir-jwks-'))
      file = join(folder, 'jwks.json')
    })
    after(() => rm(folder, { recursive: true }))
    beforeEach(() => writeFile(file, JSON.stringify({ keys: [one.publicJwk] })))

    test('keys are read, and read again when the file changes', async () => {
      const jwks = await loaded(create({}, file))
      assert.ok(await has(jwks, 'one'))
      await writeFile(file, JSON.stringify({ keys: [two.publicJwk] }))
      assert.ok(clock.nextIn <= 5_000)
      await nextLoad(jwks)
      assert.ok(await has(jwks, 'two'))
      assert.ok(!(await has(jwks, 'one')))
    })

    test('a file that is half written, gone or far too large leaves the keys serving', async () => {
      const jwks = await loaded(create({}, file))
      const broken: readonly [() => Promise<void>, RegExp][] = [
        [() => writeFile(file, '{"keys":['), /not JSON/],
        [() => writeFile(file, Buffer.alloc(300_000, ' ')), /larger than 262144 bytes/],
        [() => rm(file), /ENOENT/],
      ]
      for (const [harm, reason] of broken) {
        await harm()
        await nextLoad(jwks)
        assert.equal(jwks.state().status, 'stale')
        assert.match(jwks.state().reason ?? '', reason)
        assert.ok(await has(jwks, 'one'))
      }
      await writeFile(file, JSON.stringify({ keys: [one.publicJwk] }))
      await nextLoad(jwks)
      assert.equal(jwks.state().status, 'ok')
    })

    test('a file that is not there says so', async () => {
      const jwks = create({}, join(folder, 'absent.json'))
      assert.ok('problem' in (await jwks.find('ES256', 'one')))
      assert.deepEqual(jwks.state().status, 'never-loaded')
      assert.match(jwks.state().reason ?? '', /ENOENT.*absent\.json/)
    })
  })
})
