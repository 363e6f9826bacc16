import { type RedisConnection, scriptOf } from '../drivers/redis/connection.ts'
import type { Amount, Answer, Ask, Counted, Granted, Leases, Notice, SeatAsk, Tagged, WindowCount } from './leases.ts'
import { SEAT, SWAP } from './script.ts'

/** Raised when the fields of the hash change their meaning: older ones are then unknown, and seeded from the ledger. */
export const PREFIX = 'weir:q1'

export interface RedisLeasesOptions {
  readonly redis: RedisConnection
  /** Before each key and channel: `weir:q1` unless several gateways share a Redis. */
  readonly prefix?: string
  /** Added to Redis's clock: how tests move time. */
  readonly shiftMs?: () => number
}

/** Allowances counted in Redis: for gateways of several nodes. */
export class RedisLeases implements Leases {
  readonly #redis: RedisConnection
  readonly #prefix: string
  readonly #shiftMs: () => number
  readonly #swap = scriptOf(SWAP)
  readonly #seat = scriptOf(SEAT)

  constructor({ redis, prefix = PREFIX, shiftMs = () => 0 }: RedisLeasesOptions) {
    this.#redis = redis
    this.#prefix = prefix
    this.#shiftMs = shiftMs
  }

  async swap(asks: readonly Ask[]): Promise<readonly Answer[]> {
    const keys = asks.map(({ agreement }) => `${this.#prefix}:${agreement}`)
    const values = [JSON.stringify(asks.map(toWire)), this.#prefix, String(this.#shiftMs())]
    const replies = (await this.#redis.run(this.#swap, keys, values)) as (string | number)[][]
    return asks.map((ask, i) => toAnswer(ask, replies[i] ?? []))
  }

  async seat(asks: readonly SeatAsk[]): Promise<readonly number[]> {
    const keys = asks.map(({ agreement, kind }) => `${this.#prefix}:${kind}:${agreement}`)
    const wire = asks.map(({ node, held, want, limit }) => [node, held, want, limit])
    return (await this.#redis.run(this.#seat, keys, [JSON.stringify(wire), String(this.#shiftMs())])) as number[]
  }

  listen(told: (notice: Notice) => void): () => void {
    return this.#redis.listen(this.#prefix, (message) => {
      const [kind, holder, ...agreement] = message.split(' ')
      if (holder !== undefined && (kind === 'wanted' || kind === 'returned'))
        told({ kind, holder, agreement: agreement.join(' ') })
    })
  }
}

/** Short names, and -1 for no limit: what the script reads. */
function toWire(ask: Ask): unknown {
  const pair = (amount: Amount | null): readonly number[] | false => amount !== null && [amount.messages, amount.bytes]
  const tagged = ({ starts, messages, bytes }: Tagged): unknown => [starts, messages, bytes]
  const counted = (count: Counted | null): unknown => count !== null && [count.start, count.messages, count.bytes]
  return {
    h: ask.holder,
    a: ask.agreement,
    id: ask.id,
    v: ask.overage,
    w: ask.windows.map(({ perMs, messages, bytes }) => [perMs, messages ?? -1, bytes ?? -1]),
    r: ask.returned.map(tagged),
    o: ask.owed.map(tagged),
    hm: ask.held.messages,
    hb: ask.held.bytes,
    n: pair(ask.need),
    p: pair(ask.pace),
    f: ask.floors.map(counted),
    s: ask.seeds.map(counted),
  }
}

const WINDOW_NUMBERS = 6

function toAnswer(ask: Ask, [kind, ...rest]: readonly (string | number)[]): Answer {
  const numbers = rest.map(Number)
  const [now = 0, messages = 0, bytes = 0, endsAt = -1, resumesAt = -1, holders = 1, wanted = 0, leased = 0] = numbers
  if (kind === 'unknown') {
    const windows = numbers.slice(2, 2 + messages)
    return { kind, now, windows, starts: numbers.slice(2 + messages) }
  }
  if (kind !== 'granted' && kind !== 'wait' && kind !== 'exhausted') throw new Error(`the quota script says ${kind}`)
  const windows = ask.windows.map((_, i) => toWindow(numbers.slice(8 + leased + i * WINDOW_NUMBERS)))
  return {
    kind: kind satisfies Granted['kind'],
    now,
    granted: { messages, bytes },
    starts: numbers.slice(8, 8 + leased),
    endsAt: endsAt < 0 ? null : endsAt,
    resumesAt: resumesAt < 0 ? null : resumesAt,
    holders,
    wanted: wanted === 1,
    windows,
  }
}

function toWindow(numbers: readonly number[]): WindowCount {
  const [start = 0, end = 0, messages = 0, bytes = 0, spentMessages = 0, spentBytes = 0] = numbers
  return { start, end, used: { messages, bytes }, spent: { messages: spentMessages, bytes: spentBytes } }
}
