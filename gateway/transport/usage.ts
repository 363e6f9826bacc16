import { instantMs } from '../clock.ts'
import type { Identity } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Admissions } from './admissions.ts'
import { isoTime } from './framing.ts'
import { isRefusal, type AgreementUsage } from './gate.ts'
import { streamLines } from './lineStream.ts'
import { printable } from './parameters.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'

type Route = (pattern: string, handler: (reply: Reply, request: Request) => Promise<void>) => void

/** Hours of one answer. */
const HOURS_MAX = 31 * 24 + 1
const HOUR_MS = 3_600_000

/** A consumer's own usage: what it was handed, what of that is billed, and which records those are. */
export function serveUsage(route: Route, admissions: Admissions): void {
  route('/usage', async (reply, request) => {
    const asked = await authenticated(request, admissions, (query) => readSpan(query, admissions.context.clock.now()))
    if (isRefusal(asked)) return reply.problem(asked, admissions.headersOf(asked, request.authorization !== ''))
    const { identity, wish } = asked
    const { asOf, agreements } = await admissions.context.gate.usage(identity, wish.from, wish.to)
    if (!reply.gone) reply.json(200, { asOf: isoTime(asOf), agreements: agreements.map(told) })
  })
  route('/usage/lines', async (reply, request) => {
    const asked = await authenticated(request, admissions, readPeriod)
    if (isRefusal(asked)) return reply.problem(asked, admissions.headersOf(asked, request.authorization !== ''))
    await streamLines(reply, admissions.context.gate.usageLines(asked.identity, asked.wish))
  })
}

async function authenticated<W extends object>(
  { authorization, query }: Request,
  { context: { gate } }: Admissions,
  read: (query: URLSearchParams) => W | Refusal,
): Promise<{ readonly identity: Identity; readonly wish: W } | Refusal> {
  const wish = read(new URLSearchParams(query))
  if (isRefusal(wish)) return wish
  const sent = gate.bearer(authorization)
  if (sent === null) return refuse('unauthenticated', 'Send a token as `Authorization: Bearer …`.')
  const identity = typeof sent === 'string' ? await gate.authenticate(sent) : sent
  return isRefusal(identity) ? identity : { identity, wish }
}

interface Span {
  readonly from: number
  readonly to: number
}

function readSpan(query: URLSearchParams, now: number): Span | Refusal {
  const stranger = [...query.keys()].find((name) => name !== 'from' && name !== 'to')
  if (stranger !== undefined)
    return wrong(stranger, `There is no parameter «${printable(stranger)}»; there are from and to.`)
  const to = timeOf(query, 'to', now)
  if (typeof to !== 'number') return to
  const from = timeOf(query, 'from', startOfMonth(now))
  if (typeof from !== 'number') return from
  if (from >= to) return wrong('from', '`from` has to be before `to`.')
  if (to - from > HOURS_MAX * HOUR_MS) return wrong('from', 'At most 31 days are told at once; ask for a shorter time.')
  return { from, to }
}

function timeOf(query: URLSearchParams, name: string, preset: number): number | Refusal {
  const text = query.get(name)
  if (text === null) return preset
  return (
    instantMs(text) ??
    wrong(name, `\`${name}\` is an ISO 8601 time with a zone, as in 2026-11-01T00:00:00Z; it was «${printable(text)}».`)
  )
}

const PERIOD = /^(\d{4})-(0[1-9]|1[0-2])$/

function readPeriod(query: URLSearchParams): { readonly year: number; readonly month: number } | Refusal {
  const stranger = [...query.keys()].find((name) => name !== 'period')
  if (stranger !== undefined) return wrong(stranger, `There is no parameter «${printable(stranger)}»; there is period.`)
  const parts = PERIOD.exec(query.get('period') ?? '')
  if (!parts) return wrong('period', '`period` is a calendar month in UTC, as in 2026-11.')
  return { year: Number(parts[1]), month: Number(parts[2]) }
}

function wrong(parameter: string, detail: string): Refusal {
  return refuse('bad-parameter', detail, { parameter })
}

function startOfMonth(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

function told({ id, product, plan, windows, hours }: AgreementUsage): object {
  return {
    id,
    product,
    plan,
    windows: windows.map(({ name, unit, limit, state }) => ({
      name,
      unit,
      limit,
      used: state?.used,
      resetsAt: isoTime(state?.resetsAt ?? null),
    })),
    hours: hours.map(({ hour, ...sums }) => ({ hour: isoTime(hour), ...sums })),
  }
}
