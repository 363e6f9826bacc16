import type { Agreement } from '../access/grant.ts'
import type { Refusal } from '../errors.ts'
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
  async take(agreement: Agreement): Promise<Seat | Refusal> {
    const connection = await this.#connectionOf(agreement)
    if (isRefusal(connection)) return connection
    const subscription = await this.#gate.seat(agreement, 'subscriptions')
    if (!isRefusal(subscription)) return new Taken(this, connection, subscription)
    this.leave(connection)
    return subscription
  }

  leave(connection: Connection): void {
    if (--connection.subscriptions > 0) return
    this.#connections = this.#connections.filter((one) => one !== connection)
    connection.seat.release()
  }

  async #connectionOf(agreement: Agreement): Promise<Refusal | Connection> {
    let held = this.#connections.find((one) => one.agreement === agreement.id)
    if (held === undefined) {
      const seat = await this.#gate.seat(agreement, 'connections')
      if (isRefusal(seat)) return seat
      held = { agreement: agreement.id, seat, subscriptions: 0 }
      this.#connections = [...this.#connections, held]
    }
    held.subscriptions++
    return held
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
