/** A billing period: a calendar month in UTC, [fromMs, toMs). What was delivered within it belongs to it, whenever the records are from. */
export interface Period {
  /** `2026-11`. */
  readonly name: string
  /** Months since the year 0: how the ledger's rows name it. */
  readonly month: number
  readonly fromMs: number
  readonly toMs: number
}

export const HOUR_MS = 3_600_000

const NAME = /^(2\d{3})-(0[1-9]|1[0-2])$/

/** Null where the text is no month (`2026-11`). */
export function parsePeriod(name: string): Period | null {
  const [, year, month] = NAME.exec(name) ?? []
  return year === undefined ? null : periodOf(Number(year) * 12 + Number(month) - 1)
}

export function monthOf(ms: number): number {
  const date = new Date(ms)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

export function periodOf(month: number): Period {
  const year = Math.floor(month / 12)
  const name = `${year}-${String((month % 12) + 1).padStart(2, '0')}`
  return { name, month, fromMs: Date.UTC(year, month % 12), toMs: Date.UTC(year, (month % 12) + 1) }
}

/** The whole UTC hour that a time lies in. */
export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS
}
