import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../gateway/clock.ts'
import type { Config } from '../../gateway/config.ts'
import { Secret } from '../../gateway/config/secret.ts'
import { Fault } from '../../gateway/errors.ts'
import { createMetrics } from '../../gateway/metrics.ts'
import { silentLog } from '../../gateway/log.ts'
import type { Channel, FromWorker, ToWorker } from '../../gateway/workers/message.ts'
import { packConfig, unpackConfig } from '../../gateway/workers/parcel.ts'
import { work, type StartWorker } from '../../gateway/workers/worker.ts'
import { settled } from '../usage/support.ts'

const CONFIG = { log: { level: 'silent' }, redis: { url: new Secret('redis://:hunter2@a') } } as unknown as Config
const PLACE = { index: 1, count: 2, port: 8080 }

class Pipe implements Channel {
  readonly said: FromWorker[] = []
  hear: (message: ToWorker) => void = () => undefined
  close: () => void = () => undefined
  send(message: FromWorker): Promise<void> {
    this.said.push(message)
    return Promise.resolve()
  }
  onMessage(hear: (message: ToWorker) => void): void {
    this.hear = hear
  }
  onClose(hear: () => void): void {
    this.close = hear
  }
}

describe('a worker', () => {
  const begin = (start?: StartWorker) => {
    const pipe = new Pipe()
    const stop = new AbortController()
    const given: { config?: Config; drained: number } = { drained: 0 }
    const serve: StartWorker = async (config) => {
      given.config = config
      const metrics = createMetrics(silentLog, '1')
      const drain = (): Promise<void> => {
        metrics.close()
        return Promise.resolve(void given.drained++)
      }
      return { url: 'http://a', products: [], metrics, readiness: () => ({ ready: true, checks: {} }), drain }
    }
    const ended = work(pipe, start ?? serve, systemClock, stop.signal)
    pipe.hear({ kind: 'start', config: packConfig(CONFIG), place: PLACE })
    return { pipe, stop, given, ended }
  }

  it('serves by the configuration that it is given, secrets and all, and answers what it is asked', async () => {
    const { pipe, given, ended } = begin()
    await settled(() => pipe.said.length === 1)
    assert.equal(given.config?.redis.url?.reveal(), 'redis://:hunter2@a')
    assert.doesNotMatch(JSON.stringify(given.config), /hunter2/)
    pipe.hear({ kind: 'ask', id: 4, about: 'readiness' })
    pipe.hear({ kind: 'ask', id: 5, about: 'metrics' })
    await settled(() => pipe.said.length === 3)
    assert.deepEqual(pipe.said[1], { kind: 'answer', id: 4, answer: { ready: true, checks: {} } })
    pipe.hear({ kind: 'drain' })
    assert.equal(await ended, 0)
  })

  it('drains once, whoever asks: the supervisor, a signal to the group, and the end of the pipe', async () => {
    const { pipe, stop, given, ended } = begin()
    await settled(() => pipe.said.length === 1)
    stop.abort()
    pipe.hear({ kind: 'drain' })
    pipe.close()
    assert.deepEqual([await ended, given.drained], [0, 1])
  })

  it('drains where the supervisor is gone', async () => {
    const { pipe, given, ended } = begin()
    await settled(() => pipe.said.length === 1)
    pipe.close()
    assert.deepEqual([await ended, given.drained], [0, 1])
  })

  it('tells why it cannot start, and ends', async () => {
    const { pipe, ended } = begin(() => Promise.reject(new Fault('unreachable', 'Cannot listen.')))
    assert.equal(await ended, 1)
    assert.deepEqual(pipe.said, [{ kind: 'failed', fault: 'unreachable', message: 'Cannot listen.' }])
  })

  it('gets the very configuration: what is packed comes out the same', () => {
    const config = { ...CONFIG, limits: { a: 1, b: [null, 'x'] } } as unknown as Config
    const again = unpackConfig(packConfig(config))
    assert.deepEqual(JSON.parse(JSON.stringify(again)), JSON.parse(JSON.stringify(config)))
  })
})
