import type { PricePlan, Window } from '../catalog/plan.ts'

/** A plan as a reader would tell it: what it costs, and what one gets, a sentence each. */
export interface PlanWords {
  readonly price: string
  readonly terms: readonly (readonly [what: string, terms: readonly string[]])[]
}

export function planWords(plan: PricePlan): PlanWords {
  const all: readonly (readonly [string, readonly (string | null)[]])[] = [
    ['Price', pricesOf(plan)],
    ['Allowance', plan.windows.map(allowance)],
    ['At the limit', plan.windows.length === 0 ? [] : [limitOf(plan)]],
    ['Pace', [plan.rate && `${count(plan.rate.messages)} records a second, ${count(plan.rate.burst)} at once`]],
    ['At a time', [howMany(plan.connections, 'connection'), howMany(plan.subscriptions, 'subscription')]],
    ['History', [plan.replayHorizonMs === null ? 'as far as the topic keeps' : `${span(plan.replayHorizonMs)} back`]],
  ]
  const terms = all.map(([what, said]) => [what, said.filter((one) => one !== null)] as const)
  return { price: priceOf(plan), terms: terms.filter(([, said]) => said.length > 0) }
}

/** The fee of a period. */
export function priceOf({ price, priceCurrency, billingDuration }: PricePlan): string {
  return isNothing(price) ? 'Free' : `${priceCurrency} ${price} a ${billingDuration}`
}

function pricesOf({ includedMessages, tiers, replay, priceCurrency, billingDuration }: PricePlan): (string | null)[] {
  const each = (per1000: string): string => `${priceCurrency} ${per1000} per 1,000`
  return [
    includedMessages > 0 ? `${count(includedMessages)} records a ${billingDuration} are included` : null,
    ...tiers.map(({ upTo, per1000 }, i) => {
      const from = Math.max(includedMessages, tiers[i - 1]?.upTo ?? 0)
      if (upTo !== null && upTo <= from) return null
      const which = upTo === null ? (from === 0 ? 'each record' : 'beyond') : `up to record ${count(upTo)}`
      return `${which}: ${each(per1000)}`
    }),
    replay && `older than ${span(replay.olderThanMs)} when first delivered: ${each(replay.per1000)}`,
  ]
}

function allowance({ perMs, messages, bytes }: Window): string {
  const amounts = [messages === null ? null : `${count(messages)} records`, bytes === null ? null : size(bytes)]
  const per = perMs === 'month' ? 'a calendar month' : `every ${span(perMs).replace(/^1 /, '')}`
  return `${amounts.filter((one) => one !== null).join(' and ')} ${per}`
}

function limitOf({ onLimit, overage, priceCurrency }: PricePlan): string {
  if (onLimit === 'pause') return 'the stream waits for the next window, and loses nothing that the topic keeps'
  if (onLimit === 'close') return 'the stream is closed until the next window'
  return `the stream goes on${overage ? `, at ${priceCurrency} ${overage.per1000} per 1,000` : ''}`
}

function howMany(limit: number | null, what: string): string | null {
  return limit === null ? null : `${count(limit)} ${what}${limit === 1 ? '' : 's'}`
}

/** Decimal text: nothing but zeros costs nothing. */
function isNothing(price: string): boolean {
  return /^0*(\.0*)?$/.test(price)
}

export function count(number: number): string {
  return number.toLocaleString('en')
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1_000, 'second'],
]

/** In its largest whole unit: `30 days`, `90 minutes`. */
export function span(ms: number): string {
  const [unit, name] = UNITS.find(([unit]) => ms % unit === 0) ?? [1, 'millisecond']
  return `${count(ms / unit)} ${name}${ms === unit ? '' : 's'}`
}

const SIZES: readonly (readonly [bytes: number, name: string])[] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
]

function size(bytes: number): string {
  const [unit, name] = SIZES.find(([unit]) => bytes >= unit) ?? [1, 'bytes']
  return `${(bytes / unit).toLocaleString('en', { maximumFractionDigits: 3 })} ${name}`
}
