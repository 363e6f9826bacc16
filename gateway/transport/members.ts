import { refuse, type Refusal } from '../errors.ts'
import type { Form } from '../stream/body.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Seat } from './gate.ts'
import { printable, type Wish } from './parameters.ts'

/** One subscription of a session. */
export interface Member {
  readonly id: string
  readonly product: string
  readonly stream: string
  readonly agreement: string
  readonly plan: string
  /** As the client asked for it. */
  readonly wish: Wish
  /** Why it was subscribed anew without being asked. */
  readonly reason: 'document' | undefined
  readonly seat: Seat
  readonly subscription: Subscription
}

/** Nothing in a raw message says whose it is. */
const RAW_IS_ALONE = 'A session with a subscription in the format `raw` has no other one.'
const CLOSING_CURSOR_BYTES_MAX = 64 * 1024

/** The subscriptions of a session, by the ids that its client gave them. */
export class Members {
  readonly #members = new Map<string, Member>()

  get size(): number {
    return this.#members.size
  }

  get(id: string): Member | undefined {
    return this.#members.get(id)
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#members.values()
  }

  /** Why one more of this kind cannot stand beside the others. */
  refusal(id: string, viewKey: string, form: Form): Refusal | null {
    const others = [...this.#members.values()]
    const twin = this.#members.get(id) ?? others.find(({ subscription }) => subscription.view.spec.key === viewKey)
    if (twin) return refuse('duplicate-subscription', duplicateDetail(id, twin.id))
    if (others.some(({ subscription }) => subscription.view.spec.form === 'raw' || form === 'raw'))
      return refuse('bad-parameter', RAW_IS_ALONE, { parameter: 'format' })
    return null
  }

  add(member: Member): void {
    this.#members.set(member.id, member)
  }

  /** Closes one; answers its last cursor. */
  close(member: Member): string | null {
    this.#members.delete(member.id)
    member.seat.release()
    return member.subscription.close()
  }

  /** Closes all; answers their cursors, as many as a closing frame takes. */
  closeAll(): { readonly [id: string]: string } {
    const cursors: { [id: string]: string } = Object.create(null) as { [id: string]: string }
    let bytes = 0
    for (const member of [...this.#members.values()]) {
      const { id } = member
      const cursor = this.close(member)
      if (cursor === null) continue
      // As it stands in the frame: an id may need several bytes a character.
      const size = Buffer.byteLength(JSON.stringify(id)) + cursor.length + 4
      if (bytes + size > CLOSING_CURSOR_BYTES_MAX) continue
      bytes += size
      cursors[id] = cursor
    }
    return cursors
  }
}

function duplicateDetail(id: string, twin: string): string {
  if (id === twin)
    return `The session already has a subscription «${printable(id)}»; choose another id, or unsubscribe it first.`
  return `The session already sees just this as «${printable(twin)}»; one subscription brings every record once.`
}
