const RETRY_MS_MIN = 250
const RETRY_MS_MAX = 2_000

/** When a pool that was refused may ask again; monotonic. */
export class Patience {
  #blockedUntil = -Infinity
  #retryAt = -Infinity
  #retries = 0
  /** When more comes, ms since 1970. */
  resumesAt: number | null = null

  /** Nothing is left anywhere, before an edge. */
  blocked(now: number): boolean {
    return now < this.#blockedUntil
  }

  mayAsk(now: number): boolean {
    return now >= this.#blockedUntil && now >= this.#retryAt
  }

  /** It has waited for others already. */
  get tried(): boolean {
    return this.#retries > 0
  }

  block(until: number, resumesAt: number | null): void {
    this.#retries = 0
    this.#blockedUntil = until
    this.resumesAt = resumesAt
  }

  /** Others hold some: asked again later and later, each node at times of its own. */
  backOff(sent: number, random: number): void {
    const most = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#retries++)
    this.#retryAt = sent + most * (0.5 + random / 2)
  }

  /** Something was given back: nothing that was said holds any more. */
  hurry(): void {
    this.#retryAt = this.#blockedUntil = -Infinity
  }

  served(): void {
    this.#retries = 0
    this.hurry()
  }
}
