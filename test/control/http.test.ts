import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { listenForControl, type ControlListener } from '../../gateway/control/http.ts'
import { Fault } from '../../gateway/errors.ts'
import { silentLog } from '../../gateway/log.ts'
import { createMetrics, type Metrics } from '../../gateway/metrics.ts'

describe('HTTP of the operator', () => {
  let metrics: Metrics
  let listener: ControlListener
  let ready = true
  const readiness = (): { ready: boolean; checks: { documents: string } } => ({
    ready,
    checks: { documents: '1 served' },
  })
  before(async () => {
    metrics = createMetrics(silentLog)
    metrics.gauge('weir_connections', 'Connections of partners.', () => 3)
    listener = await listenForControl('127.0.0.1', 0, metrics, readiness)
  })
  after(() => {
    listener.close()
    metrics.close()
  })

  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${listener.port}${path}`, { method })

  it('/metrics is what Prometheus reads', async () => {
    const answer = await ask('/metrics?x=1')
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    assert.match(await answer.text(), /^weir_connections 3$/m)
  })

  it('/healthz is 200 while it runs, /readyz 503 while it is not ready', async () => {
    assert.equal((await ask('/healthz')).status, 200)
    assert.deepEqual(await (await ask('/readyz')).json(), { status: 'ready', checks: { documents: '1 served' } })
    ready = false
    const bad = await ask('/readyz')
    assert.deepEqual([bad.status, ((await bad.json()) as { status: string }).status], [503, 'not ready'])
    ready = true
  })

  it('HEAD is served, other methods are 405 with Allow, other addresses 404', async () => {
    const head = await ask('/readyz', 'HEAD')
    assert.deepEqual([head.status, await head.text()], [200, ''])
    const post = await ask('/metrics', 'POST')
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD'])
    assert.equal((await ask('/streams/a/b')).status, 404)
  })

  it('a port that is taken is a fault that names it', async () => {
    const { port } = listener
    await assert.rejects(listenForControl('127.0.0.1', port, metrics, readiness), (error: Error) => {
      return error instanceof Fault && error.kind === 'unreachable' && error.message.includes(String(port))
    })
  })
})
