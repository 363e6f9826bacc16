import { durationMs } from '../clock.ts'

const FACTORS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
])

const SIZE = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/

/** Bytes of `512MiB`, `1.5 GB` or `65536`; null where it is no size. `K`, `M` and `G` alone would be a guess between 1000 and 1024. */
export function parseBytes(text: string): number | null {
  const [, amount, unit] = SIZE.exec(text.trim()) ?? []
  const factor = FACTORS.get(unit || 'B')
  if (amount === undefined || factor === undefined) return null
  const bytes = Number(amount) * factor
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** The shortest exact form: `512MiB`, `64KiB`, `1000`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = FACTORS.get(unit) ?? 1
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return String(bytes)
}

const WHOLE = /^\d+$/

/** Milliseconds of `1500` or of an ISO 8601 duration (`PT1.5S`); null where it is neither. */
export function parseMs(text: string): number | null {
  return WHOLE.test(text.trim()) ? Number(text) : durationMs(text.trim())
}

const SHORT = /^(\d+)(ms|s|m|h|d|w)$/
const SHORT_MS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Milliseconds as people type them at a prompt: `90s`, `1h`, `7d`, or ISO 8601 (`PT1H`); null where it is neither. */
export function parseSpan(text: string): number | null {
  const [, amount, unit] = SHORT.exec(text.trim()) ?? []
  if (amount === undefined || unit === undefined) return durationMs(text.trim())
  const ms = Number(amount) * (SHORT_MS[unit] ?? Number.NaN)
  return Number.isSafeInteger(ms) ? ms : null
}
