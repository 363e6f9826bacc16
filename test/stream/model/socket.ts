import assert from 'node:assert/strict'
import type { Traffic } from '../../../gateway/stream/headroom.ts'
import type { Carrier, Outlet, SubscriptionEvent } from '../../../gateway/stream/outlet.ts'
import type { Subscription } from '../../../gateway/stream/subscription.ts'
import type { Body } from '../../../gateway/stream/body.ts'
import type { Frames } from '../../../gateway/stream/frames.ts'

/** What a client gets of a record, or of a broken one. Twice the cursor, as SSE has it. */
export interface RecordFrame {
  readonly type: 'record' | 'invalid'
  readonly view: number
  readonly id: string
  readonly cursor: string | null
  readonly again: string | null
  readonly data?: { readonly uid: number }
  readonly bytes?: string
}

type Held = {
  readonly bytes: number
  readonly outlet: ModelOutlet | null
  readonly frame: Uint8Array | SubscriptionEvent
}

/** Broadcasts to the sockets that joined; order within a turn as in platform-notes. */
export class ModelCarrier implements Carrier {
  readonly name: string
  readonly joined = new Map<number, Set<ModelSocket>>()
  frames = 0

  constructor(name: string) {
    this.name = name
  }

  frame(frames: Frames, view: number, body: Body, cursor: string | null): void {
    this.frames++
    const head = JSON.stringify({ type: body.type, view, id: body.id, cursor, again: cursor })
    frames.add(`${head.slice(0, -1)},`, body, '')
  }

  broadcast(view: number, frames: Frames): void {
    const copies = copiesOf(frames)
    for (const socket of this.joined.get(view) ?? []) {
      socket.published(copies, frames.bytes)
      for (const outlet of socket.outlets) if (outlet.views.has(view)) outlet.onHanded(copies)
    }
  }
}

/** Each by itself, in memory of its own; together they are the whole. */
export function copiesOf(frames: Frames): Uint8Array[] {
  const copies = Array.from({ length: frames.length }, (_, index) => Uint8Array.from(frames.at(index)))
  assert.deepEqual(Buffer.concat(copies), Buffer.from(frames.whole))
  assert.equal(frames.whole.byteLength, frames.bytes)
  return copies
}

/** One connection with a bounded buffer that the client empties as it likes, shared by several subscriptions. */
export class ModelSocket {
  readonly carrier: ModelCarrier
  readonly capacity: number
  readonly outlets: ModelOutlet[] = []
  open = true
  /** Takes nothing any more and does not know it yet. */
  refuses = false
  /** In order; what was published in this turn stands in it, but does not count before the turn ends or a `send`. */
  #held: Held[] = []
  #counted = 0
  #uncounted = 0
  readonly #traffic: Traffic
  readonly #soon: (run: () => void) => void
  readonly #waiting = new Set<ModelOutlet>()

  constructor(carrier: ModelCarrier, capacity: number, traffic: Traffic, soon: (run: () => void) => void) {
    this.carrier = carrier
    this.capacity = capacity
    this.#traffic = traffic
    this.#soon = soon
  }

  get buffered(): number {
    return this.#held.length
  }

  room(): number {
    return this.open ? this.capacity - this.#counted : 0
  }

