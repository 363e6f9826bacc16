import type { Refusal } from '../errors.ts'
import type { Body } from '../stream/body.ts'
import type { Frames } from '../stream/frames.ts'
import type { Carrier } from '../stream/outlet.ts'
import type { Admissions } from './admissions.ts'
import type { Answer, Asked, Form } from './answer.ts'
import { EventStream } from './eventStream.ts'
import type { Control } from './framing.ts'
import { isRefusal } from './gate.ts'
import { noRaw, readQuery, type Wish } from './parameters.ts'
import type { Headers, Reply } from './reply.ts'

/** What tells one endless answer from another: the bytes. Each is whole blocks or lines, so that `push` may follow any. */
export interface Dialect {
  readonly name: 'sse' | 'ndjson'
  readonly contentType: string
  /** Whether it can carry payloads alone: something else must tell them from control frames. */
  readonly raw: boolean
  record(frames: Frames, body: Body, cursor: string | null): void
  control(control: Control, cursor: string | null): Uint8Array
  /** A sign of life that moves the cursor. */
  position(cursor: string): Uint8Array
  /** The first bytes: where the stream starts. `retryMs` is when to come back after the connection broke. */
  opening(cursor: string, retryMs: number): Uint8Array
  /** Says nothing: pushes out the end of a chunk, which uWS holds back until the next write. */
  readonly push: Uint8Array
  turnDown(reply: Reply, refusal: Refusal, headers: Headers): void
}

/** Endless answers of one dialect. */
export class EventStreams implements Form<Wish> {
  readonly seated = true
  readonly #dialect: Dialect
  readonly #admissions: Admissions
  readonly #carrier: EventStreamCarrier

  constructor(dialect: Dialect, admissions: Admissions) {
    this.#dialect = dialect
    this.#admissions = admissions
    this.#carrier = new EventStreamCarrier(dialect)
  }

  read(query: string): Wish | Refusal {
    const wish = readQuery(query)
    return isRefusal(wish) || wish.format !== 'raw' || this.#dialect.raw ? wish : noRaw()
  }

  connect(asked: Asked<Wish>): Answer {
    return new EventStream(asked, this.#dialect, this.#carrier, this.#admissions)
  }

  turnDown(reply: Reply, refusal: Refusal, headers: Headers): void {
    this.#dialect.turnDown(reply, refusal, headers)
  }
}

/** Broadcasts one buffer a view and turn, written to each connection that rides. */
export class EventStreamCarrier implements Carrier {
  readonly name: string
  readonly #dialect: Dialect
  readonly #riders = new Map<number, Set<EventStream>>()

  constructor(dialect: Dialect) {
    this.name = dialect.name
    this.#dialect = dialect
  }

  frame(frames: Frames, _view: number, body: Body, cursor: string | null): void {
    this.#dialect.record(frames, body, cursor)
  }

  broadcast(view: number, frames: Frames): void {
    const riders = this.#riders.get(view)
    if (!riders) return
    const block = frames.whole
    for (const rider of riders) rider.write(block)
  }

  join(view: number, connection: EventStream): void {
    const riders = this.#riders.get(view)
    if (riders) riders.add(connection)
    else this.#riders.set(view, new Set([connection]))
  }

  leave(view: number, connection: EventStream): void {
    const riders = this.#riders.get(view)
    if (riders?.delete(connection) && riders.size === 0) this.#riders.delete(view)
  }
}
