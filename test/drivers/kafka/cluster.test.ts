import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { systemClock } from '../../../gateway/clock.ts'
import { KafkaCluster, addressOf } from '../../../gateway/drivers/kafka/cluster.ts'
import { firstAnswer } from '../../../gateway/drivers/kafka/first-answer.ts'
import { KafkaError } from '../../../gateway/drivers/kafka/errors.ts'
import { silentLog } from '../../../gateway/log.ts'

const LIMITS = { connectMsMax: 300, requestMsMax: 300, hedgeMs: 50 }

describe('kafka driver', () => {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  after(() => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
  })

  /** A server that answers each chunk with what `reply` makes of it. */
  async function serving(reply: (chunk: Buffer) => Buffer | null): Promise<string> {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk: Buffer) => {
        const answer = reply(chunk)
        if (answer !== null) socket.write(answer)
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as { port: number }).port}`
  }

  async function failureOf(brokers: readonly string[]): Promise<KafkaError> {
    const cluster = new KafkaCluster({ name: 'test', brokers, clientId: 'test' }, LIMITS, systemClock, silentLog)
    try {
      await cluster.metadata(['t'])
    } catch (error) {
      assert.ok(error instanceof KafkaError)
      return error
    } finally {
      cluster.close()
    }
    throw new Error('it answered')
  }

  test('an address that cannot be understood is refused with one that can', () => {
    assert.deepEqual(addressOf('kafka:9092'), { host: 'kafka', port: 9092 })
    assert.deepEqual(addressOf('[::1]:9092'), { host: '::1', port: 9092 })
    for (const bad of ['kafka', 'kafka:', 'kafka:0', 'kafka:70000', 'http://kafka:9092', '::1:9092', '']) {
      assert.throws(() => addressOf(bad), /write host:port/, bad)
    }
    assert.throws(
      () => new KafkaCluster({ name: 'test', brokers: [], clientId: 'x' }, LIMITS, systemClock, silentLog),
      /at least one/,
    )
  })

  test('a server that is no broker is found out at once and not read on', async () => {
    const { kind, message } = await failureOf([await serving(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))])
    assert.equal(kind, 'gone')
    assert.match(message, /does not speak Kafka's protocol/)
  })

  test('a broker that is too old is refused, saying what is needed', async () => {
    // ApiVersions v0 with Fetch 0 to 5 only.
    const old = await serving((chunk) => {
      const answer = Buffer.from('0000000000000000000000000001000100000005', 'hex')
      answer.writeInt32BE(answer.length - 4, 0)
      chunk.copy(answer, 4, 8, 12)
      return answer
    })
    const { kind, message } = await failureOf([old])
    assert.equal(kind, 'gone')
    assert.match(message, /speaks 0 to 5 of Fetch; Fetch version 11 is needed \(Kafka 2.3 or later\)/)
  })

  test('an answer to a question that was not asked ends the connection', async () => {
    const wrong = await serving(() => Buffer.from('000000060000ffff0000', 'hex'))
    assert.match((await failureOf([wrong])).message, /out of order/)
  })

  test('a server that answers nothing is given up after the deadline, by name', async () => {
    const silent = await serving(() => null)
    const begun = performance.now()
    const { message } = await failureOf([silent])
    assert.ok(performance.now() - begun < 1500)
    assert.match(message, new RegExp(`${silent} did not answer ApiVersions within 300 ms`))
  })

  test('of several the first to answer counts, and one that hangs costs the stagger alone', async () => {
    const hangs = (): Promise<string> => new Promise(() => {})
    const fails = (): Promise<string> => Promise.reject(new KafkaError('denied', 'no'))
    const answers = (): Promise<string> => Promise.resolve('yes')
    assert.equal(await firstAnswer([hangs, fails, answers], 20, systemClock), 'yes')
    await assert.rejects(firstAnswer([fails, fails], 20, systemClock), { kind: 'denied', message: 'no' })
  })
})
