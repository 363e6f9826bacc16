import type { LedgerReading, Pin, Usage, Whose } from './ledger.ts'
import { digitsOf, formatExact, plus, ZERO, type Exact } from './money.ts'
import type { Period } from './period.ts'
import { feeOf, price } from './pricing.ts'

/** Printed in every report: the rule that its numbers follow, and what the columns are. */
export const WHAT_IS_BILLED = `Each record once per agreement, by its identity (stream, epoch, partition, offset), however often, over whichever transport, format or filter it is delivered again. Bytes are the length of the Kafka value. Delivered means handed to the connection. A record first delivered more than the plan's replay age (whole seconds) after its timestamp is priced as replay where the plan has such a price. A line shows delivered = billed + redelivered + free: free are records that the fee includes; replay and bytes are those of billed and free together. A fee stands where the agreement was known or used within the period. Amounts are rounded half to even, once per line.`

export interface Line {
  readonly agreement: string
  readonly consumer: string | null
  readonly product: string | null
  readonly plan: string
  readonly planVersion: string
  readonly item: 'fee' | 'usage'
  /** Null in a fee's line. */
  readonly stream: string | null
  readonly delivered: number
  readonly billed: number
  readonly redelivered: number
  readonly free: number
  readonly replay: number
  readonly bytes: number
  readonly deliveredBytes: number
  readonly currency: string | null
  /** Decimal; null where the plan's terms are unknown: no price is invented. */
  readonly amount: string | null
  readonly note: string | null
  /** What people call the consumer, as the configuration says now; null where it says nothing. */
  readonly consumerName: string | null
}

export interface Report {
  readonly period: string
  readonly from: string
  readonly to: string
  /** All that was delivered before stands in it; null where no gateway has told. */
  readonly asOf: string | null
  /** Whether that is all of the period. */
  readonly complete: boolean
  readonly whatIsBilled: string
  readonly lines: readonly Line[]
  readonly totals: readonly { readonly currency: string; readonly amount: string }[]
  /** Lines without an amount. */
  readonly unpriced: number
  /** Messages of gateways that are missing for certain, in any period. */
  readonly alarms: number
}

/** By consumer. */
export type Names = ReadonlyMap<string, string>

/** A month of usage at the pinned prices. */
export async function reportOf(
  ledger: LedgerReading,
  period: Period,
  whose: Whose,
  names: Names = new Map(),
): Promise<Report> {
  const asOf = await ledger.asOf()
  const usage = await ledger.usage(whose, period.fromMs, period.toMs)
  const lines = linesOf(usage, await ledger.pins(whose), period).map((line) => ({
    ...line,
    consumerName: names.get(line.consumer ?? '') ?? null,
  }))
  return {
    period: period.name,
    from: new Date(period.fromMs).toISOString(),
    to: new Date(period.toMs).toISOString(),
    asOf: asOf === null ? null : new Date(asOf).toISOString(),
    complete: asOf !== null && asOf >= period.toMs,
    whatIsBilled: WHAT_IS_BILLED,
    lines,
    totals: totalsOf(lines),
    unpriced: lines.filter((line) => line.amount === null).length,
    alarms: (await ledger.alarms()).length,
  }
}

type Unnamed = Omit<Line, 'consumerName'>
type Version = Pick<Usage, 'agreement' | 'consumer' | 'product' | 'plan' | 'planVersion'>

const idOf = ({ agreement, plan, planVersion }: Version): string => JSON.stringify([agreement, plan, planVersion])

function linesOf(usage: readonly Usage[], pins: readonly Pin[], { fromMs, toMs }: Period): readonly Unnamed[] {
  const terms = new Map(pins.map((pin) => [idOf(pin), pin.terms]))
  const known = pins.filter((pin) => pin.firstAt < toMs && pin.lastAt >= fromMs)
  const versions = new Map<string, Version>([...known, ...usage].map((one) => [idOf(one), one]))
  const ordered = [...versions].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return ordered.flatMap(([id, version]) => {
    const own = usage.filter((one) => idOf(one) === id)
    return versionLines(version, own, terms.get(id) ?? null)
  })
}

function versionLines(version: Version, usage: readonly Usage[], plan: Pin['terms']): readonly Unnamed[] {
  if (plan === null) return usage.map((one) => usageLine(one, 0, null, null, UNKNOWN_TERMS))
  const currency = plan.priceCurrency || null
  const note = plan.onLimit === 'overage' ? OVERAGE_UNPRICED : null
  const priced = price(plan, usage)
  const fee = feeOf(plan)
  const lines = usage.map((one, i) => {
    const { free, amount } = priced[i] as (typeof priced)[number]
    return usageLine(one, free, currency, amount, note)
  })
  return fee.units === 0n ? lines : [feeLine(version, currency, fee), ...lines]
}

const UNKNOWN_TERMS = 'the terms of this version of the plan are unknown, so there is no price'
const OVERAGE_UNPRICED = 'what is beyond the limits is priced like the rest: overage is not told apart yet'

function usageLine(
  usage: Usage,
  free: number,
  currency: string | null,
  amount: Exact | null,
  note: string | null,
): Unnamed {
  const { agreement, consumer, product, plan, planVersion, stream, delivered, billed, replay } = usage
  return {
    ...{ agreement, consumer, product, plan, planVersion, item: 'usage', stream, delivered },
    ...{ billed: billed - free, redelivered: delivered - billed, free, replay, bytes: usage.billedBytes },
    ...{ deliveredBytes: usage.deliveredBytes, currency, amount: amount && formatExact(amount), note },
  }
}

function feeLine(version: Version, currency: string | null, fee: Exact): Unnamed {
  const { agreement, consumer, product, plan, planVersion } = version
  const nothing = { delivered: 0, billed: 0, redelivered: 0, free: 0, replay: 0, bytes: 0, deliveredBytes: 0 }
  const amount = formatExact(fee)
  const whose = { agreement, consumer, product, plan, planVersion }
  return { ...whose, item: 'fee', stream: null, ...nothing, currency, amount, note: null }
}

function totalsOf(lines: readonly Line[]): Report['totals'] {
  const sums = new Map<string, Exact>()
  for (const { currency, amount } of lines) {
    if (currency === null || amount === null) continue
    const digits = digitsOf(currency)
    const units = BigInt(amount.replace('.', ''))
    sums.set(currency, plus(sums.get(currency) ?? ZERO, { units, digits }))
  }
  return [...sums]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, sum]) => ({ currency, amount: formatExact(sum) }))
}

const COLUMNS = [
  ...(['agreement', 'consumer', 'product', 'plan', 'planVersion', 'item', 'stream'] as const),
  ...(['delivered', 'billed', 'redelivered', 'free', 'replay', 'bytes', 'deliveredBytes'] as const),
  ...(['currency', 'amount', 'note', 'consumerName'] as const),
] satisfies readonly (keyof Line)[]

/** RFC 4180, with a header line and one line of the report a line; the period comes first. */
export function csvOf({ period, lines }: Report): string {
  const rows = lines.map((line) => [period, ...COLUMNS.map((column) => line[column] ?? '')])
  return [['period', ...COLUMNS], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
