import type { PoolMember } from '../stream/account.ts'

/** Who takes from a pool, who waits for it, and who has been told that there is nothing. */
export class Members {
  readonly #joined = new Set<PoolMember>()
  readonly #waiting = new Set<PoolMember>()
  readonly #told = new Set<PoolMember>()

  get size(): number {
    return this.#joined.size
  }

  /** Nobody has joined, and nobody is owed a word. */
  get empty(): boolean {
    return this.#joined.size + this.#waiting.size + this.#told.size === 0
  }

  get anyWaits(): boolean {
    return this.#waiting.size > 0
  }

  /** Waiting, or told to wait longer. */
  get anyWants(): boolean {
    return this.#waiting.size + this.#told.size > 0
  }

  join(member: PoolMember): void {
    this.#joined.add(member)
  }

  leave(member: PoolMember): void {
    for (const set of [this.#joined, this.#waiting, this.#told]) set.delete(member)
  }

  await(member: PoolMember): void {
    this.#told.delete(member)
    this.#waiting.add(member)
  }

  recall(): void {
    for (const member of [...this.#joined]) member.recall()
  }

  /** In the order in which they came; what they take may make them wait again. */
  refill(): void {
    const all = [...this.#told, ...this.#waiting]
    this.#told.clear()
    this.#waiting.clear()
    for (const member of all) member.refilled()
  }

  /** Told once, until something comes. */
  exhaust(tell: (member: PoolMember) => void): void {
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const member of all) this.#told.add(member)
    for (const member of all) if (this.#told.has(member)) tell(member)
  }

  each(tell: (member: PoolMember) => void): void {
    for (const member of [...this.#joined]) tell(member)
  }
}
