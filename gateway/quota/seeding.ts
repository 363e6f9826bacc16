import { type Amount, type Ask, type Counted, NOTHING, type Tagged, type Unit, type Unknown } from './leases.ts'

/**
 * What is used of the windows that a store knows nothing of: what the ledger knew to be delivered at one moment, and what the asker held
 * then and has not given back since. `then`: its ask at that moment, of which nothing was booked; `now`: the same with what it books since;
 * `held`: where the windows of what it holds began.
 */
export function seedsOf(
  { windows, starts }: Unknown,
  delivered: readonly (Amount | null)[],
  [then, now]: readonly [Ask, Ask],
  held: readonly number[] | null,
): readonly (Counted | null)[] {
  const owed = now.owed.slice(then.owed.length)
  const returned = now.returned.slice(then.returned.length)
  return starts.map((start, i) => {
    if (!windows.includes(i)) return null
    const out = (unit: Unit): number =>
      (held?.[i] === start ? then.held[unit] : 0) + sum(owed, i, start, unit) - sum(returned, i, start, unit)
    const { messages, bytes } = delivered[i] ?? NOTHING
    return { start, messages: messages + out('messages'), bytes: bytes + out('bytes') }
  })
}

function sum(list: readonly Tagged[], i: number, start: number, unit: Unit): number {
  return list.reduce((total, one) => (one.starts[i] === start ? total + one[unit] : total), 0)
}
