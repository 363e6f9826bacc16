import type { View } from './view.ts'

/** Bytes sent to any socket of the process, ever: how much it rises by is the most that one socket can have been sent. */
export interface Traffic {
  bytes: number
}

/** What a socket is sent beside, by itself: WebSocket's own pings. */
const MARGIN_BYTES = 256
/** Pings cannot add up to more in this time. */
const HEADROOM_MS_MAX = 5_000

/**
 * How far a view may be broadcast without a look at its riders: the least of what each has room and allowance for. Made when all are looked at;
 * void (`View.headroom` is `null`) once one joins, or gives back what it holds.
 */
export class Headroom {
  #messagesEnd = Infinity
  #bytesEnd = Infinity
  #notBefore = -Infinity
  #room = Infinity
  readonly #trafficBegin: number
  readonly #deadline: number

  /** `unseen`: bytes of `traffic` that no socket shows yet. */
  constructor(traffic: Traffic, unseen: number, monotonic: number) {
    this.#trafficBegin = traffic.bytes - unseen - MARGIN_BYTES
    this.#deadline = monotonic + HEADROOM_MS_MAX
  }

  /** One rider that has room, and holds an advance (`null`: nothing limits it) up to these counts of the view. */
  add(
    room: number,
    notBefore: number,
    stake: { readonly messagesEnd: number; readonly bytesEnd: number } | null,
  ): void {
    if (room < this.#room) this.#room = room
    if (notBefore > this.#notBefore) this.#notBefore = notBefore
    if (stake === null) return
    if (stake.messagesEnd < this.#messagesEnd) this.#messagesEnd = stake.messagesEnd
    if (stake.bytesEnd < this.#bytesEnd) this.#bytesEnd = stake.bytesEnd
  }

  /** Whether every rider can be handed what the view has counted as paid, at most so many bytes; `oldest`: its smallest timestamp. */
  holds(view: View, oldest: number, bytes: number, traffic: Traffic, monotonic: number): boolean {
    return (
      traffic.bytes - this.#trafficBegin + bytes <= this.#room &&
      view.messagesPaid <= this.#messagesEnd &&
      view.bytesPaid <= this.#bytesEnd &&
      oldest >= this.#notBefore &&
      monotonic <= this.#deadline
    )
  }
}
