import type { Agreement } from '../access/grant.ts'
import type { Refusal } from '../errors.ts'
import { isRefusal, type Gate, type Seat } from './gate.ts'

/** What one connection holds of the places that agreements have: a connection for each agreement that it serves, and each of its subscriptions. */
export class Seats {
  readonly #gate: Pick<Gate, 'seat'>
  readonly #connections = new Map<string, { readonly seat: Seat; subscriptions: number }>()

  constructor(gate: Pick<Gate, 'seat'>) {
    this.#gate = gate
  }

  /** A place for one more subscription; with the last of an agreement its connection is given back. One at a time. */
  async take(agreement: Agreement): Promise<Seat | Refusal> {
    const connection = await this.#connectionOf(agreement)
    if (isRefusal(connection)) return connection
    const subscription = await this.#gate.seat(agreement, 'subscriptions')
    if (isRefusal(subscription)) {
      this.#leave(agreement)
      return subscription
    }
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        subscription.release()
        this.#leave(agreement)
      },
    }
  }

  async #connectionOf({ id, ...rest }: Agreement): Promise<Refusal | { subscriptions: number }> {
    let held = this.#connections.get(id)
    if (held === undefined) {
      const seat = await this.#gate.seat({ id, ...rest }, 'connections')
      if (isRefusal(seat)) return seat
      held = { seat, subscriptions: 0 }
      this.#connections.set(id, held)
    }
    held.subscriptions++
    return held
  }

  #leave({ id }: Agreement): void {
    const held = this.#connections.get(id)
    if (held === undefined || --held.subscriptions > 0) return
    this.#connections.delete(id)
    held.seat.release()
  }
}
