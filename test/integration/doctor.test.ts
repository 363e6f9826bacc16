import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { Kafka, logLevel } from 'kafkajs'
import { EXAMINATION_LIMITS, type Result } from '../../gateway/cli/doctor/examination.ts'
import { packageRoot } from '../../gateway/package.ts'
import { askPostgres } from '../services/postgres.ts'
import { askRedis } from '../services/redis.ts'
import { freePorts, scratchFolder } from '../services/scratch.ts'
import { kafkaBrokers, postgresUrl, redisUrl } from '../services/use.ts'
import { newDatabase } from './support/database.ts'
import { diagnose, linesOf } from './support/doctor.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'
import { SseClient } from './support/sse.ts'
import { Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const EARTHQUAKES = join(packageRoot, 'specs/earthquakes/earthquakes.yaml')

/** Against the real systems, as an operator has it before the first start. */
describe('weir doctor', () => {
  let topic: Topic
  let usage: Topic
  let database: string
  let folder: string
  before(async () => {
    topic = await Topic.create(kafkaBrokers(), 2)
    usage = await Topic.create(kafkaBrokers(), 2, { 'retention.ms': '-1' })
    await topic.produce([{ key: 'a', value: '{}' }])
    database = await newDatabase(postgresUrl())
    folder = scratchFolder('doctor')
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    writeFileSync(join(folder, 'jwks.json'), JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }))
  })
  after(async () => {
    await topic?.close()
    await usage?.close()
  })

  function specsOf(name: string): string {
    const specs = join(folder, `specs-${name}`)
    mkdirSync(specs, { recursive: true })
    const text = readFileSync(EARTHQUAKES, 'utf8').replaceAll('topic: quakes.events.v1', `topic: ${name}`)
    writeFileSync(join(specs, 'earthquakes.yaml'), text)
    return specs
  }

  function healthy(): { readonly [key: string]: unknown } {
    return {
      listen: { host: '127.0.0.1', port: 0 },
      control: { port: 0 },
      specs: [specsOf(topic.name)],
      clusters: { main: { brokers: kafkaBrokers() } },
      redis: { url: redisUrl() },
      database: { url: database },
      usage: { cluster: 'main', topic: usage.name, journal: { bytesMax: '1MiB' } },
      dataDir: join(folder, 'data'),
      access: { issuers: [{ issuer: 'https://idp.test', audience: ['weir'], jwks: join(folder, 'jwks.json') }] },
      consumers: [{ id: 'acme', agreements: [{ product: 'earthquakes', plan: 'pro' }] }],
      limits: { connectionsMax: 1000, logMemoryBytesMax: '64MiB' },
    }
  }

  it('finds all well in a process of its own, says so of each system, and leaves nothing behind', async () => {
    const earlier = await traces()
    const file = join(folder, 'weir.yaml')
    writeFileSync(file, JSON.stringify(healthy()))
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'doctor', '--json', '--config', file], {
      encoding: 'utf8',
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
    })
    const results = JSON.parse(stdout) as readonly Result[]
    // Node's own age is the machine's, not the set-up's.
    const ill = results.filter((one) => one.status !== 'ok' && one.check !== 'node')
    assert.deepEqual(ill, [])
    assert.equal(status, 0, stderr)
    assert.equal(stderr, '')
    for (const one of results) {
      assert.deepEqual(Object.keys(one), ['check', 'system', 'status', 'message', 'fix', 'ms'])
      assert.ok(one.status !== 'ok' || one.fix === null)
      assert.ok(Number.isInteger(one.ms) && one.ms >= 0)
    }
    assert.deepEqual(
      [...new Set(results.map(({ system }) => system))],
      ['machine', 'configuration', 'ports', 'data', 'kafka main', 'redis', 'database', 'issuer https://idp.test'],
    )
    const said = results.map(({ system, message }) => `${system}: ${message}`).join('\n')
    for (const words of [
      /kafka main: 1 broker, Kafka 4\.1 or newer, each reached where it advertises itself/,
      new RegExp(`kafka main: earthquakes/events: topic ${topic.name} can be read, 2 partitions`),
      new RegExp(`kafka main: usage: topic ${usage.name} can be read, 2 partitions and written to`),
      /redis: scripts run, and may write/,
      /database: the ledger's tables will be made by the first start/,
      /issuer https:\/\/idp\.test: 1 key at .*jwks\.json for ES256/,
    ]) {
      assert.match(said, words)
    }
    assert.deepEqual(await traces(), earlier)
    assert.ok(!existsSync(join(folder, 'data')))
    // From here on compiled documents are kept.
    mkdirSync(join(folder, 'data'))
  })

  /** What a look could have left in the systems. */
  async function traces(): Promise<unknown> {
    const admin = new Kafka({ brokers: kafkaBrokers(), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const own = (name: string): boolean => name.includes('doctor') || name === topic.name || name === usage.name
    const topics = (await admin.listTopics()).filter(own).sort()
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter(own)
    await admin.disconnect()
    return {
      topics,
      groups,
      ends: [await topic.ends(), await usage.ends()],
      keys: await askRedis(redisUrl(), 'KEYS *doctor*'),
      tables: await askPostgres(database, `select count(*) from pg_tables where schemaname = 'public'`),
      files: readdirSync(folder)
        .filter((name) => name === 'data')
        .sort(),
    }
  }

  it('names each fault of a half-broken set-up with its fix, and says that systems are away', async () => {
    const [redisPort, jwksPort] = (await freePorts(2)) as [number, number]
    const jwks = `http://127.0.0.1:${jwksPort}/jwks.json`
    const config = {
      ...healthy(),
      specs: [specsOf(`${topic.name}x`)],
      redis: { url: `redis://127.0.0.1:${redisPort}` },
      access: { issuers: [{ issuer: 'https://idp.test', audience: ['weir'], jwks }] },
    }
    const facts = { node: '24.11.0', glibc: '2.36' }
    const { exit, faults } = await diagnose(config, facts)
    assert.deepEqual(faults(), [
      'c-library: glibc 2.36 is too old: the network library for Node 24 needs 2.38 — use Debian 13, Ubuntu 24.04 or newer, or Node 20 on this system',
      `topics: there is no topic ${topic.name}x, which earthquakes/events reads; there is ${topic.name} — write ${topic.name} as the topic in ${join(folder, `specs-${topic.name}x`, 'earthquakes.yaml')}, or create ${topic.name}x`,
      `connection: redis://127.0.0.1:${redisPort}: connection refused — start Redis, or correct redis.url (WEIR_REDIS_URL)`,
      `keys: ${jwks}: connection refused — start the issuer, or correct access.issuers[0].jwks`,
    ])
    assert.equal(exit, 3)
    const lines = await linesOf(config, facts)
    assert.ok(
      lines.includes(
        `FAIL  redis: redis://127.0.0.1:${redisPort}: connection refused — start Redis, or correct redis.url (WEIR_REDIS_URL)`,
      ),
    )
    assert.match(lines.at(-1) ?? '', /^weir: \d+ ok, 0 to look at, 4 at fault$/)
  })

  it('faults of the set-up alone are refused, and not taken for systems that are away', async () => {
    const config = { ...healthy(), specs: [specsOf(`none.${randomBytes(6).toString('hex')}`)] }
    const { exit, faults } = await diagnose(config)
    assert.equal(faults().length, 1)
    assert.match(faults()[0] ?? '', /create it, or correct the topic in .*earthquakes\.yaml$/)
    assert.equal(exit, 1)
  })

  it('a configuration that cannot be read is told line by line, and the machine is looked at all the same', async () => {
    const config = { listen: { prot: 1 }, specs: [specsOf(topic.name)] }
    const { exit, faults } = await diagnose(config, { glibc: null })
    assert.deepEqual(faults('configuration'), [
      'configuration: weir.yaml:1: listen.prot: is not a key — did you mean `port`?',
    ])
    assert.match(faults('machine')[0] ?? '', /there is no glibc here, as on Alpine Linux/)
    assert.equal(exit, 1)
    assert.ok((await linesOf(config)).some((line) => line.includes('nothing else was looked at')))
  })

  it('documents and agreements at fault are named with file and line', async () => {
    const specs = join(folder, 'broken')
    mkdirSync(specs, { recursive: true })
    const text = readFileSync(EARTHQUAKES, 'utf8').replace('visibility: public', 'visibility: everybody')
    writeFileSync(join(specs, 'earthquakes.yaml'), text)
    const { exit, faults } = await diagnose({ ...healthy(), specs: [specs] })
    assert.match(faults()[0] ?? '', /^documents: .*broken\/earthquakes\.yaml:\d+:\d+: [a-z-]+ /)
    assert.ok(faults().some((one) => one.startsWith('documents: weir.yaml:1: agreement ')))
    assert.equal(exit, 1)
  })

  it('a gateway that runs is found on its ports and in its journal, and serves on', async (t) => {
    const gateway = await GatewayProcess.start({ playbackPerSecond: 20 })
    t.after(() => gateway.stop('SIGKILL'))
    const partOf = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })
    const client = new SseClient(gateway.stream, { token: await gateway.token() })
    await client.frame('record')
    const { dataDir } = gateway
    const config = { listen: partOf(gateway.url), control: partOf(gateway.controlUrl), specs: [EARTHQUAKES], dataDir }
    const { exit, results } = await diagnose(config)
    assert.equal(exit, 0)
    const said = results.map(({ message }) => message).join('\n')
    assert.match(said, /listen 127\.0\.0\.1:\d+ is taken by a gateway that runs/)
    assert.match(said, /control 127\.0\.0\.1:\d+ is taken by a gateway that runs/)
    assert.match(said, new RegExp(`in use by process ${gateway.child.pid}`))
    assert.match(said, /the ledger has version \d+, as this program/)
    const before = client.records.length
    await until('more records', () => client.records.length > before || null)
    client.destroy()
  })

  it('systems that take a connection and say nothing end in time, each named', async () => {
    const mute = await muteServer()
    const { port } = mute.address() as { port: number }
    const at = `127.0.0.1:${port}`
    const config = {
      ...healthy(),
      clusters: { main: { brokers: [at] } },
      redis: { url: `redis://${at}` },
      database: { url: `postgres://weir@${at}/x` },
      access: { issuers: [{ issuer: 'https://idp.test', audience: ['weir'], jwks: `http://${at}/jwks` }] },
    }
    const began = performance.now()
    const { exit, faults } = await diagnose(config)
    assert.ok(performance.now() - began < 2 * EXAMINATION_LIMITS.checkMsMax)
    mute.close()
    for (const system of ['kafka main', 'redis', 'database', 'issuer https://idp.test']) {
      assert.match(faults(system).join('\n'), /nobody answers|no answer within|did not answer/, system)
    }
    assert.equal(exit, 3)
  })
})

/** Takes every connection and never says a word. */
async function muteServer(): Promise<Server> {
  const server = createServer((socket) => void socket.on('error', () => undefined).unref())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return server
}
