import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { systemClock } from '../../../gateway/clock.ts'
import { KafkaCluster, type Sasl } from '../../../gateway/drivers/kafka/cluster.ts'
import type { KafkaError } from '../../../gateway/drivers/kafka/errors.ts'
import { metadata } from '../../../gateway/drivers/kafka/metadata.ts'
import type { Tls } from '../../../gateway/drivers/kafka/tls.ts'
import type { Log, LogFields } from '../../../gateway/log.ts'
import { startKafka, type KafkaCluster as Cluster } from '../../services/kafka.ts'
import { makeCertificates, type Certificates } from '../../services/kafka/certificates.ts'
import { scratchFolder } from '../../services/scratch.ts'

const LIMITS = { connectMsMax: 3000, requestMsMax: 3000, hedgeMs: 1000 }
/** Whatever is wrong is said by then. */
const REFUSED_MS_MAX = 3000
const USER = { username: 'weir', password: 'correct horse=battery' }
const SECRET = 'client secret with ü & = %'
const SESSION_MS = 1500

class Told implements Log {
  readonly lines: { readonly fields: LogFields; readonly message: string }[] = []
  info(fields: LogFields, message: string): void {
    this.lines.push({ fields, message })
  }
  warn(fields: LogFields, message: string): void {
    this.lines.push({ fields, message })
  }
  error(fields: LogFields, message: string): void {
    this.lines.push({ fields, message })
  }
}

