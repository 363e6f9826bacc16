import fc from 'fast-check'
import type { HourUsage } from '../../../gateway/billing/ledger.ts'
import type { Period } from '../../../gateway/billing/period.ts'
import type { TalliesMessage, Tally, TallyShare, UsageMessage, WatermarkMessage } from '../../../gateway/usage/tally.ts'

export const H = 3_600_000

interface More {
  readonly planVersion?: string
  readonly log?: number
  readonly epoch?: number
  readonly ages?: readonly number[]
}

/** One message of the shard n/0/1/0: records of ten bytes in partition 0, all for agreement `a` on the plan `pro`. */
export function talliesOf(seq: number, from: number, offsets: readonly number[], more: More = {}): TalliesMessage {
  const { planVersion = 'aaaaaaaaaaaaaaaa', log = 7, epoch = 0, ages = offsets.map(() => 0) } = more
  const tally: Tally = {
    stream: 's',
    epoch,
    log,
    view: '0123456789abcdef',
    partitions: offsets.map(() => 0),
    offsets,
    sizes: offsets.map(() => 10),
    ages,
    shares: [
      {
        agreement: 'a',
        plan: 'pro',
        planVersion,
        ranges: [[0, offsets.length]],
        delivered: offsets.length,
        deliveredBytes: offsets.length * 10,
      },
    ],
  }
  return { kind: 'tallies', id: { node: 'n', worker: 0, boot: 1, shard: 0, seq }, from, to: from, tallies: [tally] }
}

export function watermark(node: string, seq: number, before: number, final = false): WatermarkMessage {
  return { kind: 'watermark', id: { node, worker: 0, boot: 1, shard: 0, seq }, before, final }
}

/** Sizes are the record's own, so that they agree wherever it turns up. Offsets lie about the edges of blocks. */
const sizeOf = (partition: number, offset: number): number => ((offset * 31 + partition * 7) % 97) + 1
const OFFSETS = [0, 1, 2, 3, 4, 5, 65_534, 65_535, 65_536, 65_537, 2_147_483_647, 4_294_967_296, 4_294_967_297]
const HOURS = [Date.UTC(2026, 10, 30, 22), Date.UTC(2026, 10, 30, 23), Date.UTC(2026, 11, 1)]

const places = fc.array(fc.tuple(fc.nat(1), fc.constantFrom(...OFFSETS)), { minLength: 1, maxLength: 10 })

const tallies: fc.Arbitrary<Tally> = fc
  .record({
    stream: fc.constantFrom('s', 't'),
    log: fc.constantFrom(0, 7),
    epoch: fc.nat(1),
    view: fc.constantFrom('v', 'w'),
    places,
    cuts: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), fc.nat(10), fc.nat(10)), {
      minLength: 1,
      maxLength: 3,
    }),
  })
  .map(({ places: records, cuts, ...rest }) => ({
    ...rest,
    partitions: records.map(([partition]) => partition),
    offsets: records.map(([, offset]) => offset),
    sizes: records.map(([partition, offset]) => sizeOf(partition, offset)),
    ages: records.map(([, offset]) => offset % 5),
    shares: cuts.map(([agreement, version, a, b]) => shareOf(agreement, version, a, b, records)),
  }))

function shareOf(
  agreement: string,
  planVersion: string,
  a: number,
  b: number,
  records: readonly (readonly [number, number])[],
): TallyShare {
  const from = Math.min(a, b, records.length)
  const to = Math.min(Math.max(a, b), records.length)
  const middle = Math.floor((from + to) / 2)
  const ranges = (
    [
      [from, middle],
      [middle + 1, to],
    ] as const
  ).filter(([x, y]) => x < y)
  const taken = ranges.flatMap(([x, y]) => records.slice(x, y))
  const bytes = taken.reduce((sum, [partition, offset]) => sum + sizeOf(partition, offset), 0)
  return { agreement, plan: 'pro', planVersion, ranges, delivered: taken.length, deliveredBytes: bytes }
}

