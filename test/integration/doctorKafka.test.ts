import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import kafkajs, { Kafka, logLevel, type Admin } from 'kafkajs'
import { packageRoot } from '../../gateway/package.ts'
import { startKafka, type KafkaCluster } from '../services/kafka.ts'
import { makeCertificates, type Certificates } from '../services/kafka/certificates.ts'
import { freePorts, scratchFolder } from '../services/scratch.ts'
import { diagnose, type Diagnosis } from './support/doctor.ts'

const EARTHQUAKES = join(packageRoot, 'specs/earthquakes/earthquakes.yaml')
const PASSWORD = 'correct horse=battery'
const USERS = ['weir', 'stranger', 'reader'] as const
// Not among the names that Node finds in it.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
const { READ, WRITE, DESCRIBE } = AclOperationTypes

/** A broker with access rules and a listener for each thing that can be wrong with one. */
describe('weir doctor × Kafka', () => {
  const folder = scratchFolder('doctor-kafka')
  const dataDir = join(folder, 'data')
  let certificates: Certificates
  let kafka: KafkaCluster
  let admin: Admin
  before(async () => {
    mkdirSync(dataDir)
    certificates = makeCertificates(folder)
    kafka = await startKafka({
      listeners: {
        TLS: 'SSL',
        ELSEWHERE: 'SSL',
        EXPIRED: 'SSL',
        SCRAM: 'SASL_PLAINTEXT',
        LOST: 'PLAINTEXT',
      },
      proxied: ['LOST'],
      settings: settingsOf(certificates),
      format: USERS.flatMap((name) => ['--add-scram', `SCRAM-SHA-512=[name=${name},password="${PASSWORD}"]`]),
    })
    admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await topic('quakes')
    await topic('quakes.unclean', { 'unclean.leader.election.enable': 'true' })
    await topic('usage')
    await topic('usage.compact', { 'cleanup.policy': 'compact' })
    await topic('usage.short', { 'retention.ms': '86400000' })
    await allow('weir', 'quakes', READ)
    await allow('weir', 'usage', READ, WRITE)
    await allow('reader', 'quakes', READ)
    await allow('reader', 'usage', READ)
    await allow('stranger', 'usage', DESCRIBE)
  })
  after(async () => {
    await admin?.disconnect()
    await kafka?.stop()
  })

  async function topic(name: string, settings: { readonly [name: string]: string } = { 'retention.ms': '-1' }) {
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 2, configEntries }], waitForLeaders: true })
  }

  async function allow(user: string, resourceName: string, ...operations: kafkajs.AclOperationTypes[]) {
    const acl = operations.map((operation) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }))
    await admin.createAcls({ acl })
  }

  interface Setting {
    readonly brokers?: readonly string[]
    readonly ssl?: boolean | { readonly caFile: string }
    readonly user?: string
    readonly password?: string
    readonly mechanism?: string
    readonly topic?: string
    readonly usage?: string
  }

  async function look({ brokers = kafka.brokers, topic = 'quakes', usage, ...more }: Setting): Promise<Diagnosis> {
    const { ssl = false, user, password = PASSWORD, mechanism = 'scram-sha-512' } = more
    const specs = join(folder, `specs-${topic}`)
    mkdirSync(specs, { recursive: true })
    const text = readFileSync(EARTHQUAKES, 'utf8').replaceAll('topic: quakes.events.v1', `topic: ${topic}`)
    writeFileSync(join(specs, 'earthquakes.yaml'), text)
    const sasl = user === undefined ? {} : { sasl: { mechanism, username: user } }
    const config = {
      listen: { host: '127.0.0.1', port: 0 },
      control: { port: 0 },
      specs: [specs],
      dataDir,
      clusters: { main: { brokers, ssl, ...sasl } },
      ...(usage !== undefined && { usage: { cluster: 'main', topic: usage } }),
    }
    const env: { readonly [name: string]: string } =
      user === undefined ? {} : { WEIR_CLUSTERS_MAIN_SASL_PASSWORD: password }
    const diagnosis = await diagnose(config, {}, env)
    assert.ok(!JSON.stringify(diagnosis.results).includes(password), 'no password is shown')
    return diagnosis
  }

  const onlyFault = ({ faults, exit }: Diagnosis, wantedExit = 1): string => {
    assert.equal(faults().length, 1, faults().join('\n'))
    assert.equal(exit, wantedExit)
    return faults()[0] as string
  }

  it('who has just the rights that are needed is told that all is well', async () => {
    const { exit, results, faults } = await look({ brokers: kafka.listener('SCRAM'), user: 'weir', usage: 'usage' })
    assert.deepEqual(faults(), [])
    assert.equal(exit, 0)
    const said = results.map(({ message }) => message).join('\n')
    assert.match(said, /each reached where it advertises itself, logged in by scram-sha-512/)
    assert.match(said, /topic quakes can be read, 2 partitions \(its settings are not shown to us\)/)
    assert.match(said, /usage: topic usage can be read and written to \(its settings are not shown to us\)/)
  })

  it('a user without rights is told what to allow on each topic', async () => {
    const { exit, faults } = await look({ brokers: kafka.listener('SCRAM'), user: 'stranger', usage: 'usage' })
    assert.deepEqual(faults(), [
      `topics: we may not see topic quakes, which earthquakes/events reads, or it is not there — allow it: kafka-acls.sh --add --allow-principal 'User:stranger' --operation Describe --operation Read --topic quakes`,
      `usage-topic: we may see topic usage, which the ledger reads, and may not read it — allow it: kafka-acls.sh --add --allow-principal 'User:stranger' --operation Read --topic usage`,
      `usage-topic: we may not write idempotently: no usage would be billed — allow it: kafka-acls.sh --add --allow-principal 'User:stranger' --operation Write --topic usage; before Kafka 2.8 also kafka-acls.sh --add --allow-principal 'User:stranger' --operation IdempotentWrite --cluster`,
    ])
    assert.equal(exit, 1)
  })

  it('a user that may read and not write is told that no usage would be billed', async () => {
    const fault = onlyFault(await look({ brokers: kafka.listener('SCRAM'), user: 'reader', usage: 'usage' }))
    assert.match(fault, /^usage-topic: we may not write to topic usage: no usage would be billed/)
    assert.match(fault, /'User:reader' --operation Write --topic usage$/)
  })

  it('a usage topic that nobody made is fine for who may make it, and at fault for who may not', async () => {
    const { exit, results } = await look({ usage: 'usage.none' })
    assert.equal(exit, 0)
    assert.match(JSON.stringify(results), /topic usage\.none is not there yet, and can be made by the first start/)
    assert.ok(!(await admin.listTopics()).includes('usage.none'), 'it was not made by asking')
    const fault = onlyFault(await look({ brokers: kafka.listener('SCRAM'), user: 'weir', usage: 'usage.none' }))
    assert.match(fault, /we may not see topic usage\.none for usage, or it is not there/)
    assert.match(fault, /--operation Write --operation Create --topic usage\.none$/)
    await allow('reader', 'usage.unmade', READ, WRITE)
    const unmade = onlyFault(await look({ brokers: kafka.listener('SCRAM'), user: 'reader', usage: 'usage.unmade' }))
    assert.match(unmade, /usage\.unmade for usage is not there, and we may not make it: .*authorized/i)
    assert.match(unmade, /create it \(retention\.ms=-1, cleanup\.policy=delete\), or allow it/)
  })

  it('settings of topics that lose records are told: unclean elections, compaction, retention', async () => {
    const unclean = await look({ topic: 'quakes.unclean', usage: 'usage.short' })
    assert.equal(unclean.exit, 0)
    assert.deepEqual(unclean.warnings('kafka main'), [
      'topics: topic quakes.unclean may get a leader that lacks records (unclean.leader.election.enable): who was away meanwhile is not told which — set unclean.leader.election.enable=false on it (docs/reliability.md says why)',
      'usage-topic: topic usage.short for usage keeps records for retention.ms=86400000 only: what proves a bill goes away — set retention.ms=-1 on it, or export it in time',
    ])
    const fault = onlyFault(await look({ usage: 'usage.compact' }))
    assert.match(fault, /usage\.compact for usage is compacted: .* — set cleanup\.policy=delete on it/)
  })

  it('a wrong password and a mechanism that is not offered are told apart', async () => {
    const sasl = { brokers: kafka.listener('SCRAM'), user: 'weir' }
    const wrong = onlyFault(await look({ ...sasl, password: 'not this one' }))
    assert.match(wrong, /^brokers: 127\.0\.0\.1:\d+: .*authentication failed/i)
    assert.match(wrong, /correct clusters\.main\.sasl\.username .*WEIR_CLUSTERS_MAIN_SASL_PASSWORD\)$/)
    const mechanism = onlyFault(await look({ ...sasl, mechanism: 'scram-sha-256' }))
    assert.match(mechanism, /does not support the requested SASL mechanism/)
    assert.match(mechanism, /set clusters\.main\.sasl\.mechanism .* to one that the listener offers$/)
    const none = onlyFault(await look({ brokers: kafka.listener('SCRAM') }))
    assert.match(none, /set clusters\.main\.ssl and clusters\.main\.sasl as that listener wants them$/)
  })

  it('certificates that are not trusted, for another name, or expired are told apart, and so is no TLS at all', async () => {
    const { ca, otherCa, expired } = certificates
    const well = await look({ brokers: kafka.listener('TLS'), ssl: { caFile: ca } })
    assert.deepEqual(well.faults('kafka main'), [])
    assert.match(JSON.stringify(well.results), /each reached where it advertises itself, over TLS/)
    const cases = [
      [
        'TLS',
        { caFile: otherCa },
        /not from an authority that we trust.* — name that authority's PEM file: clusters\.main\.ssl\.caFile/,
      ],
      ['ELSEWHERE', { caFile: ca }, /for another name, DNS:kafka\.example.* clusters\.main\.ssl\.serverName/],
      ['EXPIRED', { caFile: expired.cert }, /has expired — have the broker's certificate renewed/],
      ['TLS', false, /does its listener want TLS or SASL\?\) — set clusters\.main\.ssl/],
      ['SCRAM', { caFile: ca }, /TLS.* — name the port of the TLS listener/],
    ] as const
    for (const [listener, ssl, words] of cases) {
      assert.match(onlyFault(await look({ brokers: kafka.listener(listener), ssl })), words)
    }
  })

  it('a broker that advertises an address where nobody is, is named by it', async () => {
    const diagnosis = await look({ brokers: kafka.listener('LOST') })
    const address = kafka.advertised('LOST')[0]
    assert.equal(diagnosis.exit, 3)
    assert.match(
      diagnosis.faults()[0] ?? '',
      new RegExp(
        `^advertised: the cluster sends us to a broker that does not serve us there: ${address}: connection refused — set that broker's advertised\\.listeners`,
      ),
    )
  })

  it('one of several brokers that is away is worth a warning, all of them are a fault', async () => {
    const [port] = (await freePorts(1)) as [number]
    const nobody = `127.0.0.1:${port}`
    const some = await look({ brokers: [nobody, ...kafka.brokers] })
    assert.equal(some.exit, 0)
    const words = `brokers: ${nobody}: connection refused — start Kafka there, or correct clusters.main.brokers (WEIR_CLUSTERS_MAIN_BROKERS)`
    assert.deepEqual(some.warnings('kafka main'), [words])
    const all = await look({ brokers: [nobody] })
    assert.deepEqual(all.faults(), [words])
    assert.equal(all.exit, 3)
  })
})

function settingsOf({ ca, broker, elsewhere, expired }: Certificates): { [name: string]: string | boolean } {
  const tls = (listener: string, store: string): { [name: string]: string } =>
    Object.fromEntries(
      Object.entries({
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': store,
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': ca,
      }).map(([name, value]) => [`listener.name.${listener}.${name}`, value]),
    )
  return {
    ...tls('tls', broker.store),
    ...tls('elsewhere', elsewhere.store),
    ...tls('expired', expired.store),
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.scram.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'allow.everyone.if.no.acl.found': false,
  }
}