/** Real listeners of a real broker; certificates and tokens are made for the run. */
describe('kafka listeners', () => {
  const folder = scratchFolder('listeners')
  let certificates: Certificates
  let kafka: Cluster
  let key: CryptoKey
  let idp: Server
  let tokenEndpoint: string
  const asked: { authorization: string; body: string }[] = []
  let answer: (() => Promise<{ status: number; text: string }>) | null = null
  const told = new Told()

  before(async () => {
    certificates = makeCertificates(folder)
    const pair = await generateKeyPair('RS256', { extractable: true })
    key = pair.privateKey
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
    const jwks = join(folder, 'jwks.json')
    writeFileSync(jwks, JSON.stringify({ keys: [jwk] }))
    kafka = await startKafka({
      listeners: {
        TLS: 'SSL',
        MTLS: 'SSL',
        ELSEWHERE: 'SSL',
        EXPIRED: 'SSL',
        SCRAM: 'SASL_SSL',
        OAUTH: 'SASL_SSL',
      },
      settings: settingsOf(certificates, jwks),
      format: ['--add-scram', `SCRAM-SHA-512=[name=${USER.username},password="${USER.password}"]`],
      jvm: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://${jwks}`],
    })
    idp = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        asked.push({ authorization: request.headers.authorization ?? '', body: Buffer.concat(chunks).toString() })
        void reply().then(({ status, text }) => response.writeHead(status).end(text))
      })
    })
    await new Promise<void>((resolve) => idp.listen(0, '127.0.0.1', resolve))
    tokenEndpoint = `http://127.0.0.1:${(idp.address() as { port: number }).port}/token`
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`)
  })
  after(async () => {
    idp?.closeAllConnections()
    idp?.close()
    await kafka?.stop()
  })

  async function reply(): Promise<{ status: number; text: string }> {
    if (answer !== null) return await answer()
    return { status: 200, text: JSON.stringify({ access_token: await token(), token_type: 'Bearer', expires_in: 2 }) }
  }

  async function token(lifeS = 60, audience = 'kafka'): Promise<string> {
    const jwt = new SignJWT({ scope: 'read' }).setProtectedHeader({ alg: 'RS256', kid: 'k' }).setSubject('weir')
    const at = Math.floor(Date.now() / 1000)
    return await jwt
      .setIssuer('test')
      .setAudience(audience)
      .setIssuedAt(at)
      .setExpirationTime(at + lifeS)
      .sign(key)
  }

  function open(listener: string, ssl: boolean | Tls, sasl?: Sasl): KafkaCluster {
    const config = { name: 'main', brokers: kafka.listener(listener), clientId: 'test', ssl, ...(sasl && { sasl }) }
    return new KafkaCluster(config, LIMITS, systemClock, told)
  }

  async function assertServes(listener: string, ssl: boolean | Tls, sasl?: Sasl): Promise<void> {
    const cluster = open(listener, ssl, sasl)
    try {
      assert.equal((await cluster.metadata(['none'])).nodes.length, 1)
    } finally {
      cluster.close()
    }
  }

  /** In bounded time, with one line for the operator that has the reason and no secret. */
  async function refusal(listener: string, ssl: boolean | Tls, sasl?: Sasl): Promise<KafkaError> {
    const cluster = open(listener, ssl, sasl)
    told.lines.length = 0
    const begun = performance.now()
    try {
      await cluster.metadata(['none'])
    } catch (error) {
      assert.ok(performance.now() - begun < REFUSED_MS_MAX)
      await assert.rejects(cluster.metadata(['none']))
      assert.equal(told.lines.length, 1, 'one line, whatever is asked again')
      const line = JSON.stringify(told.lines)
      assert.ok(line.includes(JSON.stringify((error as Error).message).slice(1, -1)), 'the reason is in it')
      for (const secret of [USER.password, SECRET, 'eyJ']) assert.ok(!line.includes(secret), 'no secret is in it')
      return error as KafkaError
    } finally {
      cluster.close()
    }
    throw new Error('it was let in')
  }

  const ca = (): Tls => ({ caFile: certificates.ca })
  const client = (): Tls => ({ ...ca(), certFile: certificates.client.cert, keyFile: certificates.client.key })
  const scram = (password: string): Sasl => ({ mechanism: 'scram-sha-512', username: USER.username, password })
  const bearer = (): Sasl => ({
    mechanism: 'oauthbearer',
    tokenEndpoint,
    clientId: 'weir id',
    clientSecretFile: join(folder, 'secret'),
    scope: 'kafka.read',
  })

  test('TLS serves who trusts the authority, and names what is missing to who does not', async () => {
    await assertServes('TLS', ca())
    for (const ssl of [true, { caFile: certificates.otherCa }]) {
      const { kind, message } = await refusal('TLS', ssl)
      assert.equal(kind, 'gone')
      assert.match(message, /not from an authority that we trust .*ssl\.caFile/)
    }
  })

  test('a certificate for another name is refused by name, until that is the one expected', async () => {
    const { message } = await refusal('ELSEWHERE', ca())
    assert.match(message, /for another name, DNS:kafka\.example \(ssl\.serverName/)
    await assertServes('ELSEWHERE', { ...ca(), serverName: 'kafka.example' })
  })

  test('an expired certificate is refused as such', async () => {
    const { message } = await refusal('EXPIRED', { caFile: certificates.expired.cert })
    assert.match(message, /has expired/)
  })

  test('mutual TLS serves who has a certificate of the authority, and denies who has none or another', async () => {
    await assertServes('MTLS', client())
    const { cert, key: keyFile } = certificates.otherClient
    for (const ssl of [ca(), { ...ca(), certFile: cert, keyFile }]) {
      const { kind, message } = await refusal('MTLS', ssl)
      assert.equal(kind, 'denied')
      assert.match(message, /does not accept our certificate, or wants one \(ssl\.certFile, ssl\.keyFile\)/)
    }
  })

  test('files that are missing, or are no PEM, or do not fit, are named', async () => {
    const { otherClient } = certificates
    const text = join(folder, 'secret')
    const cases = [
      [{ caFile: join(folder, 'none') }, /ssl\.caFile cannot be read: ENOENT/],
      [{ ...client(), certFile: text }, /ssl\.certFile.*cannot be used/],
      [{ ...client(), keyFile: otherClient.key }, /keyFile is not the key of ssl\.certFile/],
    ] as const
    for (const [ssl, words] of cases) assert.match((await refusal('MTLS', ssl)).message, words)
  })

  test('a renewed certificate counts from the next dial on', async () => {
    const [cert, keyFile] = [join(folder, 'renewed.crt'), join(folder, 'renewed.key')]
    writeFileSync(cert, readFileSync(certificates.otherClient.cert))
    writeFileSync(keyFile, readFileSync(certificates.otherClient.key))
    const cluster = open('MTLS', { ...ca(), certFile: cert, keyFile })
    await assert.rejects(cluster.metadata(['none']), { kind: 'denied' })
    writeFileSync(cert, readFileSync(certificates.client.cert))
    writeFileSync(keyFile, readFileSync(certificates.client.key))
    told.lines.length = 0
    assert.equal((await cluster.metadata(['none'])).nodes.length, 1)
    assert.match(JSON.stringify(told.lines), /can be reached again/)
    cluster.close()
  })

  test('TLS to a port that speaks none, and none to one that does, say what to look at', async () => {
    const plain = new KafkaCluster(
      { name: 'main', brokers: kafka.brokers, clientId: 'test', ssl: true },
      LIMITS,
      systemClock,
      told,
    )
    await assert.rejects(plain.metadata(['none']), { kind: 'gone', message: /does this port speak TLS|not speak TLS/ })
    plain.close()
    assert.match((await refusal('TLS', false)).message, /does its listener want TLS or SASL\?/)
  })

  test('SCRAM over TLS lets in who knows the password, and denies who does not', async () => {
    await assertServes('SCRAM', ca(), scram(USER.password))
    const { kind, message } = await refusal('SCRAM', ca(), scram('wrong'))
    assert.equal(kind, 'denied')
    assert.match(message, /authentication failed/i)
  })

  test('a token from a file lets in, and the file is read again at each login', async () => {
    const tokenFile = join(folder, 'token')
    const sasl: Sasl = { mechanism: 'oauthbearer', tokenFile }
    writeFileSync(tokenFile, `${await token(-120)}\n`)
    const cluster = open('OAUTH', ca(), sasl)
    await assert.rejects(cluster.metadata(['none']), { kind: 'denied', message: /the token was not accepted/ })
    writeFileSync(tokenFile, `${await token()}\n`)
    assert.equal((await cluster.metadata(['none'])).nodes.length, 1)
    cluster.close()
    assert.match(
      (await refusal('OAUTH', ca(), { ...sasl, tokenFile: join(folder, 'none') })).message,
      /tokenFile cannot be read/,
    )
    writeFileSync(tokenFile, 'no token\u0001')
    assert.match((await refusal('OAUTH', ca(), sasl)).message, /holds no bearer token/)
    writeFileSync(tokenFile, await token(60, 'other'))
    const { kind, message } = await refusal('OAUTH', ca(), sasl)
    assert.equal(kind, 'denied')
    assert.match(message, /the token was not accepted/)
  })

  test('client credentials get a token once for all connections, and another before it ends', async () => {
    asked.length = 0
    const cluster = open('OAUTH', ca(), bearer())
    await cluster.metadata(['none'])
    // Each lane is a connection with a login of its own.
    const lanes = ['a', 'b', 'c'].map((lane) => cluster.askOn(0, lane, metadata(['none']), LIMITS.requestMsMax))
    await Promise.all(lanes)
    assert.equal(asked.length, 1)
    const [id, secret] = Buffer.from(asked[0]!.authorization.replace('Basic ', ''), 'base64').toString().split(':')
    const decoded = (text: string | undefined): string => new URLSearchParams(`x=${text}`).get('x') ?? ''
    assert.deepEqual([decoded(id), decoded(secret)], ['weir id', SECRET])
    assert.equal(asked[0]!.body, 'grant_type=client_credentials&scope=kafka.read')
    const until = performance.now() + 2 * SESSION_MS
    while (performance.now() < until) await cluster.metadata(['none'])
    assert.ok(asked.length >= 2 && asked.length <= 4, `${asked.length} tokens in ${2 * SESSION_MS} ms`)
    cluster.close()
  })

  for (const [what, status, text, kind, words] of [
    [
      'refuses the client',
      401,
      '{"error":"invalid_client","error_description":"eyJ secret"}',
      'denied',
      /401 \(invalid_client\)/,
    ],
    ['is out of order', 503, 'gone', 'gone', /503/],
    ['answers no token', 200, '{"token":"x"}', 'denied', /no usable `access_token`/],
    ['answers no JSON', 200, '<html>', 'denied', /no usable `access_token`/],
    ['answers without end', 200, 'x'.repeat(200_000), 'gone', /larger than 65536 bytes/],
  ] as const) {
    test(`a token endpoint that ${what} is told of, with its own reason`, async () => {
      answer = async () => ({ status, text })
      try {
        const error = await refusal('OAUTH', ca(), bearer())
        assert.equal(error.kind, kind)
        assert.match(error.message, words)
        assert.match(error.message, /no token from http:\/\/127/)
      } finally {
        answer = null
      }
    })
  }

  test('a mechanism that the listener does not offer is named with those that it does', async () => {
    const sasl: Sasl = { mechanism: 'oauthbearer', tokenFile: join(folder, 'good') }
    writeFileSync(join(folder, 'good'), await token())
    const { kind, message } = await refusal('SCRAM', ca(), sasl)
    assert.equal(kind, 'denied')
    assert.match(message, /OAUTHBEARER is not offered there, but SCRAM-SHA-512/)
  })
})

function settingsOf(
  { ca, broker, elsewhere, expired }: Certificates,
  jwks: string,
): { [name: string]: string | number } {
  const security = 'org.apache.kafka.common.security'
  const on = (listener: string, settings: { [name: string]: string | number }): { [name: string]: string | number } =>
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`listener.name.${listener}.${name}`, value]))
  const tls = (store: string): { [name: string]: string } => ({
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': ca,
  })
  return {
    ...on('tls', tls(broker.store)),
    ...on('mtls', { ...tls(broker.store), 'ssl.client.auth': 'required' }),
    ...on('elsewhere', tls(elsewhere.store)),
    ...on('expired', tls(expired.store)),
    ...on('scram', {
      ...tls(broker.store),
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'scram-sha-512.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
    }),
    ...on('oauth', {
      ...tls(broker.store),
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'oauthbearer.sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required;`,
      'oauthbearer.sasl.server.callback.handler.class': `${security}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
      'oauthbearer.connections.max.reauth.ms': SESSION_MS,
    }),
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512,OAUTHBEARER',
    // Kafka 4.1.0's own choice of a validator verifies nothing; and these are not found under a listener's name.
    'sasl.oauthbearer.jwt.validator.class': `${security}.oauthbearer.BrokerJwtValidator`,
    'sasl.oauthbearer.jwks.endpoint.url': `file://${jwks}`,
    'sasl.oauthbearer.expected.audience': 'kafka',
    'sasl.oauthbearer.expected.issuer': 'test',
  }
}
