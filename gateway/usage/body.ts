import { decodeColumns } from './columns.ts'
import { HOUR_MS } from './hour.ts'
import type { Tally, TallyShare, TalliesMessage, UsageMessage, WatermarkMessage } from './tally.ts'

/** What the value of a message says; its id stands in a header. */
export type Body = Omit<TalliesMessage, 'id'> | Omit<WatermarkMessage, 'id'>

/** A value that is not what it should be: thrown and caught in this file only, so that the checks read as what they want. */
class Damage extends Error {}

type Members = { readonly [name: string]: unknown }

const TALLY_MEMBERS = 'stream epoch log view count partitions offsets sizes ages shares'.split(' ')
const SHARE_MEMBERS = 'agreement plan planVersion delivered deliveredBytes'.split(' ')
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** Says in words what is wrong with a damaged one. */
export function decodeBody(kind: UsageMessage['kind'], value: Buffer): Body | string {
  try {
    const members = parse(value)
    return kind === 'tallies' ? talliesOf(members) : watermarkOf(members)
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  }
}

function parse(value: Buffer): Members {
  let body: unknown
  try {
    body = JSON.parse(value.toString('utf8'))
  } catch {
    throw new Damage('the value is not JSON')
  }
  return membersOf(body, 'the value')
}

function watermarkOf(members: Members): Omit<WatermarkMessage, 'id'> {
  only(members, ['before', 'final'], 'the value')
  const { final } = members
  if (typeof final !== 'boolean') throw new Damage('final is neither true nor false')
  return { kind: 'watermark', before: instantOf(members, 'before'), final }
}

function talliesOf(members: Members): Omit<TalliesMessage, 'id'> {
  only(members, ['from', 'to', 'tallies'], 'the value')
  const [from, to] = [instantOf(members, 'from'), instantOf(members, 'to')]
  if (to < from) throw new Damage('to is before from')
  if (Math.floor(from / HOUR_MS) !== Math.floor(to / HOUR_MS)) throw new Damage('from and to are of two UTC hours')
  const tallies = listOf(members['tallies'], 'tallies').map((one, i) => tallyOf(one, `tallies[${i}]`))
  return { kind: 'tallies', from, to, tallies }
}

function tallyOf(value: unknown, where: string): Tally {
  const members = membersOf(value, where)
  only(members, TALLY_MEMBERS, where)
  const view = textOf(members, 'view', where)
  if (!/^[0-9a-f]{16}$/.test(view)) throw new Damage(`${where}.view is not 16 hex digits`)
  const count = countOf(members, 'count', where)
  const [partitions, offsets] = [textOf(members, 'partitions', where), textOf(members, 'offsets', where)]
  const [sizes, ages] = [textOf(members, 'sizes', where), textOf(members, 'ages', where)]
  const columns = decodeColumns({ partitions, offsets, sizes, ages }, count)
  if (typeof columns === 'string') throw new Damage(`${where}: ${columns}`)
  const shares = listOf(members['shares'], `${where}.shares`)
  return {
    stream: textOf(members, 'stream', where),
    epoch: countOf(members, 'epoch', where),
    log: countOf(members, 'log', where),
    view,
    ...columns,
    shares: shares.map((one, i) => shareOf(one, count, `${where}.shares[${i}]`)),
  }
}

function shareOf(value: unknown, count: number, where: string): TallyShare {
  const members = membersOf(value, where)
  const whole = !Object.hasOwn(members, 'ranges')
  only(members, whole ? SHARE_MEMBERS : [...SHARE_MEMBERS, 'ranges'], where)
  const ranges = whole ? [[0, count] as const] : rangesOf(members['ranges'], count, `${where}.ranges`)
  const delivered = countOf(members, 'delivered', where)
  const held = ranges.reduce((sum, [from, to]) => sum + to - from, 0)
  if (delivered < held) throw new Damage(`${where}.delivered is ${delivered}, less than its ranges hold (${held})`)
  return {
    agreement: textOf(members, 'agreement', where),
    plan: textOf(members, 'plan', where),
    planVersion: textOf(members, 'planVersion', where),
    ranges,
    delivered,
    deliveredBytes: countOf(members, 'deliveredBytes', where),
  }
}

function rangesOf(value: unknown, count: number, where: string): (readonly [number, number])[] {
  let last = 0
  return listOf(value, where).map((one) => {
    const [from, to, more] = listOf(one, where)
    const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to) && more === undefined
    const range = [from as number, to as number] as const
    if (!whole || range[0] < last || range[1] <= range[0] || range[1] > count) {
      throw new Damage(`${where} are not ascending, apart and within ${count}`)
    }
    last = range[1]
    return range
  })
}

function membersOf(value: unknown, where: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw new Damage(`${where} is no object`)
}

/** A member more is another version, which has another type. */
function only(members: Members, names: readonly string[], where: string): void {
  for (const name of names) if (!Object.hasOwn(members, name)) throw new Damage(`${where} lacks ${name}`)
  if (Object.keys(members).length > names.length) throw new Damage(`${where} has a member that is not known`)
}

function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new Damage(`${where} is no list`)
}

function textOf(members: Members, name: string, where: string): string {
  const value = members[name]
  if (typeof value === 'string') return value
  throw new Damage(`${where}.${name} is no text`)
}

function countOf(members: Members, name: string, where: string): number {
  const value = members[name]
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new Damage(`${where}.${name} is no count`)
}

function instantOf(members: Members, name: string): number {
  const value = members[name]
  const ms = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN
  // The calendar is forgiving (30 February), a message is not.
  if (!Number.isNaN(ms) && new Date(ms).toISOString() === value) return ms
  throw new Damage(`${name} is no time`)
}
