import type { Tally, UsageMessage } from '../usage/tally.ts'
import { hourOf } from './period.ts'

/** What makes a decoded message one that cannot be counted; null where it is sound. It would else stop its partition for ever. */
export function unsound(message: UsageMessage): string | null {
  const { worker, boot, shard, seq } = message.id
  if (![worker, boot, shard].every(isCount) || !isCount(seq) || seq < 1) return 'its identity is no dense number'
  if (message.kind === 'watermark') return isCount(message.before) ? null : 'its watermark is no time'
  if (!isCount(message.from) || !isCount(message.to) || message.to < message.from) return 'its times are none'
  if (hourOf(message.from) !== hourOf(message.to)) return 'it crosses a UTC hour'
  for (const tally of message.tallies) {
    const wrong = unsoundTally(tally)
    if (wrong !== null) return wrong
  }
  return null
}

/** Bounded, and without control characters: PostgreSQL's text cannot hold a NUL. */
const NAME = /^[^\p{Cc}]{1,1024}$/u

function unsoundTally({ stream, partitions, offsets, sizes, ages, epoch, log, shares }: Tally): string | null {
  const names = [stream, ...shares.flatMap((share) => [share.agreement, share.plan, share.planVersion])]
  if (!names.every((name) => NAME.test(name))) return 'it holds names that cannot be kept'
  const columns = [partitions, offsets, sizes, ages]
  if (columns.some((column) => column.length !== offsets.length)) return 'its columns differ in length'
  if (!columns.every((column) => column.every(isCount)) || !isCount(epoch) || !isCount(log)) return 'it holds no counts'
  for (const { ranges, delivered, deliveredBytes } of shares) {
    if (!isCount(delivered) || !isCount(deliveredBytes)) return 'a share delivered no count'
    let last = 0
    for (const [from, to] of ranges) {
      if (!isCount(from) || !isCount(to) || from < last || to < from || to > offsets.length)
        return 'a share has ranges beyond its columns'
      last = to
    }
  }
  return null
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
