import type { Window } from '../catalog/plan.ts'
import { endOf, startOf } from './calendar.ts'
import * as port from './leases.ts'
import type { Amount, Answer, Ask, Counted, Granted, Notice, Tagged, Unit, WindowCount } from './leases.ts'

/** What is known of one agreement. The script of `script.ts` keeps the same in a hash, by the same rules in the same order. */
export interface Book {
  /** By the window's length. */
  readonly windows: Map<Window['perMs'], Counted>
  readonly holders: Map<string, Holder>
}

export interface Holder {
  readonly id: number
  readonly seen: number
  readonly held: Amount
  readonly waiting: boolean
  /** Of the windows that the newest tokens were taken from. */
  readonly starts: readonly number[]
  readonly answer: Pick<Granted, 'kind' | 'granted' | 'starts' | 'endsAt' | 'resumesAt'>
}

export interface Settled {
  readonly answer: Answer
  readonly notices: readonly Notice['kind'][]
}

export function emptyBook(): Book {
  return { windows: new Map(), holders: new Map() }
}

/** Settles one ask at one time: the whole rule of quotas. Changes the book, unless something is unknown. */
export function settle(book: Book, ask: Ask, now: number): Settled {
  const before = book.holders.get(ask.holder)
  if (before && ask.id <= before.id) return { answer: answerOf(book, ask, before, now), notices: [] }
  const counts = ask.windows.map((window, i) => countOf(book, ask, window, i, now))
  const unknown = [...counts.keys()].filter((i) => counts[i] === null)
  if (unknown.length > 0) {
    const starts = ask.windows.map(({ perMs }) => startOf(perMs, now))
    return { answer: { kind: 'unknown', now, windows: unknown, starts }, notices: [] }
  }
  const used = bookReturns(ask, counts as Counted[], before?.held ?? port.NOTHING)
  forget(book, now)
  const others = [...book.holders]
    .filter(([name, one]) => name !== ask.holder && isLive(one, now))
    .map(([, one]) => one)
  const outcome = grant(ask, used, others)
  for (const [i, { perMs }] of ask.windows.entries()) book.windows.set(perMs, plus(used[i] as Counted, outcome.granted))
  const starts = used.map(({ start }) => start)
  const held = { messages: ask.held.messages + outcome.granted.messages, bytes: ask.held.bytes + outcome.granted.bytes }
  const ends = ask.windows.map(({ perMs }, i) => endOf(perMs, starts[i] as number))
  const answer = { ...outcome, starts, endsAt: ends.length > 0 ? Math.min(...ends) : null }
  const waiting = outcome.kind === 'wait'
  const holder = { id: ask.id, seen: now, held, waiting, starts, answer }
  book.holders.set(ask.holder, holder)
  return { answer: answerOf(book, ask, holder, now), notices: noticesOf(ask, waiting, held, others) }
}

function plus(count: Counted, more: Amount): Counted {
  return { start: count.start, messages: count.messages + more.messages, bytes: count.bytes + more.bytes }
}

/** What is used of a window now; `null` where nobody can tell. Time never runs back into a window that is over. */
function countOf(book: Book, ask: Ask, { perMs }: Window, i: number, now: number): Counted | null {
  const known = book.windows.get(perMs)
  const start = Math.max(startOf(perMs, now), known?.start ?? 0)
  const seeded = sameStart(ask.seeds[i], start) !== null
  if (!known && !seeded && (perMs === 'month' || perMs >= port.LONG_MS)) return null
  const floor = sameStart(ask.floors[i], start)
  return raised(raised({ start, ...port.NOTHING }, sameStart(known, start)), floor)
}

function raised(count: Counted, least: Counted | null): Counted {
  if (least === null) return count
  const { start, messages, bytes } = count
  return { start, messages: Math.max(messages, least.messages), bytes: Math.max(bytes, least.bytes) }
}

function sameStart(count: Counted | null | undefined, start: number): Counted | null {
  return count?.start === start ? count : null
}

/**
 * Nobody returns more than the book knows it to hold: else a store that was emptied would grant what was handed out before. The
 * ledger knows what was delivered while the store was away: its sum is no less than all of it, and nothing is added to that.
 */
function bookReturns(ask: Ask, counts: readonly Counted[], held: Amount): Counted[] {
  const known = { messages: held.messages, bytes: held.bytes }
  let used = [...counts]
  for (const owed of ask.owed) {
    for (const unit of port.UNITS) known[unit] += owed[unit]
    used = used.map((count, i) => (owed.starts[i] === count.start ? plus(count, owed) : count))
  }
  for (const back of ask.returned) {
    const clipped = clip(back, known)
    for (const unit of port.UNITS) known[unit] -= clipped[unit]
    used = used.map((count, i) => (back.starts[i] === count.start ? minus(count, clipped) : count))
  }
  return used.map((count, i) => raised(count, sameStart(ask.seeds[i], count.start)))
}

function clip(back: Tagged, known: Amount): Amount {
  return { messages: Math.min(back.messages, known.messages), bytes: Math.min(back.bytes, known.bytes) }
}

function minus(count: Counted, less: Amount): Counted {
  const messages = Math.max(0, count.messages - less.messages)
  return { start: count.start, messages, bytes: Math.max(0, count.bytes - less.bytes) }
}

