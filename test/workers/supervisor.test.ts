import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { Config } from '../../gateway/config.ts'
import { Fault } from '../../gateway/errors.ts'
import { silentLog } from '../../gateway/log.ts'
import { createMetrics } from '../../gateway/metrics.ts'
import type { ToWorker } from '../../gateway/workers/message.ts'
import { superviseWorkers } from '../../gateway/workers/supervisor.ts'
import { HandClock, settled } from '../usage/support.ts'
import { FakeProcess } from './fakeProcess.ts'

class Clock extends HandClock {
  override every(): never {
    return { cancel: () => undefined } as never
  }
}

const configAt = (port: number): Config =>
  ({
    listen: { host: '127.0.0.1', port },
    control: { host: '127.0.0.1', port: 0 },
    limits: { drainMsMax: 0 },
  }) as Config

describe('the supervisor', () => {
  /** Workers that serve, answer and drain as they should, unless `react` says otherwise. */
  const world = (t: TestContext, react: (index: number, message: ToWorker) => boolean = () => false) => {
    const clock = new Clock()
    const processes: FakeProcess[] = []
    const fork = (index: number): FakeProcess => {
      const process = new FakeProcess()
      processes.push(process)
      const metrics = createMetrics(silentLog, String(index))
      metrics.gauge('weir_connections', 'Connections of partners.', () => index + 1)
      t.after(() => metrics.close())
      process.onTold = (message) => {
        if (react(index, message)) return
        if (message.kind === 'start')
          process.say({ kind: 'ready', url: `http://a:${message.place.port}`, products: [] })
        else if (message.kind === 'drain') process.end(true, 'exit code 0')
        else if (message.about === 'readiness')
          process.say({ kind: 'answer', id: message.id, answer: { ready: true, checks: { documents: '1 served' } } })
        else void metrics.collect().then((answer) => process.say({ kind: 'answer', id: message.id, answer }))
      }
      return process
    }
    return {
      clock,
      processes,
      start: (port = 0) => superviseWorkers(configAt(port), 2, { clock, log: silentLog, fork }),
    }
  }

  it('gives all workers one port and tells the operator of each', async (t) => {
    const { start, processes } = world(t)
    const running = await start()
    const [first, second] = processes.map(({ told }) => told[0] as Extract<ToWorker, { kind: 'start' }>)
    assert.deepEqual([first?.place.index, second?.place.index, first?.place.count], [0, 1, 2])
    assert.ok((first?.place.port ?? 0) > 0 && first?.place.port === second?.place.port)
    const ready = await fetch(`${running.controlUrl}/readyz`)
    assert.deepEqual(await ready.json(), {
      status: 'ready',
      checks: {
        'worker 0': 'ready',
        'worker 0: documents': '1 served',
        'worker 1': 'ready',
        'worker 1: documents': '1 served',
      },
    })
    const text = await (await fetch(`${running.controlUrl}/metrics`)).text()
    assert.match(text, /^weir_connections\{worker="0"\} 1\nweir_connections\{worker="1"\} 2$/m)
    assert.match(text, /^weir_worker_up\{worker="0"\} 1\nweir_worker_up\{worker="1"\} 1$/m)
    await running.drain()
    await assert.rejects(fetch(`${running.controlUrl}/healthz`))
  })

  it('does without a worker that does not answer: the scrape goes on, a number tells, and it is not ready', async (t) => {
    const { start, clock, processes } = world(t, (index, message) => index === 1 && message.kind === 'ask')
    const running = await start()
    const asks = (): number => processes[1]?.told.length ?? 0
    const answerOf = async (path: string): Promise<Response> => {
      const before = asks()
      const answer = fetch(`${running.controlUrl}${path}`)
      await settled(() => asks() > before)
      clock.advance(2_000)
      return answer
    }
    const ready = await answerOf('/readyz')
    const { checks } = (await ready.json()) as { readonly checks: { readonly [name: string]: string } }
    assert.deepEqual([ready.status, checks['worker 0'], checks['worker 1']], [503, 'ready', 'does not answer'])
    const text = await (await answerOf('/metrics')).text()
    assert.match(text, /^weir_connections\{worker="0"\} 1$/m)
    assert.doesNotMatch(text, /weir_connections\{worker="1"\}/)
    assert.match(await (await answerOf('/metrics')).text(), /^weir_worker_unanswered_total\{worker="1"\} 3$/m)
    await running.drain()
  })

  it('starts none of the others before the first one serves', async (t) => {
    let hold = true
    const { start, processes } = world(t, (index, message) => hold && index === 0 && message.kind === 'start')
    const started = start()
    await settled(() => processes.length === 2 && processes[0]?.told.length === 1)
    assert.deepEqual(processes[1]?.told, [])
    hold = false
    processes[0]?.onTold(processes[0].told[0] as ToWorker)
    await (await started).drain()
  })

  it('where one cannot start, all end, and that one’s fault is the answer', async (t) => {
    const { start, processes } = world(t, (index, message) => {
      if (index !== 1 || message.kind !== 'start') return false
      processes[1]?.say({ kind: 'failed', fault: 'unreachable', message: 'The database does not answer.' })
      processes[1]?.end(false, 'exit code 1')
      return true
    })
    await assert.rejects(start(), (error: Error) => {
      return (
        error instanceof Fault && error.kind === 'unreachable' && error.message.startsWith('worker 1: The database')
      )
    })
    assert.deepEqual(processes[0]?.told.at(-1), { kind: 'drain' })
  })

  it('a drain in which a worker had to be ended is told', async (t) => {
    const { start, processes, clock } = world(t, (index, message) => index === 1 && message.kind === 'drain')
    const running = await start()
    const drained = assert.rejects(running.drain(), Fault)
    clock.advance(20_000)
    await drained
    assert.equal(processes[1]?.killed, true)
  })

  it('a port where somebody listens already is a fault that names it', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { start, processes } = world(t)
    await assert.rejects(start(port), (error: Error) => {
      return error instanceof Fault && error.kind === 'unreachable' && error.message.includes(`127.0.0.1:${port}`)
    })
    assert.equal(processes.length, 0)
  })
})
