import type { PricePlan } from '../catalog/plan.ts'
import { digitsOf, parseExact, perThousand, plus, roundHalfEven, ZERO, type Exact } from './money.ts'

/** What an agreement's streams were billed in a period, in the order in which they climb the tiers. */
export interface Units {
  readonly billed: number
  /** Of them, those older than the plan's replay age. */
  readonly replay: number
}

export interface Priced {
  /** Of the billed, those that the fee includes. */
  readonly free: number
  /** Rounded once, to the digits of the plan's currency. */
  readonly amount: Exact
}

/** The fee of one period. */
export function feeOf(plan: PricePlan): Exact {
  return roundHalfEven(parseExact(plan.price), digitsOf(plan.priceCurrency))
}

/**
 * Prices the lines of one agreement and one version of its plan. The messages of the period are counted through all lines, live ones
 * first line to last, and then replays where they have a price of their own; the first `includedMessages` are free. Tiers are
 * counted over live messages, the free ones among them: `upTo` is a message's number in the period.
 */
export function price(plan: PricePlan, lines: readonly Units[]): readonly Priced[] {
  const live = lines.map(({ billed, replay }) => (plan.replay === null ? billed : billed - replay))
  let number = 0
  const priced = live.map((count) => {
    const free = Math.min(count, Math.max(0, plan.includedMessages - number))
    const cost = tiered(plan, number + free, number + count)
    number += count
    return { free, cost }
  })
  let included = Math.max(0, plan.includedMessages - number)
  return lines.map(({ billed }, i) => {
    const { free, cost } = priced[i] as (typeof priced)[number]
    const replays = billed - (live[i] as number)
    const freeReplays = Math.min(replays, included)
    included -= freeReplays
    const replayCost = perThousand(parseExact(plan.replay?.per1000 ?? '0'), replays - freeReplays)
    return { free: free + freeReplays, amount: roundHalfEven(plus(cost, replayCost), digitsOf(plan.priceCurrency)) }
  })
}

/** Messages number `from` (exclusive) to `to` of the period. */
function tiered({ tiers }: PricePlan, from: number, to: number): Exact {
  let cost = ZERO
  let below = 0
  for (const { upTo, per1000 } of tiers) {
    const end = upTo ?? Number.MAX_SAFE_INTEGER
    const count = Math.max(0, Math.min(to, end) - Math.max(from, below))
    cost = plus(cost, perThousand(parseExact(per1000), count))
    below = end
  }
  return cost
}
