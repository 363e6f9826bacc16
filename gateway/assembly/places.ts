import type { Agreement } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Quota } from '../quota/quota.ts'
import type { Seat, SeatKind } from '../transport/gate.ts'

/** A place may become free at any time. */
const RETRY_S = 10

/** Takes places for connections and subscriptions where the quota counts them. */
export function createPlaces(seats: Quota['seats']): (agreement: Agreement, kind: SeatKind) => Promise<Seat | Refusal> {
  return async (agreement, kind) => {
    if ((await seats.acquire(kind, agreement)) === 'full') return full(agreement, kind)
    let held = true
    return {
      release() {
        if (held) seats.release(kind, agreement)
        held = false
      },
    }
  }
}

function full({ id, plan }: Agreement, kind: SeatKind): Refusal {
  const code = kind === 'connections' ? 'too-many-connections' : 'too-many-subscriptions'
  const detail = `The agreement ${id} has all the ${kind} that its plan allows, over all nodes: ${plan[kind]}.`
  return refuse(code, detail, { retryAfter: RETRY_S })
}
