import type { Identity } from '../access/grant.ts'
import type { LedgerReading } from '../billing/ledger.ts'
import { periodOf } from '../billing/period.ts'
import type { AgreementUsage, Gate, UsageAnswer } from '../transport/gate.ts'

type WindowsOf = Gate['windows']

/** What the ledger knows of a consumer, as its partner is told. */
export function createUsageBook(ledger: LedgerReading, windowsOf: WindowsOf): Pick<Gate, 'usage' | 'usageLines'> {
  return {
    usage: ({ consumer }, from, to) => usageOf(ledger, windowsOf, consumer, from, to),
    usageLines: (identity, { year, month }) => linesOf(ledger, identity, year * 12 + month - 1),
  }
}

async function usageOf(
  ledger: LedgerReading,
  windowsOf: WindowsOf,
  consumer: string,
  from: number,
  to: number,
): Promise<UsageAnswer> {
  const [asOf, pins, hours] = await Promise.all([
    ledger.asOf(),
    ledger.pins({ consumer }),
    ledger.hours({ consumer }, from, to),
  ])
  const agreements = new Map<string, AgreementUsage>()
  for (const { agreement: id, product, plan, terms } of pins) {
    const windows = terms === null ? [] : windowsOf({ id, consumer, product: product ?? '', plan: terms })
    const of = hours.filter(({ agreement }) => agreement === id)
    agreements.set(id, {
      id,
      product: product ?? '',
      plan,
      windows,
      hours: of.map(({ hour, stream, delivered, billed, billedBytes }) => {
        return { hour, stream, delivered, billed, redelivered: delivered - billed, bytes: billedBytes }
      }),
    })
  }
  return { asOf, agreements: [...agreements.values()] }
}

async function* linesOf(ledger: LedgerReading, { consumer }: Identity, month: number): AsyncGenerator<object> {
  const period = periodOf(month)
  const pins = await ledger.pins({ consumer })
  for (const agreement of new Set(pins.map((pin) => pin.agreement)))
    for await (const range of ledger.lines(agreement, period)) yield { agreement, ...range }
}
