import type { Agreement } from '../access/grant.ts'
import type { Refusal } from '../errors.ts'
import { onceKnown, type Eventual } from '../eventual.ts'
import { isRefusal, type Gate, type Seat } from './gate.ts'

interface Connection {
  readonly agreement: string
  readonly seat: Seat
  subscriptions: number
}

/** What one connection holds of the places that agreements have: a connection for each agreement that it serves, and each of its subscriptions. */
export class Seats {
  readonly #gate: Pick<Gate, 'seat'>
  /** Mostly one: copied rather than grown, which would keep room for sixteen more. */
  #connections: readonly Connection[] = []

  constructor(gate: Pick<Gate, 'seat'>) {
    this.#gate = gate
  }

  /** A place for one more subscription; with the last of an agreement its connection is given back. One at a time. */
  take(agreement: Agreement): Eventual<Seat | Refusal> {
    return onceKnown(this.#connectionOf(agreement), (connection) =>
      isRefusal(connection) ? connection : this.#subscriptionIn(connection, agreement),
    )
  }

  leave(connection: Connection): void {
    if (--connection.subscriptions > 0) return
    this.#connections = this.#connections.filter((one) => one !== connection)
    connection.seat.release()
  }

  #connectionOf(agreement: Agreement): Eventual<Refusal | Connection> {
    const held = this.#connections.find((one) => one.agreement === agreement.id)
    if (held !== undefined) {
      held.subscriptions++
      return held
    }
    return onceKnown(this.#gate.seat(agreement, 'connections'), (seat) => {
      if (isRefusal(seat)) return seat
      const first: Connection = { agreement: agreement.id, seat, subscriptions: 1 }
      this.#connections = [...this.#connections, first]
      return first
    })
  }

  #subscriptionIn(connection: Connection, agreement: Agreement): Eventual<Seat | Refusal> {
    return onceKnown(this.#gate.seat(agreement, 'subscriptions'), (subscription) => {
      if (!isRefusal(subscription)) return new Taken(this, connection, subscription)
      this.leave(connection)
      return subscription
    })
  }
}

class Taken implements Seat {
  readonly #seats: Seats
  readonly #subscription: Seat
  #connection: Connection | null

  constructor(seats: Seats, connection: Connection, subscription: Seat) {
    this.#seats = seats
    this.#connection = connection
    this.#subscription = subscription
  }

  release(): void {
    if (this.#connection === null) return
    this.#subscription.release()
    this.#seats.leave(this.#connection)
    this.#connection = null
  }
}
