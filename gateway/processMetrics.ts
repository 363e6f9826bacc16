import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'
import { version } from './package.ts'

const RESOLUTION_MS = 10

/** Registers what the process itself costs; the answer ends the measuring. */
export function measureProcess({ counter, gauge }: Pick<Metrics, 'counter' | 'gauge'>): () => void {
  counter(
    'weir_process_cpu_seconds_total',
    'CPU time of the process, in `user` and `system` mode: one process uses one core at most, and a little more while it collects garbage.',
    cpuSamples,
    ['mode'],
  )
  gauge('weir_process_resident_memory_bytes', 'Memory of the process as the system counts it.', () =>
    process.memoryUsage.rss(),
  )
  gauge(
    'weir_process_heap_used_bytes',
    'Memory of JavaScript objects, garbage included.',
    () => process.memoryUsage().heapUsed,
  )
  gauge(
    'weir_process_external_bytes',
    'Memory of buffers and native objects: the log in memory, and what waits for slow connections.',
    () => process.memoryUsage().external,
  )
  gauge('weir_process_uptime_seconds', 'Time since the process started.', () => process.uptime())
  const build = [{ labels: { version, node: process.version }, value: 1 }]
  gauge('weir_build_info', 'Always 1; its labels say which version runs, on which Node.', () => build, [
    'version',
    'node',
  ])
  return measureLag(gauge)
}

function cpuSamples(): { labels: { mode: string }; value: number }[] {
  const { user, system } = process.cpuUsage()
  return Object.entries({ user, system }).map(([mode, micros]) => ({ labels: { mode }, value: micros / 1e6 }))
}

/** What a turn of the event loop took beyond the timer's own period, since the last scrape. */
function measureLag(gauge: Metrics['gauge']): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const seconds = (nanos: number): number =>
    Number.isFinite(nanos) ? Math.max(0, nanos / 1e9 - RESOLUTION_MS / 1e3) : 0
  const read = (): { labels: { quantile: string }; value: number }[] => {
    const samples = [
      { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
      { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
      { labels: { quantile: '1' }, value: delay.count === 0 ? 0 : seconds(delay.max) },
    ]
    delay.reset()
    return samples
  }
  gauge(
    'weir_process_event_loop_lag_seconds',
    'How late the event loop was since the last scrape, as median, 99th percentile and maximum: what every client waits.',
    read,
    ['quantile'],
  )
  return () => void delay.disable()
}
