import { durationMs } from '../clock.ts'
import type { Findings } from './findings.ts'
import { isObject, listAt, memberOf, numberAt, textAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import type { PricePlan, Window } from './plan.ts'

const DAY_MS = 86_400_000
const REPLAY_OLDER_THAN = 'PT1H'

/** The plans of a product whose `x-data-product` keeps its schema: here are the rules that a schema cannot say. */
export function pricePlansOf(extension: JsonObject, path: Path, findings: Findings): readonly PricePlan[] {
  const names = new Set<string>()
  return listAt(extension, 'plans').map((raw, i) => {
    const plan: JsonObject = isObject(raw) ? raw : {}
    const at = [...path, 'plans', i]
    const name = textAt(plan, 'name') ?? ''
    if (names.has(name))
      findings.error('plan-twice', [...at, 'name'], `two plans are named \`${name}\``, 'Give each plan its own name.')
    names.add(name)
    return pricePlanOf(plan, name, at, findings)
  })
}

function pricePlanOf(plan: JsonObject, name: string, path: Path, findings: Findings): PricePlan {
  checkTiers(plan, path, findings)
  checkOverage(plan, path, findings)
  return {
    name,
    price: textAt(plan, 'price') ?? '0',
    priceCurrency: textAt(plan, 'priceCurrency') ?? '',
    billingDuration: textAt(plan, 'billingDuration') ?? 'month',
    includedMessages: numberAt(plan, 'includedMessages') ?? 0,
    tiers: listAt(plan, 'tiers').map((tier) => ({
      upTo: numberAt(tier, 'upTo'),
      per1000: textAt(tier, 'per1000') ?? '0',
    })),
    replay: replayOf(plan, path, findings),
    overage: isObject(plan['overage']) ? { per1000: textAt(plan['overage'], 'per1000') ?? '0' } : null,
    windows: windowsOf(plan, path, findings),
    rate: rateOf(plan, path, findings),
    connections: numberAt(plan, 'connections'),
    subscriptions: numberAt(plan, 'subscriptions'),
    replayHorizonMs: durationAt(plan, 'replayHorizon', path, findings),
    onLimit: (textAt(plan, 'onLimit') ?? 'pause') as PricePlan['onLimit'],
    onRedisLoss: (textAt(plan, 'onRedisLoss') ?? 'local') as PricePlan['onRedisLoss'],
  }
}

function checkTiers(plan: JsonObject, path: Path, findings: Findings): void {
  const tiers = listAt(plan, 'tiers')
  let below = 0
  for (const [i, tier] of tiers.entries()) {
    const upTo = numberAt(tier, 'upTo')
    const at = [...path, 'tiers', i]
    const isLast = i === tiers.length - 1
    if (isLast && upTo !== null)
      findings.error('tiers-closed', at, `messages beyond ${upTo} have no price`, 'Leave `upTo` out of the last tier.')
    if (!isLast && upTo === null)
      findings.error('tiers-open', at, 'only the last tier may lack `upTo`', 'Say where this tier ends.')
    if (upTo !== null && upTo <= below)
      findings.error(
        'tiers-order',
        [...at, 'upTo'],
        `the tier ends at ${upTo}, not above ${below}`,
        'Order the tiers by ascending `upTo`.',
      )
    below = upTo ?? below
  }
}

function checkOverage(plan: JsonObject, path: Path, findings: Findings): void {
  const priced = isObject(plan['overage'])
  const asked = textAt(plan, 'onLimit') === 'overage'
  if (asked && !priced)
    findings.error(
      'overage-unpriced',
      [...path, 'onLimit'],
      '`onLimit: overage` needs a price',
      'Add `overage: { per1000: "…" }`.',
    )
  if (priced && !asked)
    findings.add(
      'warning',
      'overage-unused',
      [...path, 'overage'],
      'the overage price is never used',
      'Say `onLimit: overage`, or take the price out.',
    )
}

function replayOf(plan: JsonObject, path: Path, findings: Findings): PricePlan['replay'] {
  if (!isObject(plan['replay'])) return null
  const replay = { olderThan: REPLAY_OLDER_THAN, ...plan['replay'] }
  const olderThanMs = durationAt(replay, 'olderThan', [...path, 'replay'], findings) ?? 0
  return { per1000: textAt(replay, 'per1000') ?? '0', olderThanMs }
}

function rateOf(plan: JsonObject, path: Path, findings: Findings): PricePlan['rate'] {
  const rate = plan['rate']
  const messages = numberAt(rate, 'messages')
  if (messages === null) return null
  const burst = numberAt(rate, 'burst') ?? messages
  if (burst < messages)
    findings.error(
      'burst-too-small',
      [...path, 'rate', 'burst'],
      `a burst of ${burst} is less than one second's ${messages} messages`,
      'Raise `burst`, or leave it out.',
    )
  return { messages, burst }
}

function windowsOf(plan: JsonObject, path: Path, findings: Findings): readonly Window[] {
  const seen = new Set<Window['perMs']>()
  return listAt(plan, 'windows').map((window, i) => {
    const at = [...path, 'windows', i, 'per']
    const perMs = perOf(textAt(window, 'per') ?? '', at, findings)
    if (seen.has(perMs))
      findings.error('window-twice', at, 'two windows have the same length', 'Put both limits into one window.')
    seen.add(perMs)
    return { perMs, messages: numberAt(window, 'messages'), bytes: numberAt(window, 'bytes') }
  })
}

function perOf(per: string, at: Path, findings: Findings): Window['perMs'] {
  if (per === 'P1M') return 'month'
  const ms = durationMs(per)
  if (ms !== null && ms >= 1000 && DAY_MS % ms === 0) return ms
  const fix = 'Use `P1M`, or at least `PT1S` that divides a day: `PT1S`, `PT1M`, `PT15M`, `PT1H`, `P1D` …'
  findings.error('window-length', at, `a window cannot be ${JSON.stringify(per.slice(0, 40))} long`, fix)
  return DAY_MS
}

function durationAt(owner: JsonObject, key: string, path: Path, findings: Findings): number | null {
  const text = textAt(owner, key)
  if (text === null) return null
  const ms = durationMs(text)
  if (ms !== null && ms > 0) return ms
  const fix = 'Use an ISO 8601 duration of weeks, days, hours, minutes and seconds: `P30D`, `PT1H`.'
  findings.error('duration-invalid', [...path, key], `${JSON.stringify(text.slice(0, 40))} is no duration`, fix)
  return null
}

/** Rules about how the plans stand to the product. */
export function checkDefaultPlan(
  extension: JsonObject,
  plans: readonly PricePlan[],
  path: Path,
  findings: Findings,
): void {
  const name = textAt(extension, 'defaultPlan')
  const names = plans.map((plan) => `\`${plan.name}\``).join(', ')
  if (name !== null && !plans.some((plan) => plan.name === name))
    findings.error(
      'default-plan-unknown',
      [...path, 'defaultPlan'],
      `there is no plan \`${name.slice(0, 64)}\``,
      `Name one of ${names}.`,
    )
  if (name === null && memberOf(extension, 'access') === 'open')
    findings.error(
      'default-plan-missing',
      path,
      '`access: open` needs `defaultPlan`',
      `Say which of ${names} whoever has a token gets.`,
    )
}
