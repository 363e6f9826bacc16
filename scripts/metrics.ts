import { registerAccounting, registerFigures, registerPublishing } from '../gateway/assembly/figures.ts'
import { silentLog } from '../gateway/log.ts'
import { createMetrics, type MetricRow } from '../gateway/metrics.ts'
import { registerSlots } from '../gateway/workers/supervisor.ts'
import { ALARMS } from './alarms.ts'

const HEAD = `# Metrics

\`GET /metrics\` of the control port (\`control\`, 127.0.0.1:8081 by default) answers in the text format of Prometheus. All names begin with \`weir_\`; counters
end in \`_total\` and begin at 0 with the process; numbers are those of one process: sum over nodes. With \`weir start --workers\` each has the label \`worker\`, too.

Generated from what the gateway registers, by \`npm run docs\`.
`

const ALARMS_HEAD = `
## What to alarm on, and what to do

\`holds for\` is what Prometheus calls \`for\`.

| when | holds for | what it means | what to do |
|---|---|---|---|
`

/** What only the supervisor of `weir start --workers` tells. */
export function supervisorMetrics(): readonly MetricRow[] {
  const metrics = createMetrics(silentLog)
  const own = metrics.rows.length
  registerSlots(metrics, [])
  metrics.close()
  return metrics.rows.slice(own)
}

/** Every metric that a gateway registers, in its order. Nothing is read of the parts: they need not be there. */
export function registeredMetrics(): readonly MetricRow[] {
  const metrics = createMetrics(silentLog)
  const nobody = {} as never
  registerFigures(metrics, nobody, nobody, nobody)
  registerAccounting(metrics, nobody, nobody)
  registerPublishing(metrics, nobody)
  metrics.close()
  return metrics.rows
}

/** docs/metrics.md, whole. */
export function metricsReference(): string {
  const rows = [...registeredMetrics(), ...supervisorMetrics()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) =>
      line([`\`${name}\``, type, labels.map((one) => `\`${one}\``).join(', '), help]),
    )
  const alarms = ALARMS.map(({ when, for: least, means, advice }) => line([`\`${when}\``, least, means, advice]))
  return `${HEAD}\n| metric | type | labels | what |\n|---|---|---|---|\n${rows.join('\n')}\n${ALARMS_HEAD}${alarms.join('\n')}\n`
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
