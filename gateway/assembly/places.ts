import type { Agreement } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import { onceKnown, type Eventual } from '../eventual.ts'
import type { Quota } from '../quota/quota.ts'
import type { Seat, SeatKind } from '../transport/gate.ts'

/** A place may become free at any time. */
const RETRY_S = 10

/** Takes places for connections and subscriptions where the quota counts them. */
export function createPlaces(
  seats: Quota['seats'],
): (agreement: Agreement, kind: SeatKind) => Eventual<Seat | Refusal> {
  return (agreement, kind) =>
    onceKnown(seats.acquire(kind, agreement), (outcome) =>
      outcome === 'full' ? full(agreement, kind) : new Place(seats, agreement, kind),
    )
}

/** A class, since a connection holds several: closures would cost it more memory than all else that it is. */
class Place implements Seat {
  readonly #seats: Quota['seats']
  readonly #kind: SeatKind
  #agreement: Agreement | null

  constructor(seats: Quota['seats'], agreement: Agreement, kind: SeatKind) {
    this.#seats = seats
    this.#agreement = agreement
    this.#kind = kind
  }

  release(): void {
    if (this.#agreement !== null) this.#seats.release(this.#kind, this.#agreement)
    this.#agreement = null
  }
}

function full({ id, plan }: Agreement, kind: SeatKind): Refusal {
  const code = kind === 'connections' ? 'too-many-connections' : 'too-many-subscriptions'
  const detail = `The agreement ${id} has all the ${kind} that its plan allows, over all nodes: ${plan[kind]}.`
  return refuse(code, detail, { retryAfter: RETRY_S })
}
