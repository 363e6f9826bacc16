import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Log } from './log.ts'
import { measureProcess } from './processMetrics.ts'

/** One number with what tells it from its siblings: `{ labels: { transport: 'sse' }, value: 12 }`. */
export interface Sample {
  readonly labels: { readonly [name: string]: string }
  readonly value: number
}

/** Asked at each scrape, so the hot path does no more than count in its own variables. */
export type Read = () => number | readonly Sample[]

/** A metric that is registered, as docs/metrics.md shows it. */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

/**
 * What a process tells Prometheus. Names are `weir_…` and end in their unit, counters in `_total`. Registering a name
 * twice, or one that breaks the rule, throws.
 */
export interface Metrics {
  counter(name: string, help: string, read: Read, labels?: readonly string[]): void
  gauge(name: string, help: string, read: Read, labels?: readonly string[]): void
  /** `bounds`: upper edges of the buckets, rising, in the unit that the name ends in. */
  histogram(name: string, help: string, bounds: readonly number[]): { observe(value: number): void }
  /** All that is registered, in the order in which it was. */
  readonly rows: readonly MetricRow[]
  readonly contentType: string
  /** The text that a scrape gets. */
  render(): Promise<string>
  /** The same as values, for `renderAll` in another process. */
  collect(): Promise<Collected>
  /** Ends the measuring of the event loop. */
  close(): void
}

/** All that one process told at a scrape: plain values. */
export type Collected = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/**
 * One text of what several processes told, each name once. They must differ in their `worker` label, so that nothing is added up: a sum
 * would fall when one of them ends, which reads as a restart of all.
 */
export function renderAll(all: readonly Collected[]): Promise<string> {
  return AggregatorRegistry.aggregate([...all]).metrics()
}

/** A registry of its own: several gateways in one process share no numbers. `worker` labels all of them. */
export function createMetrics(log: Log, worker: string | null = null): Metrics {
  const registry = new Registry()
  const rows: MetricRow[] = []
  if (worker !== null) registry.setDefaultLabels({ worker })
  let faults = 0

  /** A part whose numbers cannot be had takes only its own away from the scrape. */
  const collect = (metric: Counter | Gauge, name: string, read: Read, write: (sample: Sample) => void): void => {
    metric.reset()
    try {
      const value = read()
      const samples = typeof value === 'number' ? [{ labels: {}, value }] : value
      for (const sample of samples) write(sample)
    } catch (error) {
      // No number is better than the 0 that `reset` left: it would look like a restart.
      metric.remove()
      faults++
      log.error({ metric: name, error }, 'a metric could not be read')
    }
  }

  const define = (type: MetricRow['type'], name: string, help: string, labels: readonly string[]) => {
    rows.push({ name, type, labels, help })
    return { name, help, labelNames: [...labels], registers: [registry] }
  }

  const metrics: Metrics = {
    counter(name, help, read, labels = []) {
      checkName(name, COUNTS)
      const write = (one: Sample): void => counter.inc({ ...one.labels }, one.value)
      const counter: Counter = new Counter({
        ...define('counter', name, help, labels),
        collect: () => collect(counter, name, read, write),
      })
    },
    gauge(name, help, read, labels = []) {
      checkName(name, LEVELS)
      const write = (one: Sample): void => gauge.set({ ...one.labels }, one.value)
      const gauge: Gauge = new Gauge({
        ...define('gauge', name, help, labels),
        collect: () => collect(gauge, name, read, write),
      })
    },
    histogram(name, help, bounds) {
      checkName(name, MEASURES)
      return new Histogram({ ...define('histogram', name, help, []), buckets: [...bounds] })
    },
    rows,
    contentType: registry.contentType,
    render: () => registry.metrics(),
    collect: () => registry.getMetricsAsJSON(),
    close: () => stop(),
  }
  metrics.counter(
    'weir_metrics_faults_total',
    'Metrics that could not be read at a scrape, and are missing from it: above 0 is a fault of ours, and is logged.',
    () => faults,
  )
  const stop = measureProcess(metrics)
  return metrics
}

const COUNTS = /_total$/
const LEVELS = /(?<!_total)$/
const MEASURES = /_(seconds|bytes|records)$/

function checkName(name: string, ending: RegExp): void {
  if (/^weir_[a-z][a-z0-9_]*$/.test(name) && ending.test(name)) return
  throw new RangeError(`metric ${name}: names are weir_… in snake case and end like ${ending.source}`)
}
