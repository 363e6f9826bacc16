import type { Agreement } from '../access/grant.ts'
import type { Clock } from '../clock.ts'
import type { Leases, SeatAsk, SeatKind } from './leases.ts'

const RENEW_MS = 20_000

interface Seat {
  readonly agreement: string
  readonly kind: SeatKind
  limit: number
  held: number
  /** The store knows another number. */
  changed: boolean
  renewAt: number
  asking: boolean
  readonly waiting: ((outcome: 'ok' | 'full') => void)[]
}

/** Connections and subscriptions of agreements: exact over the nodes, and by this node's own count while the store is away. */
export class Seats {
  readonly #node: string
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #seats = new Map<string, Seat>()

  constructor(node: string, leases: Leases, clock: Clock) {
    this.#node = node
    this.#leases = leases
    this.#clock = clock
  }

  acquire(kind: SeatKind, { id, plan }: Agreement): Promise<'ok' | 'full'> {
    const limit = plan[kind]
    if (limit === null) return Promise.resolve('ok')
    const seat = this.#seatOf(kind, id)
    seat.limit = limit
    return new Promise((resolve) => {
      seat.waiting.push(resolve)
      if (!seat.asking) this.#clock.soon(() => void this.#swap([seat]))
    })
  }

  /** Once for each `ok`. */
  release(kind: SeatKind, { id, plan }: Agreement): void {
    if (plan[kind] === null) return
    const seat = this.#seatOf(kind, id)
    seat.held = Math.max(0, seat.held - 1)
    seat.changed = true
  }

  /** Renews what is held, and tells what was released. */
  async tick(): Promise<void> {
    const now = this.#clock.monotonic()
    const due = ({ held, changed, renewAt, waiting }: Seat): boolean =>
      changed || waiting.length > 0 || (held > 0 && now >= renewAt)
    await this.#swap([...this.#seats.values()].filter(due))
  }

  #seatOf(kind: SeatKind, agreement: string): Seat {
    const name = `${kind} ${agreement}`
    const fresh = { agreement, kind, limit: 0, held: 0, changed: false, renewAt: 0, asking: false, waiting: [] }
    const seat = this.#seats.get(name) ?? fresh
    this.#seats.set(name, seat)
    return seat
  }

  /** One call in flight for each count: counts are absolute, and must not overtake each other. */
  async #swap(wanted: readonly Seat[]): Promise<void> {
    const seats = wanted.filter(
      ({ asking, waiting, changed, held }) => !asking && (waiting.length > 0 || changed || held > 0),
    )
    if (seats.length === 0) return
    const queues = seats.map((seat) => seat.waiting.splice(0))
    const asks = seats.map((seat, i) => this.#ask(seat, queues[i]?.length ?? 0))
    const counts = await this.#leases.seat(asks).catch(() => null)
    for (const [i, seat] of seats.entries())
      this.#settle(seat, asks[i] as SeatAsk, queues[i] ?? [], counts?.[i] ?? null)
  }

  #ask(seat: Seat, want: number): SeatAsk {
    seat.asking = true
    seat.changed = false
    return { node: this.#node, agreement: seat.agreement, kind: seat.kind, held: seat.held, want, limit: seat.limit }
  }

  /** `count` is `null` where the store is away: then this node's own count decides, and is told later. */
  #settle(seat: Seat, ask: SeatAsk, queue: Seat['waiting'], count: number | null): void {
    const free = Math.min(queue.length, Math.max(0, (count ?? ask.limit) - ask.held))
    seat.asking = false
    seat.held += free
    seat.changed ||= count === null
    seat.renewAt = this.#clock.monotonic() + RENEW_MS
    for (const [i, tell] of queue.entries()) tell(i < free ? 'ok' : 'full')
    if (seat.waiting.length > 0) this.#clock.soon(() => void this.#swap([seat]))
    else if (seat.held === 0 && !seat.changed) this.#seats.delete(`${seat.kind} ${seat.agreement}`)
  }
}
