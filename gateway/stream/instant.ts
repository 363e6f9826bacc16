/**
 * An instant as text that sorts as time does: `2026-11-22T15:00:00.1234`, in UTC, with as many digits of the second as were
 * given, but for zeros at the end. Milliseconds would make instants equal that are not: producers write micro- and nanoseconds.
 */
export type Instant = string

const DATE_TIME = /^(\d{4}-\d\d-\d\d)[Tt\s](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/

/**
 * Reads a date-time with its zone (RFC 3339 §5.6), seconds and the zone's minutes optional as in ISO 8601. A leap second is the first one of the
 * next minute, as in POSIX. `null` for what is none, or lies outside the years 0 to 9999 in UTC.
 */
export function instantOf(text: string): Instant | null {
  const parts = DATE_TIME.exec(text)
  if (parts === null) return null
  const [, day, minute, second = '00', fraction = '', sign, hours = '00', minutes = '00'] = parts
  const local = Date.parse(`${day}T${minute}:00Z`)
  // `Date` takes 30 February for 2 March, and 24:00 for the next day.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${day}T`)) return null
  if (Number(second) > 60 || Number(hours) > 23 || Number(minutes) > 59) return null
  const eastMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  const utc = new Date(local + Number(second) * 1000 - eastMinutes * 60_000).toISOString()
  // Years of more than four digits begin with a sign.
  return /^\d/.test(utc) ? utc.slice(0, 19) + fractionOf(fraction) : null
}

function fractionOf(digits: string): string {
  let end = digits.length
  while (end > 0 && digits[end - 1] === '0') end--
  return end === 0 ? '' : `.${digits.slice(0, end)}`
}
