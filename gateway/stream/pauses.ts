import type { Outlet, PauseReason } from './outlet.ts'

/** Times are ms since 1970. */
export interface Until {
  readonly resumesAt: number | null
  /** When the topic may drop what waits. */
  readonly keptUntil: number | null
}

/** Why a subscription is paused. Its client is told of each reason, and that it goes on when the last one is lifted. */
export class Pauses {
  readonly #outlet: Outlet
  /** `null`, mostly. */
  #reasons: Map<PauseReason, Until> | null = null
  #told = false

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Paused for a reason that keeps it from reading. `source` is news only: reading is how it finds out that the source is back. */
  get halted(): boolean {
    return this.#reasons !== null && (this.#reasons.has('quota') || this.#reasons.has('metering'))
  }

  /** False where it was there already. */
  add(reason: PauseReason, until: Until): boolean {
    this.#reasons ??= new Map()
    if (this.#reasons.has(reason)) return false
    this.#reasons.set(reason, until)
    return true
  }

  /** False where it was not there. */
  lift(reason: PauseReason): boolean {
    if (!this.#reasons?.delete(reason)) return false
    if (this.#reasons.size > 0) return true
    this.#reasons = null
    if (this.#told) this.#outlet.tell({ type: 'resumed' })
    this.#told = false
    return true
  }

  /** Tells of one, or of all there are. Nobody can be told before there is a cursor. */
  tell(cursor: string | null, only?: PauseReason): void {
    if (cursor === null || this.#reasons === null) return
    for (const [reason, until] of this.#reasons) {
      if (only !== undefined && reason !== only) continue
      this.#told = true
      this.#outlet.tell({ type: 'paused', cursor, reason, ...until })
    }
  }
}
