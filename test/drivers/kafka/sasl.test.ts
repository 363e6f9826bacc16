import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../gateway/clock.ts'
import { KafkaCluster, type Sasl } from '../../../gateway/drivers/kafka/cluster.ts'
import type { Metadata } from '../../../gateway/drivers/kafka/metadata.ts'
import { silentLog } from '../../../gateway/log.ts'
import { startChild, type Child } from '../../services/child.ts'
import { java, kafkaClassPath } from '../../services/kafka/jars.ts'
import { serverProperties, type Settings } from '../../services/kafka/settings.ts'
import { freePorts, removeFolder, scratchFolder } from '../../services/scratch.ts'

const LIMITS = { connectMsMax: 2000, requestMsMax: 2000, hedgeMs: 500 }
const USER = { username: 'weir', password: 'correct horse=battery' }
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
const READY_MS_MAX = 30_000

describe('kafka authentication', () => {
  let folder: string
  let broker: Child
  let sasl: string
  let plain: string

  before(async () => {
    const [client, controller, port] = (await freePorts(3)) as [number, number, number]
    folder = scratchFolder('kafka-sasl')
    plain = `127.0.0.1:${client}`
    sasl = `127.0.0.1:${port}`
    const ports = [{ client, controller }]
    const settings = saslSettings(plain, sasl, controller)
    writeFileSync(join(folder, 'server.properties'), serverProperties({ id: 0, folder, ports, settings }))
    await format()
    broker = run(['kafka.Kafka', join(folder, 'server.properties')])
    await untilAnswers()
  })
  after(async () => {
    await broker?.stop('SIGKILL')
    removeFolder(folder)
  })

  function run(args: readonly string[]): Child {
    const jvm = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', kafkaClassPath()]
    return startChild({ command: java(), args: [...jvm, ...args], log: join(folder, 'log.txt'), cwd: folder })
  }

  async function format(): Promise<void> {
    const users = ['SHA-256', 'SHA-512'].flatMap((hash) => [
      '--add-scram',
      `SCRAM-${hash}=[name=${USER.username},password="${USER.password}"]`,
    ])
    const config = join(folder, 'server.properties')
    const id = Buffer.alloc(16, 7).toString('base64url')
    const tool = run(['kafka.tools.StorageTool', 'format', '-t', id, '-c', config, ...users])
    assert.equal(await tool.ended, 'exit code 0', tool.tail())
  }

  async function untilAnswers(): Promise<void> {
    const until = performance.now() + READY_MS_MAX
    for (;;) {
      const answered = await metadata(plain).catch(() => null)
      if (answered !== null && answered.nodes.length > 0) return
      assert.ok(performance.now() < until, broker.tail())
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  async function metadata(address: string, user?: Sasl): Promise<Metadata> {
    const config = { name: 'test', brokers: [address], clientId: 'test', ...(user === undefined ? {} : { sasl: user }) }
    const cluster = new KafkaCluster(config, LIMITS, systemClock, silentLog)
    try {
      return await cluster.metadata(['t'])
    } finally {
      cluster.close()
    }
  }

  for (const mechanism of MECHANISMS) {
    test(`${mechanism} lets in who knows the password, and again when the session has ended`, async () => {
      const config = { name: 'test', brokers: [sasl], clientId: 'test', sasl: { mechanism, ...USER } }
      const cluster = new KafkaCluster(config, LIMITS, systemClock, silentLog)
      const until = performance.now() + 2 * SESSION_MS
      while (performance.now() < until) assert.equal((await cluster.metadata(['t'])).nodes.length, 1)
      cluster.close()
    })

    test(`${mechanism} keeps out who does not, and says denied`, async () => {
      const wrong = { mechanism, username: USER.username, password: 'wrong' }
      await assert.rejects(metadata(sasl, wrong), {
        name: 'KafkaError',
        kind: 'denied',
        message: /authentication failed/i,
      })
    })
  }

  test('a password for a listener that wants none is an error', async () => {
    await assert.rejects(metadata(plain, { mechanism: 'plain', ...USER }), { name: 'KafkaError' })
  })

  test('who comes without a password to a listener that wants one is told to look there', async () => {
    await assert.rejects(metadata(sasl), { name: 'KafkaError', kind: 'gone', message: /TLS or SASL/ })
  })
})

/** Short enough to live through its end. */
const SESSION_MS = 1000

function saslSettings(plain: string, sasl: string, controller: number): Settings {
  const module = 'org.apache.kafka.common.security'
  const user = `username="${USER.username}" password="${USER.password}" user_${USER.username}="${USER.password}"`
  return {
    listeners: `CLIENT://${plain},SASL://${sasl},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENT://${plain},SASL://${sasl}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'connections.max.reauth.ms': SESSION_MS,
    'listener.name.sasl.plain.sasl.jaas.config': `${module}.plain.PlainLoginModule required ${user};`,
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
  }
}
