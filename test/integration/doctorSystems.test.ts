import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { Client } from 'pg'
import { openLedger } from '../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { systemClock } from '../../gateway/clock.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { makeCertificates } from '../services/kafka/certificates.ts'
import { startRedis, askRedis } from '../services/redis.ts'
import { freePorts, scratchFolder } from '../services/scratch.ts'
import type { Service } from '../services/service.ts'
import { postgresUrl } from '../services/use.ts'
import { newDatabase } from './support/database.ts'
import { diagnose, type Diagnosis } from './support/doctor.ts'

/** Redis, the database and issuers as they are when something is wrong with them. */
describe('weir doctor × Redis, database, issuers', () => {
  const folder = scratchFolder('doctor-systems')
  const dataDir = join(folder, 'data')
  const opened: { close(): unknown }[] = []
  const redises: Service[] = []
  before(() => mkdirSync(dataDir))
  after(async () => {
    for (const one of opened) one.close()
    await Promise.all(redises.map((one) => one.stop()))
  })

  const look = (config: object): Promise<Diagnosis> =>
    diagnose({
      listen: { host: '127.0.0.1', port: 0 },
      control: { port: 0 },
      specs: [folder],
      dataDir,
      ...config,
    })

  function onlyFault({ faults, exit }: Diagnosis, system: string, wantedExit = 1): string {
    assert.equal(faults(system).length, 1, faults().join('\n'))
    assert.equal(exit, wantedExit)
    return faults(system)[0] as string
  }

  async function redis(...args: string[]): Promise<string> {
    const started = await startRedis({ args })
    redises.push(started)
    return started.value
  }

  const withUser = (url: string, user: string): string => url.replace('redis://', `redis://${user}@`)

  /** A password stands in a file, never in the configuration. */
  async function lookAtRedis(url: string): Promise<Diagnosis> {
    const urlFile = join(folder, `redis-${randomBytes(4).toString('hex')}`)
    writeFileSync(urlFile, url)
    const diagnosis = await look({ redis: { urlFile } })
    assert.ok(!JSON.stringify(diagnosis.results).includes('sesame'), 'no password is shown')
    return diagnosis
  }

  it('a Redis that wants a password, gets a wrong one, or allows too little says so with the rights that are missing', async () => {
    const url = await redis()
    await askRedis(url, 'CONFIG SET requirepass sesame')
    const none = onlyFault(await lookAtRedis(url), 'redis')
    assert.match(none, /wants a password — put it into redis\.url \(WEIR_REDIS_URL\), or name redis\.urlFile$/)
    const wrong = onlyFault(await lookAtRedis(withUser(url, ':sesame-not')), 'redis')
    assert.match(wrong, /does not take our user name and password/)
    const command = 'ACL SETUSER weir on >sesame ~other:* &* +@all -info'
    await askRedis(withUser(url, ':sesame'), command)
    const little = await lookAtRedis(withUser(url, 'weir:sesame'))
    assert.match(
      onlyFault(little, 'redis'),
      /^scripts: scripts may not do what they must: .* — allow our user \(ACL SETUSER\): ~weir:q1:\* &weir:q1 \+eval/,
    )
    assert.match(little.warnings('redis').join('\n'), /does not tell what it is: NOPERM/)
    const rights = 'ACL SETUSER weir reset on >sesame ~weir:q1:* &weir:q1 +eval +evalsha +time +hset +hgetall +hdel'
    await askRedis(withUser(url, ':sesame'), `${rights} +pexpire +publish +subscribe +ping`)
    assert.deepEqual((await lookAtRedis(withUser(url, 'weir:sesame'))).faults('redis'), [])
  })

  it('a Redis that forgets is worth a warning; a cluster, a replica and another program are refused', async () => {
    const evicting = await lookAtRedis(await redis('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'))
    assert.deepEqual(evicting.faults('redis'), [])
    assert.match(
      evicting.warnings('redis').join(),
      /maxmemory-policy is allkeys-lru.* — set maxmemory-policy noeviction/,
    )
    const [port, bus] = (await freePorts(2)) as [number, number]
    // Left to itself its bus is 10,000 above its port, where outgoing connections are.
    const clustered = await redis('--cluster-enabled', 'yes', '--cluster-port', String(bus))
    const cluster = onlyFault(await lookAtRedis(clustered), 'redis')
    assert.match(cluster, /it is a Redis Cluster, which is not supported/)
    const replica = onlyFault(await lookAtRedis(await redis('--replicaof', '127.0.0.1', String(port))), 'redis')
    assert.match(replica, /it is a replica, which takes no writes — name its primary/)
    const stranger = onlyFault(await look({ redis: { url: (await issuer({})).replace('http', 'redis') } }), 'redis')
    assert.match(stranger, /it is no Redis, or wants TLS|does not|Protocol error/)
  })

  it('a database that is away, does not know us, or lets us make no tables says so', async () => {
    const [port] = (await freePorts(1)) as [number]
    const gone = onlyFault(await look({ database: { url: `postgres://weir@127.0.0.1:${port}/x` } }), 'database', 3)
    assert.match(gone, /connection refused — start the database, or correct database\.url \(WEIR_DATABASE_URL\)$/)
    const none = new URL(postgresUrl())
    none.pathname = '/there_is_none'
    const missing = onlyFault(await look({ database: { url: none.href } }), 'database')
    assert.match(missing, /has no such database — create it \(createdb\)/)
    const url = new URL(await newDatabase(postgresUrl()))
    const user = `reader_${randomBytes(4).toString('hex')}`
    await sql(url.href, `create role ${user} login`, 'revoke create on schema public from public')
    url.username = user
    const closed = onlyFault(await look({ database: { url: url.href } }), 'database')
    assert.match(
      closed,
      /^tables: tables cannot be made and changed: permission denied for schema public — let our user/,
    )
  })

  it('tables of somebody else and tables of a newer program are refused', async () => {
    const url = new URL(await newDatabase(postgresUrl()))
    await sql(url.href, 'create table ledger_hours (a int)')
    const user = `other_${randomBytes(4).toString('hex')}`
    await sql(url.href, `create role ${user} login`, `grant create on schema public to ${user}`)
    const ours = new URL(url)
    ours.username = user
    const foreign = onlyFault(await look({ database: { url: ours.href } }), 'database')
    assert.match(foreign, /we may not read and write ledger_hours — grant our user select, insert/)
    const newer = await newDatabase(postgresUrl())
    await ledgerIn({ url: newer, file: '' })
    assert.deepEqual((await look({ database: { url: newer } })).faults('database'), [])
    await sql(newer, `insert into schema_versions values ('ledger', 99, 'future', 0)`)
    const future = onlyFault(await look({ database: { url: newer } }), 'database')
    assert.match(future, /the ledger has version 99, and this program knows \d+ — start the newer program/)
  })

  it('a ledger in a file is looked at as it is, and a damaged one is refused', async () => {
    const file = join(dataDir, 'ledger.db')
    await ledgerIn({ url: null, file })
    const { faults, results } = await look({})
    assert.deepEqual(faults('database'), [])
    assert.match(JSON.stringify(results), /the ledger has version \d+, as this program/)
    const other = join(folder, 'damaged')
    mkdirSync(other)
    writeFileSync(join(other, 'ledger.db'), 'no database'.repeat(1000))
    const damaged = onlyFault(await look({ dataDir: other }), 'database')
    assert.match(damaged, /damaged\/ledger\.db cannot be opened: .*not a database/)
  })

  /** A server of an issuer's; what it answers at each path. Its address. */
  async function issuer(
    pages: { readonly [path: string]: unknown },
    tls?: { readonly cert: Buffer; readonly key: Buffer },
  ): Promise<string> {
    const answer: Parameters<typeof createHttpServer>[1] = (request, response) => {
      const page = pages[request.url ?? '']
      if (page === undefined) return void response.writeHead(404).end()
      response.writeHead(200).end(typeof page === 'string' ? page : JSON.stringify(page))
    }
    const server: Server = tls ? createHttpsServer(tls, answer) : createHttpServer(answer)
    opened.push({ close: () => (server.closeAllConnections(), server.close()) })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as { port: number }).port}`
  }

  async function key(algorithm: string): Promise<JWK> {
    const { publicKey } = await generateKeyPair(algorithm, { extractable: true })
    return { ...(await exportJWK(publicKey)), kid: algorithm }
  }

  const lookAtIssuer = async (name: string, jwks: string, algorithms = ['ES256']): Promise<Diagnosis> =>
    look({ access: { issuers: [{ issuer: name, audience: ['weir'], jwks, algorithms }] } })

  it('keys that are not there, are no keys, or fit no algorithm are told with the reason', async () => {
    const keys = [await key('RS256')]
    const at = await issuer({ '/keys': { keys }, '/html': '<html>', '/list': [] })
    const cases = [
      ['/none', /it answered 404 — correct access\.issuers\[0\]\.jwks: the address of a JWK Set$/],
      ['/html', /it is not JSON/],
      ['/list', /a list "keys" is missing/],
      ['/keys', /it fits none of ES256.* — let the issuer publish a key for access\.issuers\[0\]\.algorithms/],
    ] as const
    for (const [path, words] of cases) {
      assert.match(onlyFault(await lookAtIssuer('https://idp.test', at + path), 'issuer https://idp.test'), words)
    }
  })

  it('an issuer whose certificate is not trusted or is over is told so', async () => {
    const { broker, expired } = makeCertificates(folder)
    for (const [pair, words] of [
      [broker, /its certificate is not from an authority that we trust — name the authority by NODE_EXTRA_CA_CERTS/],
      [expired, /its certificate (has expired|is not from an authority)/],
    ] as const) {
      const at = await issuer({}, { cert: readFileSync(pair.cert), key: readFileSync(pair.key) })
      assert.match(onlyFault(await lookAtIssuer('https://idp.test', `${at}/keys`), 'issuer https://idp.test'), words)
    }
  })

  it('an issuer that says something else of itself than the configuration is worth a warning', async () => {
    const keys = [await key('ES256')]
    const pages: { [path: string]: unknown } = { '/keys': { keys } }
    const at = await issuer(pages)
    const told = { issuer: `${at}/`, jwks_uri: `${at}/keys/v2` }
    pages['/.well-known/openid-configuration'] = told
    const { exit, warnings, faults } = await lookAtIssuer(at, `${at}/keys`)
    assert.deepEqual(faults(`issuer ${at}`), [])
    assert.equal(exit, 0)
    assert.deepEqual(warnings(`issuer ${at}`), [
      `discovery: it calls itself ${told.issuer} at ${at}/.well-known/openid-configuration, and we take tokens of ${at} alone — write access.issuers[0].issuer letter by letter as its tokens have it`,
      `discovery: it publishes its keys at ${told.jwks_uri}, and we read ${at}/keys — set access.issuers[0].jwks to that, unless you mean another`,
    ])
  })
})

async function sql(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

async function ledgerIn(place: { readonly url: string | null; readonly file: string }): Promise<void> {
  const clock = systemClock
  await (await openLedger(await openDatabase<LedgerTables>({ ...place, clock }), clock)).close()
}
