import type { Agreement } from '../access/grant.ts'
import type { Clock } from '../clock.ts'
import type { Eventual } from '../eventual.ts'
import type { Leases, SeatAsk, SeatKind } from './leases.ts'

const RENEW_MS = 20_000
/**
 * Of a limit, the part that a node holds in spare while people come, so that who comes next need not wait for the store. Of a small
 * limit it is none: each is to be had anywhere.
 */
const SPARE_PARTS = 64
/** Spare ones go back when nobody has come for so long. */
const SPARE_MS = 5_000

interface Seat {
  readonly agreement: string
  readonly kind: SeatKind
  limit: number
  /** As the store counts: those that are taken, and the spare ones. */
  held: number
  spare: number
  /** Monotonic: when somebody came last. */
  cameAt: number
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

  acquire(kind: SeatKind, { id, plan }: Agreement): Eventual<'ok' | 'full'> {
    const limit = plan[kind]
    if (limit === null) return 'ok'
    const seat = this.#seatOf(kind, id)
    seat.limit = limit
    seat.cameAt = this.#clock.monotonic()
    if (seat.spare > 0 && seat.waiting.length === 0) return this.#takeSpare(seat)
    return new Promise((resolve) => {
      seat.waiting.push(resolve)
      if (!seat.asking) this.#clock.soon(() => void this.#swap([seat], true))
    })
  }

  /** Once for each `ok`. */
  release(kind: SeatKind, { id, plan }: Agreement): void {
    if (plan[kind] === null) return
    const seat = this.#seatOf(kind, id)
    seat.held = Math.max(0, seat.held - 1)
    seat.changed = true
  }

  /** Renews what is held, tells what was released, and gives back what nobody came for. */
  async tick(): Promise<void> {
    const now = this.#clock.monotonic()
    for (const seat of this.#seats.values()) if (now - seat.cameAt >= SPARE_MS) giveUpSpare(seat)
    const due = ({ held, changed, renewAt, waiting }: Seat): boolean =>
      changed || waiting.length > 0 || (held > 0 && now >= renewAt)
    await this.#swap([...this.#seats.values()].filter(due))
  }

  /** Nobody comes any more: the spare ones go back at once. */
  async drain(): Promise<void> {
    for (const seat of this.#seats.values()) giveUpSpare(seat)
    await this.tick()
  }

  #seatOf(kind: SeatKind, agreement: string): Seat {
    const name = `${kind} ${agreement}`
    const known = this.#seats.get(name)
    if (known !== undefined) return known
    const counts = { limit: 0, held: 0, spare: 0, cameAt: 0, renewAt: 0 }
    const seat: Seat = { agreement, kind, ...counts, changed: false, asking: false, waiting: [] }
    this.#seats.set(name, seat)
    return seat
  }

  #takeSpare(seat: Seat): 'ok' {
    seat.spare--
    if (seat.spare < spareOf(seat.limit) / 2 && !seat.asking) this.#clock.soon(() => void this.#swap([seat], true))
    return 'ok'
  }

  /** One call in flight for each count: counts are absolute, and must not overtake each other. `coming`: spare ones are asked for besides. */
  async #swap(wanted: readonly Seat[], coming = false): Promise<void> {
    const seats = wanted.filter(
      ({ asking, waiting, changed, held }) => !asking && (coming || waiting.length > 0 || changed || held > 0),
    )
    if (seats.length === 0) return
    const queues = seats.map((seat) => seat.waiting.splice(0))
    const asks = seats.map((seat, i) => this.#ask(seat, (queues[i]?.length ?? 0) + (coming ? missing(seat) : 0)))
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
    const free = Math.min(count === null ? queue.length : ask.want, Math.max(0, (count ?? ask.limit) - ask.held))
    const served = Math.min(queue.length, free)
    seat.asking = false
    seat.held += free
    seat.spare += free - served
    seat.changed ||= count === null
    seat.renewAt = this.#clock.monotonic() + RENEW_MS
    for (const [i, tell] of queue.entries()) tell(i < served ? 'ok' : 'full')
    if (seat.waiting.length > 0) this.#clock.soon(() => void this.#swap([seat], true))
    else if (seat.held === 0 && !seat.changed) this.#seats.delete(`${seat.kind} ${seat.agreement}`)
  }
}

function spareOf(limit: number): number {
  return Math.floor(limit / SPARE_PARTS)
}

function missing({ limit, spare }: Seat): number {
  return Math.max(0, spareOf(limit) - spare)
}

function giveUpSpare(seat: Seat): void {
  if (seat.spare === 0 || seat.asking) return
  seat.held -= seat.spare
  seat.spare = 0
  seat.changed = true
}
