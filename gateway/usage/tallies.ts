import { createHash } from 'node:crypto'
import type { Handed, HandedShare } from '../stream/handed.ts'
import { tallyText } from './codec.ts'
import type { Tally, TallyShare } from './tally.ts'

/** What was handed over, as it stands in usage messages. `at`: meter time of its delivery, ms since 1970. */
export function talliesOf(handed: readonly Handed[], at: number): Tally[] {
  return handed.filter(({ columns }) => columns.offsets.length > 0).map((one) => tallyOf(one, at))
}

function tallyOf({ stream, epoch, log, view, columns, shares }: Handed, at: number): Tally {
  const { partitions, offsets, sizes, times } = columns
  const ages = times.map((time) => ageOf(time, at))
  return { stream, epoch, log, view: hashOf(view), partitions, offsets, sizes, ages, shares: shares.map(shareOf) }
}

/** Kafka writes −1 where a record has no time: who reads it must not pay for a replay. A clock that is ahead of ours makes no age. */
function ageOf(time: number, at: number): number {
  return time < 0 ? 0 : Math.max(0, Math.floor((at - time) / 1000))
}

function hashOf(view: string): string {
  return createHash('sha256').update(view).digest('hex').slice(0, 16)
}

function shareOf({ account, ranges, delivered, deliveredBytes }: HandedShare): TallyShare {
  const { agreement, plan, planVersion } = account
  return { agreement, plan, planVersion, ranges, delivered, deliveredBytes }
}

/**
 * Cuts tallies into messages: each list holds the texts of one, of at most `bytesMax` bytes together. A tally that is too long
 * alone is halved, by its shares where they are what makes it long, else by its places. One place of one share is never
 * cut: what it takes is bounded by its names.
 */
export function cutTallies(tallies: readonly Tally[], bytesMax: number): string[][] {
  const messages: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const text of tallies.flatMap((tally) => textsOf(tally, bytesMax))) {
    const more = Buffer.byteLength(text) + 1
    if (bytes + more > bytesMax) {
      messages.push([])
      bytes = 0
    }
    messages.at(-1)!.push(text)
    bytes += more
  }
  return messages
}

function textsOf(tally: Tally, bytesMax: number): string[] {
  const text = tallyText(tally)
  const bytes = Buffer.byteLength(text)
  if (bytes < bytesMax) return [text]
  return halvesOf(tally, bytes).flatMap((half) => (half === tally ? [text] : textsOf(half, bytesMax)))
}

function halvesOf(tally: Tally, bytes: number): readonly Tally[] {
  const { shares, offsets } = tally
  const sharesBytes = bytes - Buffer.byteLength(tallyText({ ...tally, shares: [] }))
  const byShares = shares.length > 1 && (sharesBytes > bytes / 2 || offsets.length === 1)
  if (byShares) {
    const half = Math.ceil(shares.length / 2)
    return [shares.slice(0, half), shares.slice(half)].map((some) => ({ ...tally, shares: some }))
  }
  return offsets.length > 1 ? halvesByPlace(tally) : [tally]
}

function halvesByPlace(tally: Tally): Tally[] {
  const { sizes, shares } = tally
  const middle = Math.ceil(sizes.length / 2)
  const pairs = shares.map((share) => splitShare(share, middle, sizes))
  return [
    { ...columnsFrom(tally, 0, middle), shares: pairs.flatMap(([left]) => left ?? []) },
    { ...columnsFrom(tally, middle, sizes.length), shares: pairs.flatMap(([, right]) => right ?? []) },
  ]
}

function columnsFrom(tally: Tally, from: number, to: number): Tally {
  const { partitions, offsets, sizes, ages } = tally
  return {
    ...tally,
    partitions: partitions.slice(from, to),
    offsets: offsets.slice(from, to),
    sizes: sizes.slice(from, to),
    ages: ages.slice(from, to),
  }
}

/**
 * Which connections had which records is not known here, only their sum: each half counts what its ranges hold, and the left
 * one that holds anything, what came on top. So the halves add up to the whole, and neither counts less than it holds.
 */
function splitShare(
  share: TallyShare,
  middle: number,
  sizes: readonly number[],
): [TallyShare | null, TallyShare | null] {
  const left = share.ranges.flatMap(([from, to]) => (from < middle ? [[from, Math.min(to, middle)] as const] : []))
  const right = share.ranges.flatMap(([from, to]) =>
    to > middle ? [[Math.max(from, middle) - middle, to - middle] as const] : [],
  )
  if (right.length === 0) return [{ ...share, ranges: left }, null]
  if (left.length === 0) return [null, { ...share, ranges: right }]
  const delivered = right.reduce((sum, [from, to]) => sum + to - from, 0)
  const deliveredBytes = right.reduce((sum, range) => sum + bytesIn(sizes, range, middle), 0)
  return [
    {
      ...share,
      ranges: left,
      delivered: share.delivered - delivered,
      deliveredBytes: share.deliveredBytes - deliveredBytes,
    },
    { ...share, ranges: right, delivered, deliveredBytes },
  ]
}

function bytesIn(sizes: readonly number[], [from, to]: readonly [number, number], shift: number): number {
  let bytes = 0
  for (let i = from; i < to; i++) bytes += sizes[i + shift]!
  return bytes
}
