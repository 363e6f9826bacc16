import { isoDuration } from '../../clock.ts'
import type { JsonObject } from '../json.ts'
import type { PricePlan, Window } from '../plan.ts'

/** A plan for machines, in the words of the document: what it costs and allows, and nothing of how that is held. */
export function offerOf(plan: PricePlan): JsonObject {
  const { name, price, priceCurrency, billingDuration, includedMessages, tiers, replay, overage } = plan
  const { windows, rate, connections, subscriptions, replayHorizonMs, onLimit } = plan
  return {
    name,
    price,
    priceCurrency,
    billingDuration,
    includedMessages,
    ...(tiers.length > 0 && {
      tiers: tiers.map(({ upTo, per1000 }) => ({ ...(upTo !== null && { upTo }), per1000 })),
    }),
    ...(replay && { replay: { per1000: replay.per1000, olderThan: isoDuration(replay.olderThanMs) } }),
    ...(overage && { overage: { per1000: overage.per1000 } }),
    windows: windows.map(({ perMs, messages, bytes }) => ({
      per: perOf(perMs),
      ...(messages !== null && { messages }),
      ...(bytes !== null && { bytes }),
    })),
    ...(rate && { rate: { messages: rate.messages, burst: rate.burst } }),
    ...(connections !== null && { connections }),
    ...(subscriptions !== null && { subscriptions }),
    ...(replayHorizonMs !== null && { replayHorizon: isoDuration(replayHorizonMs) }),
    onLimit,
  }
}

/** The same in a line of Markdown. */
export function offerInWords(plan: PricePlan): string {
  const { connections, subscriptions, replayHorizonMs } = plan
  const parts = [
    costOf(plan),
    allowanceOf(plan),
    plan.rate && `${records(plan.rate.messages)} a second, ${amount(plan.rate.burst)} at once`,
    connections !== null && counted(connections, 'connection'),
    subscriptions !== null && counted(subscriptions, 'subscription'),
    replayHorizonMs !== null && `reads back ${spanOf(replayHorizonMs)}`,
  ]
  return `\`${plan.name}\`: ${parts.filter((part) => typeof part === 'string').join('; ')}.`
}

function costOf({ price, priceCurrency, billingDuration, includedMessages, tiers, replay }: PricePlan): string {
  const per1000 = (cost: string): string => `${cost} ${priceCurrency} per 1,000`
  const priced = tiers.some((tier) => !isNothing(tier.per1000)) || (replay !== null && !isNothing(replay.per1000))
  const fee = isNothing(price) ? 'no fee' : `${price} ${priceCurrency} a ${billingDuration}`
  if (!priced) return isNothing(price) ? 'free of charge' : fee
  const steps = tiers.map((tier) => {
    const end = tier.upTo === null ? '' : ` up to number ${amount(tier.upTo)}`
    return `${per1000(tier.per1000)}${end}`
  })
  const included = includedMessages > 0 ? [`the first ${records(includedMessages)} included`] : []
  const older = replay ? [`${per1000(replay.per1000)} first read when older than ${spanOf(replay.olderThanMs)}`] : []
  return [fee, ...included, ...(steps.length > 0 ? [`records at ${steps.join(', then ')}`] : []), ...older].join(', ')
}

const ON_LIMIT: { readonly [onLimit in PricePlan['onLimit']]: string } = {
  pause: 'when that is spent, streams wait for the next window',
  close: 'when that is spent, streams are closed',
  overage: 'what is beyond is delivered too',
}

function allowanceOf({ windows, onLimit, overage, priceCurrency }: PricePlan): string | null {
  const limits = windows.flatMap(({ perMs, messages, bytes }) => {
    const units = [messages !== null && records(messages), bytes !== null && `${amount(bytes)} bytes`]
    return units.filter((unit) => unit !== false).map((unit) => `${unit} ${everyOf(perMs)}`)
  })
  if (limits.length === 0) return null
  const beyond = onLimit === 'overage' && overage ? `, at ${overage.per1000} ${priceCurrency} per 1,000` : ''
  return `at most ${limits.join(' and ')}; ${ON_LIMIT[onLimit]}${beyond}`
}

function perOf(perMs: Window['perMs']): string {
  return perMs === 'month' ? 'P1M' : isoDuration(perMs)
}

const EVERY: readonly (readonly [ms: number, words: string])[] = [
  [86_400_000, 'a day'],
  [3_600_000, 'an hour'],
  [60_000, 'a minute'],
  [1_000, 'a second'],
]

function everyOf(perMs: Window['perMs']): string {
  if (perMs === 'month') return 'a month'
  return EVERY.find(([ms]) => ms === perMs)?.[1] ?? `in ${spanOf(perMs)}`
}

const SPANS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
]

function spanOf(ms: number): string {
  const [unitMs, unit] = SPANS.find(([one]) => ms % one === 0) ?? [1_000, 'second']
  return counted(ms / unitMs, unit)
}

function records(count: number): string {
  return counted(count, 'record')
}

function counted(count: number, what: string): string {
  return `${amount(count)} ${what}${count === 1 ? '' : 's'}`
}

function amount(count: number): string {
  return count.toLocaleString('en-US')
}

/** Of a decimal string. */
function isNothing(price: string): boolean {
  return !/[1-9]/.test(price)
}
