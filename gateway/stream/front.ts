import type { FilterField } from '../catalog/plan.ts'
import type { Scalar } from './condition.ts'
import type { Position } from './position.ts'
import type { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'
import type { View } from './view.ts'

/** Where views stand that are broadcast together: the next ring entry, and the canonical position there. */
export interface FrontPlace {
  seq: number
  position: Position
}

/**
 * Views that are broadcast in one walk over the ring: one view alone, or all that differ only in the value which one field must equal. Those
 * are found by the record's own value, so ten thousand of them cost by their matches, not by their number.
 */
export class Front {
  /** `null` while nobody rides any of its views: then a record costs nothing here. */
  place: FrontPlace | null = null
  /** Who stands at the end of what was broadcast and waits for more. */
  readonly waiting = new Set<Subscription>()
  /** What tells its views apart; `null` where there is but one. */
  readonly field: FilterField | null
  readonly key: string
  /** Views, ridden or not. */
  members = 0
  readonly #ridden = new Map<Scalar | null, View>()

  constructor(key: string, field: FilterField | null) {
    this.key = key
    this.field = field
  }

  /** Views that somebody rides. */
  get ridden(): Iterable<View> {
    return this.#ridden.values()
  }

  /** Whoever rides the view that this value belongs to. */
  of(value: Scalar | null): View | undefined {
    return this.#ridden.get(value)
  }

  /** A view's first rider steps on: where the others stand, else at the end of the ring. */
  enter(view: View, tail: Tail): void {
    this.place ??= { seq: tail.ring.end, position: tail.position.copy() }
    this.#ridden.set(view.value, view)
  }

  /** A view's last rider is gone. */
  leave(view: View): void {
    this.#ridden.delete(view.value)
    if (this.#ridden.size > 0) return
    this.place = null
    this.wake()
  }

  wake(): void {
    for (const waiting of this.waiting) waiting.news()
  }
}
