import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openLedger, type Ledger, type Whose } from '../billing/ledger.ts'
import { parsePeriod } from '../billing/period.ts'
import { csvOf, reportOf, WHAT_IS_BILLED, type Report } from '../billing/report.ts'
import type { LedgerTables } from '../billing/tables.ts'
import type { Config } from '../config.ts'
import { nearest } from '../drivers/nearest.ts'
import { openDatabase } from '../drivers/sql/database.ts'
import { Fault } from '../errors.ts'
import { configOrComplaints, EXIT, printable, say, type Edge, type Exit } from './edge.ts'

export interface ReportOptions {
  readonly period: string
  readonly consumer?: string
  readonly product?: string
  readonly format?: string
  readonly out?: string
  readonly config?: string
  readonly json?: boolean
}

/** `weir usage report`: what is billed for a month, as data on stdout or in a file; what it means and what it lacks on stderr. */
export async function usageReport(edge: Edge, options: ReportOptions): Promise<Exit> {
  const format = options.format ?? (options.json ? 'json' : 'csv')
  const period = parsePeriod(options.period)
  if (period === null)
    return wrong(edge, `--period ${JSON.stringify(options.period)} is no month — give one as 2026-11`)
  if (format !== 'csv' && format !== 'json')
    return wrong(
      edge,
      `--format ${JSON.stringify(format)} is not served — ${meant(format, ['csv', 'json'])}give csv or json`,
    )
  const config = configOrComplaints(edge, options.config)
  if (!config) return EXIT.usage
  const { consumer, product } = options
  const whose: Whose = { ...(consumer !== undefined && { consumer }), ...(product !== undefined && { product }) }
  const ledger = await openLedger(await openDatabase<LedgerTables>(placeOf(config, edge)), edge.clock)
  try {
    const strangers = await strangersIn(whose, ledger, config)
    for (const stranger of strangers) say(edge, printable(`weir: ${stranger}`))
    // An empty report under a mistyped name would pass for a month without usage.
    if (strangers.length > 0) return EXIT.refused
    const report = await reportOf(ledger, period, whose, new Map(config.consumers.map(({ id, name }) => [id, name])))
    deliver(edge, options.out, format === 'csv' ? csvOf(report) : `${JSON.stringify(report, null, 2)}\n`)
    for (const remark of remarksOn(report)) say(edge, printable(remark))
    return EXIT.done
  } finally {
    await ledger.close()
  }
}

/** What is asked for and known to neither the ledger nor the configuration, in words. */
async function strangersIn(whose: Whose, ledger: Ledger, { consumers }: Config): Promise<readonly string[]> {
  if (whose.consumer === undefined && whose.product === undefined) return []
  const pins = await ledger.pins({})
  const agreements = consumers.flatMap((one) => one.agreements)
  const known = {
    consumer: new Set([...pins.map((one) => one.consumer), ...consumers.map(({ id }) => id)]),
    product: new Set([...pins.map((one) => one.product), ...agreements.map(({ product }) => product)]),
  }
  return (['consumer', 'product'] as const).flatMap((what) => {
    const name = whose[what]
    if (name === undefined || known[what].has(name)) return []
    const names = [...known[what]].filter((one) => one !== null)
    return [`neither the ledger nor the configuration knows a ${what} ${name} — ${meant(name, names)}${listed(names)}`]
  })
}

const NAMES_SHOWN_MAX = 20

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'there is none so far'
  const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : ''
  return `there are ${names.toSorted().slice(0, NAMES_SHOWN_MAX).join(', ')}${more}`
}

function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === null ? '' : `did you mean ${near}? `
}

function placeOf({ database, dataDir }: Config, { clock }: Edge) {
  return { url: database.url?.reveal() ?? null, file: join(dataDir, 'ledger.db'), clock }
}

function wrong(edge: Edge, what: string): Exit {
  say(edge, `weir: ${what}`)
  return EXIT.usage
}

function deliver(edge: Edge, out: string | undefined, text: string): void {
  if (out === undefined) return void edge.out.write(text)
  try {
    writeFileSync(resolve(edge.cwd, out), text)
  } catch (cause) {
    throw new Fault('usage', `${out} cannot be written`, { cause })
  }
}

function remarksOn({ asOf, complete, totals, unpriced, alarms }: Report): readonly string[] {
  return [
    WHAT_IS_BILLED,
    ...totals.map(({ currency, amount }) => `total ${amount} ${currency}`),
    ...(complete ? [] : [`not complete: usage is known up to ${asOf ?? 'no certain time'}`]),
    ...(unpriced === 0 ? [] : [`${unpriced} lines have no price: the terms of their plans are unknown`]),
    ...(alarms === 0 ? [] : [`${alarms} times messages of a gateway were missing: usage may be too low`]),
  ]
}
