import { execFileSync } from 'node:child_process'
import type { Line } from '../../../gateway/billing/report.ts'
import { MAIN } from './gatewayProcess.ts'

/** What `weir usage report` says of this month, a line a consumer and stream; `billed` with what the fee includes. */
export interface Bill extends Pick<Line, 'delivered' | 'billed' | 'redelivered' | 'bytes'> {
  readonly consumer: string
  readonly stream: string
}

/** Of the ledger in a folder of data, or of the database that `env` names. */
export function billsOf(dataDir: string, env: { readonly [name: string]: string } = {}): Bill[] {
  const text = execFileSync(process.execPath, [MAIN, 'usage', 'report', '--period', month(), '--format', 'json'], {
    env: { ...process.env, WEIR_DATADIR: dataDir, ...env },
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const { lines } = JSON.parse(text.toString()) as { readonly lines: readonly Line[] }
  return lines.flatMap(({ item, consumer, stream, delivered, billed, free, redelivered, bytes }) => {
    if (item !== 'usage' || consumer === null || stream === null) return []
    return [{ consumer, stream, delivered, billed: billed + free, redelivered, bytes }]
  })
}

function month(): string {
  return new Date().toISOString().slice(0, 'YYYY-MM'.length)
}
