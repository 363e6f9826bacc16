import type { Transaction } from '../drivers/sql/database.ts'
import type { PricePlan } from '../catalog/plan.ts'
import type { TalliesMessage, Tally, TallyShare } from '../usage/tally.ts'
import { BLOCK_OFFSETS, Coverage, type Cover, type Need } from './coverage.ts'
import { keysOf, planId, plansOf, type PlanRow } from './names.ts'
import { hourOf, monthOf } from './period.ts'
import { Sums } from './sums.ts'
import type { LedgerTables } from './tables.ts'

/** What the names in a batch stand for. */
interface Directory {
  readonly agreements: ReadonlyMap<string, number>
  readonly streams: ReadonlyMap<string, number>
  readonly plans: ReadonlyMap<string, PlanRow>
}

/**
 * Adds what the messages tell to coverage and hours. Answers how many records are billed by them. `breathe` is asked between
 * tallies, so that a large batch stops nobody.
 */
export async function post(
  transaction: Transaction<LedgerTables>,
  messages: readonly TalliesMessage[],
  breathe: () => Promise<void>,
): Promise<number> {
  const tallies = messages.flatMap((message) => message.tallies)
  const directory = await directoryOf(transaction, tallies)
  const coverage = new Coverage()
  const sums = new Sums()
  try {
    await coverage.load(transaction, needsOf(tallies, directory))
    let billed = 0
    for (const message of messages) {
      for (const tally of message.tallies) {
        for (const share of tally.shares) billed += postShare(message.from, tally, share, directory, coverage, sums)
        await breathe()
      }
    }
    await coverage.save(transaction)
    await sums.save(transaction)
    return billed
  } finally {
    coverage.dispose()
  }
}

async function directoryOf(transaction: Transaction<LedgerTables>, tallies: readonly Tally[]): Promise<Directory> {
  const shares = tallies.flatMap((tally) => tally.shares)
  return {
    agreements: await keysOf(transaction, 'ledger_agreements', new Set(shares.map((share) => share.agreement))),
    streams: await keysOf(transaction, 'ledger_streams', new Set(tallies.map((tally) => tally.stream))),
    plans: await plansOf(transaction, [
      ...new Map(shares.map((share) => [planId(planOf(share)), planOf(share)])).values(),
    ]),
  }
}

function planOf({ plan, planVersion }: TallyShare): { readonly name: string; readonly version: string } {
  return { name: plan, version: planVersion }
}

function needsOf(tallies: readonly Tally[], { agreements, streams }: Directory): Iterable<Need> {
  const needs = new Map<string, Need>()
  for (const tally of tallies) {
    const stream = keyIn(streams, tally.stream)
    const log = logOf(tally)
    const sharers = tally.shares.map((share) => keyIn(agreements, share.agreement))
    for (const [partition, touched] of blocksOf(tally)) {
      const name = `${stream}/${log}/${partition}`
      let need = needs.get(name)
      if (!need) needs.set(name, (need = { stream, log, partition, blocks: new Set(), agreements: new Set() }))
      for (const block of touched) need.blocks.add(block)
      for (const agreement of sharers) need.agreements.add(agreement)
    }
  }
  return needs.values()
}

function blocksOf({ partitions, offsets }: Tally): ReadonlyMap<number, ReadonlySet<number>> {
  const blocks = new Map<number, Set<number>>()
  for (const [i, partition] of partitions.entries()) {
    let touched = blocks.get(partition)
    if (!touched) blocks.set(partition, (touched = new Set()))
    touched.add(blockOf(offsets[i] as number))
  }
  return blocks
}

/** One share's records: those that nothing has covered yet are billed, each once. */
function postShare(
  from: number,
  tally: Tally,
  share: TallyShare,
  { agreements, streams, plans }: Directory,
  coverage: Coverage,
  sums: Sums,
): number {
  const agreement = keyIn(agreements, share.agreement)
  const stream = keyIn(streams, tally.stream)
  const { key: plan, terms } = plans.get(planId(planOf(share))) as PlanRow
  const month = monthOf(from)
  const isReplay = replayTest(terms)
  const { counts, ages } = sums.at({ agreement, plan, stream, hour: hourOf(from) }, isReplay === null)
  counts.delivered += share.delivered
  counts.deliveredBytes += share.deliveredBytes
  const billedBefore = counts.billed
  eachFresh(tally, share, { agreement, stream, log: logOf(tally) }, coverage, month, plan, (i) => {
    const age = tally.ages[i] as number
    counts.billed++
    counts.billedBytes += tally.sizes[i] as number
    if (isReplay === null) ages?.set(age, (ages.get(age) ?? 0) + 1)
    else if (isReplay(age)) counts.replay++
  })
  return counts.billed - billedBefore
}

function eachFresh(
  { partitions, offsets }: Tally,
  { ranges }: TallyShare,
  log: { readonly agreement: number; readonly stream: number; readonly log: number },
  coverage: Coverage,
  month: number,
  plan: number,
  billed: (i: number) => void,
): void {
  // Records of several partitions alternate, and each stays in its block for long.
  const covers = new Map<number, { readonly block: number; readonly cover: Cover }>()
  for (const [from, to] of ranges) {
    for (let i = from; i < to; i++) {
      const partition = partitions[i] as number
      const offset = offsets[i] as number
      const block = blockOf(offset)
      let at = covers.get(partition)
      if (at?.block !== block) {
        at = { block, cover: coverage.at({ ...log, partition, block }) }
        covers.set(partition, at)
      }
      if (at.cover.add(offset % BLOCK_OFFSETS, month, plan)) billed(i)
    }
  }
}

/** Whether a record of that age is a replay: older, in whole seconds, than the plan says. Null while the terms are unknown. */
function replayTest(terms: string | null): ((ageS: number) => boolean) | null {
  if (terms === null) return null
  const olderThanS = replayAfterS(JSON.parse(terms) as PricePlan)
  return olderThanS === null ? () => false : (ageS) => ageS > olderThanS
}

/** Null where the plan has no price for replays. */
export function replayAfterS({ replay }: Pick<PricePlan, 'replay'>): number | null {
  return replay === null ? null : replay.olderThanMs / 1000
}

/** Fingerprints are above 0, so the two never meet. */
function logOf({ log, epoch }: Tally): number {
  return log === 0 ? -1 - epoch : log
}

function blockOf(offset: number): number {
  return Math.floor(offset / BLOCK_OFFSETS)
}

function keyIn(keys: ReadonlyMap<string, number>, name: string): number {
  const key = keys.get(name)
  if (key === undefined) throw new Error(`the ledger gave ${JSON.stringify(name)} no key`)
  return key
}
