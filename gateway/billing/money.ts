/** An exact amount: `units` of 10^-`digits` of a currency. Never a float: 0.1 has none that is exact. */
export interface Exact {
  readonly units: bigint
  readonly digits: number
}

export const ZERO: Exact = { units: 0n, digits: 0 }

const DECIMAL = /^(\d{1,18})(?:\.(\d{1,18}))?$/

/** A price as documents write it: `"49.00"`, `"0.020"`. Throws for anything else: a plan was checked when it was compiled. */
export function parseExact(text: string): Exact {
  const [, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) throw new Error(`${JSON.stringify(text)} is no price`)
  return { units: BigInt(whole + fraction), digits: fraction.length }
}

export function plus(a: Exact, b: Exact): Exact {
  const digits = Math.max(a.digits, b.digits)
  return { units: scaled(a, digits) + scaled(b, digits), digits }
}

/** What `count` messages cost at a price for a thousand. */
export function perThousand(price: Exact, count: number): Exact {
  return { units: price.units * BigInt(count), digits: price.digits + 3 }
}

/** To so many digits, half to the even neighbour (IEEE 754 roundTiesToEven), so that many roundings lean nowhere. */
export function roundHalfEven(amount: Exact, digits: number): Exact {
  if (amount.digits <= digits) return { units: scaled(amount, digits), digits }
  const step = 10n ** BigInt(amount.digits - digits)
  const whole = amount.units / step
  const twice = (amount.units % step) * 2n
  const up = twice > step || (twice === step && whole % 2n === 1n)
  return { units: up ? whole + 1n : whole, digits }
}

export function formatExact({ units, digits }: Exact): string {
  if (digits === 0) return String(units)
  const text = String(units).padStart(digits + 1, '0')
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

function scaled({ units, digits }: Exact, to: number): bigint {
  return units * 10n ** BigInt(to - digits)
}

/** ISO 4217: how many digits a currency has where it is not two. */
const DIGITS: { readonly [currency: string]: number } = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((c) => [c, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((c) => [c, 3])),
}

export function digitsOf(currency: string): number {
  return DIGITS[currency] ?? 2
}
