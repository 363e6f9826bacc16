import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Log } from '../gateway/log.ts'
import { createMetrics, renderAll } from '../gateway/metrics.ts'

describe('metrics', () => {
  const faults: unknown[] = []
  const log: Log = { info() {}, warn() {}, error: (fields) => faults.push(fields) }
  const metrics = createMetrics(log)
  after(() => metrics.close())

  it('numbers are read at the scrape, not when they change', async () => {
    let records = 1
    let sessions = 5
    metrics.counter('weir_records_total', 'Records.', () => records)
    metrics.gauge('weir_sessions', 'Sessions.', () => sessions)
    records = 41
    await metrics.render()
    records = 42
    sessions = 3
    const text = await metrics.render()
    assert.match(
      text,
      /^# HELP weir_records_total Records\.\n# TYPE weir_records_total counter\nweir_records_total 42$/m,
    )
    assert.match(text, /^weir_sessions 3$/m)
  })

  it('samples with labels come and go with what they describe', async () => {
    let samples = [
      { labels: { transport: 'sse' }, value: 1 },
      { labels: { transport: 'websocket' }, value: 2 },
    ]
    metrics.gauge('weir_connections', 'Connections.', () => samples, ['transport'])
    assert.match(await metrics.render(), /weir_connections\{transport="websocket"\} 2/)
    samples = samples.slice(0, 1)
    const text = await metrics.render()
    assert.match(text, /weir_connections\{transport="sse"\} 1/)
    assert.doesNotMatch(text, /websocket/)
  })

  it('a part whose numbers cannot be read takes only its own away, and is counted and logged', async () => {
    metrics.counter('weir_broken_total', 'Broken.', () => {
      throw new Error('no number')
    })
    metrics.counter('weir_falling_total', 'A counter below zero.', () => -1)
    await metrics.render()
    const text = await metrics.render()
    assert.doesNotMatch(text, /^weir_broken_total|^weir_falling_total/m)
    assert.match(text, /^weir_records_total 42$/m)
    assert.match(text, /^weir_metrics_faults_total [2-4]$/m)
    assert.equal((faults[0] as { metric: string }).metric, 'weir_broken_total')
  })

  it('a histogram counts what is observed', async () => {
    const histogram = metrics.histogram('weir_fetch_seconds', 'Fetches.', [0.1, 1])
    for (const seconds of [0.05, 0.5, 5]) histogram.observe(seconds)
    const text = await metrics.render()
    assert.match(text, /weir_fetch_seconds_bucket\{le="0.1"\} 1\nweir_fetch_seconds_bucket\{le="1"\} 2\n.*\+Inf"\} 3/)
  })

  it('the process tells its CPU time, memory and event loop lag', async () => {
    const text = await metrics.render()
    assert.match(text, /^weir_process_cpu_seconds_total\{mode="user"\} [\d.]+$/m)
    assert.match(text, /^weir_process_resident_memory_bytes \d{7,}$/m)
    assert.match(text, /^weir_process_event_loop_lag_seconds\{quantile="0.99"\} [\d.e-]+$/m)
    assert.match(text, /^weir_build_info\{version=".+",node="v\d+.*"\} 1$/m)
    assert.match(metrics.contentType, /^text\/plain/)
  })

  it('names that break the rule, and names taken already, are refused', () => {
    assert.throws(() => metrics.counter('weir_records', '', () => 1), RangeError)
    assert.throws(() => metrics.counter('records_total', '', () => 1), RangeError)
    assert.throws(() => metrics.gauge('weir_level_total', '', () => 1), RangeError)
    assert.throws(() => metrics.histogram('weir_wait', '', [1]), RangeError)
    assert.throws(() => metrics.gauge('weir_sessions', '', () => 1))
  })

  it('of several workers are one text, each name once and each number under its worker, histograms too', async () => {
    const all = ['0', '1'].map((worker) => {
      const one = createMetrics(log, worker)
      one.counter('weir_records_total', 'Records.', () => [{ labels: { mode: 'a' }, value: Number(worker) + 1 }], [
        'mode',
      ])
      one.histogram('weir_wait_seconds', 'Wait.', [1]).observe(Number(worker) * 2)
      return one
    })
    const text = await renderAll(await Promise.all(all.map((one) => one.collect())))
    assert.match(text, /^weir_records_total\{mode="a",worker="0"\} 1\nweir_records_total\{mode="a",worker="1"\} 2$/m)
    assert.equal(text.match(/^# TYPE weir_records_total counter$/gm)?.length, 1)
    assert.match(text, /^weir_wait_seconds_bucket\{le="1",worker="0"\} 1$/m)
    assert.match(text, /^weir_wait_seconds_bucket\{le="1",worker="1"\} 0$/m)
    assert.match(text, /^weir_wait_seconds_sum\{worker="1"\} 2$/m)
    for (const one of all) one.close()
  })

  it('two registries in one process share nothing', async () => {
    const other = createMetrics(log)
    other.gauge('weir_sessions', 'Sessions.', () => 9)
    assert.match(await other.render(), /^weir_sessions 9$/m)
    assert.match(await metrics.render(), /^weir_sessions 3$/m)
    other.close()
  })
})
