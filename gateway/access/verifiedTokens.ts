import { hash } from 'node:crypto'
import type { Identity } from './grant.ts'
import type { VerificationKey } from './keySet.ts'

/** A token whose signature was checked, and the key that it was checked with. */
export interface Verified {
  readonly identity: Identity
  readonly issuer: string
  readonly key: VerificationKey
}

/**
 * Tokens already verified, so that a reconnect costs no signature check. Keyed by SHA-256: the tokens themselves are not
 * kept. Holds `entriesMax` at most, the least recently used leaves first (a Map keeps its order of insertion).
 */
export class VerifiedTokens {
  readonly #entries = new Map<string, Verified>()
  readonly #entriesMax: number
  #hits = 0
  #misses = 0

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  static keyOf(token: string): string {
    return hash('sha256', token, 'base64')
  }

  get(hash: string): Verified | undefined {
    const entry = this.#entries.get(hash)
    if (!entry) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#entries.delete(hash)
    this.#entries.set(hash, entry)
    return entry
  }

  set(hash: string, verified: Verified): void {
    this.#entries.delete(hash)
    this.#entries.set(hash, verified)
    if (this.#entries.size <= this.#entriesMax) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  delete(hash: string): void {
    this.#entries.delete(hash)
  }

  counters(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#entries.size, hits: this.#hits, misses: this.#misses }
  }
}