  whenRoom(outlet: ModelOutlet): void {
    this.#waiting.add(outlet)
    if (this.#counted === 0) this.#soon(() => this.#wake())
  }

  published(frames: readonly Uint8Array[], bytes: number): void {
    // Beyond this uWS drops, and tells nobody.
    const all = this.#counted + this.#uncounted + bytes
    assert.ok(all <= this.capacity, `broadcast fills a buffer of ${this.capacity} with ${all}`)
    this.#uncounted += bytes
    for (const frame of frames) this.#held.push({ bytes: frame.byteLength, outlet: null, frame })
  }

  send(frames: readonly Uint8Array[], bytes: number): boolean {
    if (!this.open || this.refuses) return false
    const alone = frames.length === 1 && bytes > this.capacity && this.#counted === 0
    const all = this.#counted + this.#uncounted + bytes
    assert.ok(alone || all <= this.capacity, `a send fills a buffer of ${this.capacity} with ${all}`)
    this.turnOver()
    this.#traffic.bytes += bytes
    this.#counted += bytes
    for (const frame of frames) this.#held.push({ bytes: frame.byteLength, outlet: null, frame })
    return true
  }

  tell(outlet: ModelOutlet, event: SubscriptionEvent): void {
    if (this.open) this.#held.push({ bytes: 0, outlet, frame: event })
  }

  turnOver(): void {
    this.#counted += this.#uncounted
    this.#uncounted = 0
  }

  /** The client takes up to `frames` of what is there. */
  drain(frames: number): void {
    if (!this.open) return
    this.turnOver()
    const taken = this.#held.splice(0, frames)
    for (const { bytes } of taken) this.#counted -= bytes
    for (const { outlet, frame } of taken) this.#deliver(outlet, frame)
    if (taken.length > 0) this.#wake()
  }

  /** What is still held never arrives. */
  cut(): void {
    this.open = false
    this.#held = []
    this.#waiting.clear()
    for (const { subscription, views } of this.outlets) {
      subscription?.close()
      assert.equal(views.size, 0, 'a closed subscription left its view')
    }
  }

  #deliver(outlet: ModelOutlet | null, frame: Uint8Array | SubscriptionEvent): void {
    if (outlet) return outlet.onEvent(frame as SubscriptionEvent)
    const record = JSON.parse(Buffer.from(frame as Uint8Array).toString()) as RecordFrame
    const to = this.outlets.find(({ subscription }) => subscription?.view.number === record.view)
    assert.ok(to, `a frame for view ${record.view}, which this socket does not have`)
    to.onRecord(record)
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { subscription } of waiting) subscription?.drained()
  }
}

/** What arrives at the client, in order; and what was just told, or left, on the server. */
export interface ClientSide {
  readonly record: (frame: RecordFrame) => void
  readonly event: (event: SubscriptionEvent) => void
  /** Put on the wire. */
  readonly handed: (frames: readonly Uint8Array[]) => void
  readonly told: (event: SubscriptionEvent) => void
  readonly left: () => void
}

export class ModelOutlet implements Outlet {
  subscription: Subscription | null = null
  readonly views = new Set<number>()
  readonly onRecord: ClientSide['record']
  readonly onEvent: ClientSide['event']
  readonly onHanded: ClientSide['handed']
  readonly #client: ClientSide
  readonly #socket: ModelSocket

  constructor(socket: ModelSocket, client: ClientSide) {
    this.#socket = socket
    this.#client = client
    this.onRecord = client.record
    this.onEvent = client.event
    this.onHanded = client.handed
    socket.outlets.push(this)
  }

  get carrier(): ModelCarrier {
    return this.#socket.carrier
  }

  get capacity(): number {
    return this.#socket.capacity
  }

  room(): number {
    return this.#socket.room()
  }

  whenRoom(): void {
    this.#socket.whenRoom(this)
  }

  send(frames: Frames): boolean {
    const copies = copiesOf(frames)
    const sent = this.#socket.send(copies, frames.bytes)
    if (sent) this.onHanded(copies)
    return sent
  }

  join(view: number): void {
    assert.ok(!this.views.has(view), 'joined twice')
    this.views.add(view)
    const joined = this.carrier.joined.get(view) ?? new Set()
    this.carrier.joined.set(view, joined.add(this.#socket))
  }

  leave(view: number): void {
    assert.ok(this.views.delete(view), 'left without having joined')
    this.#client.left()
    this.carrier.joined.get(view)?.delete(this.#socket)
  }

  tell(event: SubscriptionEvent): void {
    this.#client.told(event)
    this.#socket.tell(this, event)
  }
}
