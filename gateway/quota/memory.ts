import type { Clock } from '../clock.ts'
import { type Answer, type Ask, type Leases, type Notice, SEAT_MS, type SeatAsk } from './leases.ts'
import { type Book, emptyBook, settle } from './settle.ts'

const BOOKS_MAX = 100_000

/** Allowances counted in this process: for a gateway without Redis. Several nodes may share one in tests. */
export class MemoryLeases implements Leases {
  readonly #clock: Clock
  readonly #books = new Map<string, Book>()
  /** By agreement and kind, then by node. */
  readonly #seats = new Map<string, Map<string, { readonly count: number; readonly until: number }>>()
  readonly #ears = new Set<(notice: Notice) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  swap(asks: readonly Ask[]): Promise<readonly Answer[]> {
    return Promise.resolve(asks.map((ask) => this.#settle(ask)))
  }

  seat(asks: readonly SeatAsk[]): Promise<readonly number[]> {
    return Promise.resolve(asks.map((ask) => this.#seat(ask)))
  }

  listen(told: (notice: Notice) => void): () => void {
    this.#ears.add(told)
    return () => void this.#ears.delete(told)
  }

  #settle(ask: Ask): Answer {
    const book = this.#books.get(ask.agreement) ?? emptyBook()
    const { answer, notices } = settle(book, ask, this.#clock.now())
    if (answer.kind === 'unknown') return answer
    // The least lately used stands first: it is seeded from the ledger should it come again.
    this.#books.delete(ask.agreement)
    this.#books.set(ask.agreement, book)
    const [oldest] = this.#books.keys()
    if (this.#books.size > BOOKS_MAX && oldest !== undefined) this.#books.delete(oldest)
    for (const kind of notices) this.#tell({ kind, agreement: ask.agreement, holder: ask.holder })
    return answer
  }

  #tell(notice: Notice): void {
    this.#clock.soon(() => {
      for (const told of this.#ears) told(notice)
    })
  }

  #seat({ node, agreement, kind, held, want, limit }: SeatAsk): number {
    const now = this.#clock.now()
    const name = `${kind} ${agreement}`
    const seats = this.#seats.get(name) ?? new Map<string, { count: number; until: number }>()
    let others = 0
    for (const [other, { count, until }] of seats) {
      if (until <= now) seats.delete(other)
      else if (other !== node) others += count
    }
    const count = held + Math.max(0, Math.min(want, limit - others - held))
    if (count > 0) seats.set(node, { count, until: now + SEAT_MS })
    else seats.delete(node)
    if (seats.size > 0) this.#seats.set(name, seats)
    else this.#seats.delete(name)
    return count
  }
}
