import type { TemplatedApp, WebSocket } from 'uWebSockets.js'
import { refuse } from '../errors.ts'
import type { Body, Form } from '../stream/body.ts'
import type { Frames } from '../stream/frames.ts'
import type { Carrier, Outlet, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import { controlCloudEvent, recordMessage, type Control } from './framing.ts'
import type { Session, Wire } from './session.ts'

/** How records go out over WebSocket: as text messages, or raw payloads as binary ones. */
export interface Carriers {
  readonly text: SocketCarrier
  readonly raw: SocketCarrier
}

export function createCarriers(app: TemplatedApp): Carriers {
  return { text: new SocketCarrier(app, false), raw: new SocketCarrier(app, true) }
}

/** Broadcasts through uWS's own topics: one topic a view. */
export class SocketCarrier implements Carrier {
  readonly name: string
  readonly #app: TemplatedApp
  readonly #binary: boolean

  constructor(app: TemplatedApp, binary: boolean) {
    this.#app = app
    this.#binary = binary
    this.name = binary ? 'websocket raw' : 'websocket'
  }

  frame(frames: Frames, view: number, body: Body, cursor: string | null): void {
    recordMessage(frames, view, body, cursor)
  }

  broadcast(view: number, frames: Frames): void {
    const topic = topicOf(view)
    for (let i = 0; i < frames.length; i++) this.#app.publish(topic, frames.at(i), this.isBinary(frames, i), false)
  }

  /** Where payloads are binary, a record that has none to show is text all the same. */
  isBinary(frames: Frames, index: number): boolean {
    return this.#binary && frames.typeOf(index) === 'raw'
  }
}

/** Of a WebSocket frame from a server (RFC 6455 §5.2). */
const HEADER_BYTES_MAX = 10
/** Time for a closing socket to take what it was sent. */
const CLOSE_MS_MAX = 15_000

/** What a socket carries for its owner; nothing of it is needed here. */
type Socket = WebSocket<unknown>

/** One socket: its buffer, and who waits for room in it. */
export class SocketWire implements Wire {
  readonly #ws: Socket
  readonly #carriers: Carriers
  readonly #admissions: Admissions
  /** Control frames are CloudEvents. */
  readonly #cloudEvents: boolean
  /** `null`, mostly: nobody waits. */
  #waiting: Set<SocketOutlet> | null = null
  readonly #id: string
  #controls = 0
  #open = true
  /** The socket itself is no more; nothing of it may be touched. */
  #gone = false
  /** Since when the backlog has not shrunk, ms; `null` while there is none. */
  #stuckSince: number | null = null

  /** `id` tells it from all others: an event's id is unique within its source (CloudEvents 1.0.2 §3.1). */
  constructor(id: string, ws: Socket, carriers: Carriers, admissions: Admissions, cloudEvents: boolean) {
    this.#id = id
    this.#ws = ws
    this.#carriers = carriers
    this.#admissions = admissions
    this.#cloudEvents = cloudEvents
  }

  get defaultForm(): Form {
    return this.#cloudEvents ? 'cloudevents' : 'record'
  }

  get capacity(): number {
    return this.#admissions.context.limits.sessionBufferBytesMax
  }

  send(control: Control): void {
    if (!this.#open) return
    const message = Buffer.from(JSON.stringify(this.#cloudEvents ? this.#asCloudEvent(control) : control))
    this.#count(message.byteLength + HEADER_BYTES_MAX)
    this.#ws.send(message, false)
  }

  close(code: number, reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.#ws.end(code, reason)
    // The close frame waits behind the backlog, which whoever takes nothing would keep here for ever.
    if (!this.#gone) this.#admissions.context.clock.after(CLOSE_MS_MAX, () => this.#gone || this.#ws.close())
  }

  outlet(form: Form, onEvent: (event: SubscriptionEvent) => void): Outlet {
    return new SocketOutlet(this, form === 'raw' ? this.#carriers.raw : this.#carriers.text, onEvent)
  }

  wakes(outlet: Outlet, subscription: Subscription): void {
    ;(outlet as SocketOutlet).subscription = subscription
  }

  room(): number {
    return this.#open ? this.capacity - this.#ws.getBufferedAmount() : 0
  }

  whenRoom(outlet: SocketOutlet): void {
    this.#waiting ??= new Set()
    this.#waiting.add(outlet)
    // Without a backlog no drain would ever come.
    if (this.#open && this.#ws.getBufferedAmount() === 0) this.#admissions.context.clock.soon(() => this.#wake())
  }

  sendFrames(frames: Frames, carrier: SocketCarrier): boolean {
    if (!this.#open) return false
    this.#count(frames.bytes + frames.length * HEADER_BYTES_MAX)
    let lost = false
    this.#ws.cork(() => {
      for (let i = 0; i < frames.length; i++)
        lost = this.#ws.send(frames.at(i), carrier.isBinary(frames, i), false) === 2 || lost
    })
    return !lost
  }

  /** uWS answers it by itself. */
  pinged(bytes: number): void {
    this.#count(bytes + HEADER_BYTES_MAX)
  }

  join(view: number): void {
    if (this.#open) this.#ws.subscribe(topicOf(view))
  }

  leave(view: number): void {
    if (this.#open) this.#ws.unsubscribe(topicOf(view))
  }

  drained(now: number): void {
    this.#stuckSince = now
    this.#wake()
  }

  /** Every second: a socket that takes nothing for too long is closed with its cursor. */
  watch(now: number, session: Session): void {
    if (!this.#open) return
    if (this.#ws.getBufferedAmount() === 0) this.#stuckSince = null
    else this.#stuckSince ??= now
    const { stuckMsMax } = this.#admissions.context.limits
    if (this.#stuckSince !== null && now - this.#stuckSince >= stuckMsMax) {
      return session.close(refuse('slow', `The connection took nothing for ${stuckMsMax / 1000} s.`))
    }
    session.tick(now)
  }

  gone(): void {
    this.#gone = true
    this.#open = false
    this.#waiting = null
  }

  #count(bytes: number): void {
    this.#admissions.context.hub.traffic.bytes += bytes
  }

  #asCloudEvent(control: Control): Control {
    const { gate, clock } = this.#admissions.context
    return controlCloudEvent(control, `${gate.publicUrl()}/streams`, `${this.#id}-${++this.#controls}`, clock.now())
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === null) return
    this.#waiting = null
    for (const { subscription } of waiting) subscription?.drained()
  }
}

class SocketOutlet implements Outlet {
  subscription: Subscription | null = null
  readonly carrier: SocketCarrier
  readonly tell: (event: SubscriptionEvent) => void
  readonly #wire: SocketWire

  constructor(wire: SocketWire, carrier: SocketCarrier, tell: (event: SubscriptionEvent) => void) {
    this.#wire = wire
    this.carrier = carrier
    this.tell = tell
  }

  get capacity(): number {
    return this.#wire.capacity
  }

  room(): number {
    return this.#wire.room()
  }

  whenRoom(): void {
    this.#wire.whenRoom(this)
  }

  send(frames: Frames): boolean {
    return this.#wire.sendFrames(frames, this.carrier)
  }

  join(view: number): void {
    this.#wire.join(view)
  }

  leave(view: number): void {
    this.#wire.leave(view)
  }
}

function topicOf(view: number): string {
  return `v${view}`
}