/** Messages of three shards as they may arrive: each shard's in order, some twice, the shards shuffled among each other. */
export const worlds: fc.Arbitrary<readonly TalliesMessage[]> = fc
  .array(
    fc.record({
      shard: fc.nat(2),
      hour: fc.constantFrom(...HOURS),
      tallies: fc.array(tallies, { minLength: 1, maxLength: 3 }),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((flushes) => {
    const sequences = [0, 0, 0]
    return flushes.flatMap(({ shard, hour, tallies: all, again }, i) => {
      const seq = (sequences[shard] = (sequences[shard] ?? 0) + 1)
      const id = { node: 'n', worker: 0, boot: 1, shard, seq }
      const message: TalliesMessage = { kind: 'tallies', id, from: hour + i, to: hour + i + 1, tallies: all }
      return again ? [message, message] : [message]
    })
  })

const logOf = ({ log, epoch }: Tally): string => (log === 0 ? `e${epoch}` : String(log))

interface Sum {
  delivered: number
  deliveredBytes: number
  billed: number
  billedBytes: number
}

interface Reckoned {
  readonly agreements: ReadonlySet<string>
  readonly sums: { readonly [key: string]: Sum }
  /** Places by agreement, and the time when each was billed. */
  readonly billed: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** The same by brute force: a set of places for each agreement. */
export function reckon(messages: readonly UsageMessage[]): Reckoned {
  const sums: { [key: string]: Sum } = {}
  const billed = new Map<string, Map<string, number>>()
  const taken = new Set<string>()
  for (const message of messages) {
    const id = `${message.id.boot}/${message.id.shard}/${message.id.seq}`
    if (message.kind !== 'tallies' || taken.has(id)) continue
    taken.add(id)
    for (const tally of message.tallies) for (const share of tally.shares) reckonShare(message, tally, share)
  }
  return { agreements: new Set(billed.keys()), sums, billed }

  function reckonShare({ from }: TalliesMessage, tally: Tally, share: TallyShare): void {
    const key = `${share.agreement}|${share.planVersion}|${tally.stream}|${from - (from % H)}`
    const sum = (sums[key] ??= { delivered: 0, deliveredBytes: 0, billed: 0, billedBytes: 0 })
    const places = billed.get(share.agreement) ?? new Map<string, number>()
    billed.set(share.agreement, places)
    sum.delivered += share.delivered
    sum.deliveredBytes += share.deliveredBytes
    for (const i of share.ranges.flatMap(([x, y]) => Array.from({ length: y - x }, (_, n) => x + n))) {
      const place = `${tally.stream}|${logOf(tally)}|${tally.partitions[i]}|${tally.offsets[i]}`
      if (places.has(place)) continue
      places.set(place, from)
      sum.billed++
      sum.billedBytes += tally.sizes[i] as number
    }
  }
}

export function billedSet(messages: readonly UsageMessage[], agreement: string, period: Period): readonly string[] {
  const places = [...(reckon(messages).billed.get(agreement) ?? [])]
  return places
    .filter(([, at]) => at >= period.fromMs && at < period.toMs)
    .map(([place]) => place)
    .toSorted()
}

/** The same many messages for one seed, in whatever process: of each boot a world. */
export function manyMessages(seed: number): readonly TalliesMessage[] {
  return fc
    .sample(worlds, { seed, numRuns: 40 })
    .flatMap((world, boot) => world.map((message) => ({ ...message, id: { ...message.id, boot } })))
}

/** `hours` as `reckon` writes them. */
export function toldSums(hours: readonly HourUsage[]): { readonly [key: string]: Sum } {
  return Object.fromEntries(
    hours.map(({ agreement, planVersion, stream, hour, delivered, deliveredBytes, billed, billedBytes }) => [
      `${agreement}|${planVersion}|${stream}|${hour}`,
      { delivered, deliveredBytes, billed, billedBytes },
    ]),
  )
}