function forget(book: Book, now: number): void {
  for (const [name, { seen, held }] of book.holders) {
    const keepMs = held.messages > 0 || held.bytes > 0 ? port.FORGET_HELD_MS : port.FORGET_MS
    if (seen < now - keepMs) book.holders.delete(name)
  }
}

/** Heard of lately, and holding or waiting. */
function isLive(holder: Holder, now: number): boolean {
  if (holder.seen < now - port.HOLDER_MS) return false
  return holder.waiting || holder.held.messages > 0 || holder.held.bytes > 0
}

interface Outcome {
  readonly kind: Granted['kind']
  readonly granted: Amount
  readonly resumesAt: number | null
}

function grant(ask: Ask, used: readonly Counted[], others: readonly Holder[]): Outcome {
  const { need } = ask
  const none = { granted: port.NOTHING, resumesAt: null }
  if (!need) return { kind: 'granted', ...none }
  const short = shortWindows(ask, need, used)
  if (short.length === 0) return { kind: 'granted', granted: chunkOf(ask, need, used, others), resumesAt: null }
  const helps = ({ held, starts }: Holder): boolean =>
    short.every(({ i, unit }) => held[unit] > 0 && starts[i] === used[i]?.start)
  if (others.some(helps)) return { kind: 'wait', ...none }
  const ends = short.map(({ i }) => endOf((ask.windows[i] as Window).perMs, (used[i] as Counted).start))
  return { kind: 'exhausted', granted: port.NOTHING, resumesAt: Math.max(...ends) }
}

/** Windows that have less than what is needed. */
function shortWindows(ask: Ask, need: Amount, used: readonly Counted[]): { i: number; unit: Unit }[] {
  if (ask.overage) return []
  return ask.windows.flatMap((window, i) =>
    port.UNITS.flatMap((unit) => {
      const limit = window[unit]
      return limit !== null && limit - (used[i] as Counted)[unit] < need[unit] ? [{ i, unit }] : []
    }),
  )
}

/** Nothing of one unit is nothing of both. */
function chunkOf(ask: Ask, need: Amount, used: readonly Counted[], others: readonly Holder[]): Amount {
  const holders = others.length + 1
  const units = port.UNITS.filter((unit) => ask.windows.some((window) => window[unit] !== null))
  const granted = { messages: 0, bytes: 0 }
  for (const unit of units) granted[unit] = chunkOfUnit(ask, need[unit], unit, used, holders)
  return units.some((unit) => granted[unit] === 0 && need[unit] === 0) && isNothing(need) ? port.NOTHING : granted
}

function isNothing({ messages, bytes }: Amount): boolean {
  return messages === 0 && bytes === 0
}

function chunkOfUnit(ask: Ask, need: number, unit: Unit, used: readonly Counted[], holders: number): number {
  let left = Infinity
  const pace = ask.pace?.[unit] ?? null
  let most = ask.overage ? Infinity : (pace ?? Infinity)
  const lone = holders === 1 ? Math.ceil((pace ?? 0) * port.LONE_LEASE_MINUTES) : 0
  for (const [i, window] of ask.windows.entries()) {
    const limit = window[unit]
    if (limit === null) continue
    const part = Math.max(Math.ceil(limit / port.CHUNKS), Math.min(Math.ceil(limit / port.LONE_CHUNKS), lone))
    most = Math.min(most, part)
    if (!ask.overage) left = Math.max(0, Math.min(left, limit - (used[i] as Counted)[unit]))
  }
  if (ask.overage) most = Math.max(most, Math.ceil((pace ?? 0) / port.OVERAGE_PACE_PARTS))
  // All that a holder has is one chunk.
  most = Math.max(0, most - ask.held[unit])
  return Math.min(left, Math.max(1, need, Math.min(most, Math.floor(left / (2 * holders)))))
}

function noticesOf(ask: Ask, waiting: boolean, held: Amount, others: readonly Holder[]): Notice['kind'][] {
  const notices: Notice['kind'][] = waiting ? ['wanted'] : []
  const gave = ask.returned.some((back) => !isNothing(back)) || isNothing(held)
  if (gave && others.some((other) => other.waiting)) notices.push('returned')
  return notices
}

function answerOf(book: Book, ask: Ask, holder: Holder, now: number): Granted {
  const live = [...book.holders].filter(([name, one]) => name !== ask.holder && isLive(one, now)).map(([, one]) => one)
  const windows = ask.windows.map(({ perMs }, i) => windowOf(book, perMs, i))
  return { ...holder.answer, now, holders: live.length + 1, wanted: live.some((one) => one.waiting), windows }
}

/** What a silent holder has may not be spent: it may only have been slow, and give it back yet. */
function windowOf(book: Book, perMs: Window['perMs'], i: number): WindowCount {
  const used = book.windows.get(perMs) as Counted
  const out = { messages: 0, bytes: 0 }
  for (const { starts, held } of book.holders.values()) {
    if (starts[i] !== used.start) continue
    for (const unit of port.UNITS) out[unit] += held[unit]
  }
  const { start, messages, bytes } = used
  return { start, end: endOf(perMs, start), used: { messages, bytes }, spent: minus(used, out) }
}
