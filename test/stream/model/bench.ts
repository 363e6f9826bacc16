import { decodeCursor, streamTag, type Cursor } from '../../../gateway/stream/cursor.ts'
import { Hub, type HubLimits } from '../../../gateway/stream/hub.ts'
import type { From } from '../../../gateway/stream/opening.ts'
import type { SubscriptionEvent } from '../../../gateway/stream/outlet.ts'
import type { Source } from '../../../gateway/stream/source.ts'
import type { Subscription } from '../../../gateway/stream/subscription.ts'
import type { ViewSpec } from '../../../gateway/stream/view.ts'
import type { Account } from '../../../gateway/stream/account.ts'
import { accountOf } from './account.ts'
import { ModelLog, type ModelPartition } from './log.ts'
import { Random } from './random.ts'
import { CountedDecode, specOf } from './records.ts'
import { ModelCarrier, ModelOutlet, ModelSocket, type RecordFrame } from './socket.ts'
import { ModelSource } from './source.ts'

const LIMITS: HubLimits = {
  logMemoryBytesMax: 1_000_000,
  sessionBufferBytesMax: 100_000,
  lingerMs: 1_000,
  turnMsMax: 5,
  replaySlotsMax: 2,
  blockBytesMax: 4_000,
  heldBytesMax: 100_000,
}

/** What one subscription was sent, as its client sees it. */
export interface Sent {
  readonly subscription: Subscription
  readonly socket: ModelSocket
  readonly outlet: ModelOutlet
  readonly records: RecordFrame[]
  readonly events: SubscriptionEvent[]
}

/** One hub on one log, for tests that tell a single story. */
export class Bench {
  now = 1_790_000_000_000
  readonly log: ModelLog
  readonly source: ModelSource
  readonly hub: Hub
  readonly carrier = new ModelCarrier('websocket')
  readonly decode = new CountedDecode()
  readonly faults: unknown[] = []
  readonly #sockets: ModelSocket[] = []
  readonly #random = new Random(1)
  #soon: (() => void)[] = []

  constructor(partitions = 1, limits: Partial<HubLimits> = {}) {
    this.log = new ModelLog(partitions)
    this.source = new ModelSource(this.log, () => this.now)
    const soon = (run: () => void): void => void this.#soon.push(run)
    const clock = { now: () => this.now, monotonic: () => this.now, soon }
    this.hub = new Hub(clock, { ...LIMITS, ...limits }, (error) => this.faults.push(error))
  }

  partition(number = 0): ModelPartition {
    return this.log.newest.partitions[number] as ModelPartition
  }

  append(count: number, partition = 0, bytes = 10): void {
    for (let i = 0; i < count; i++) this.log.append(partition, ++this.now, bytes)
  }

  socket(capacity = LIMITS.sessionBufferBytesMax): ModelSocket {
    const socket = new ModelSocket(this.carrier, capacity, this.hub.traffic, (run) => void this.#soon.push(run))
    this.#sockets.push(socket)
    return socket
  }

  open(
    from: From,
    more: { spec?: ViewSpec; horizon?: number; socket?: ModelSocket; source?: Source; account?: Account } = {},
  ): Sent {
    const { spec = specOf('all', this.decode), socket = this.socket(), horizon = null, source = this.source } = more
    const { account = accountOf('a') } = more
    const records: RecordFrame[] = []
    const events: SubscriptionEvent[] = []
    const outlet = new ModelOutlet(socket, {
      record: (frame) => records.push(frame),
      event: (event) => events.push(event),
      handed() {},
      told() {},
      left() {},
    })
    const subscription = this.hub.open({ spec, source, from, horizon, outlet, account })
    outlet.subscription = subscription
    return { subscription, socket, outlet, records, events }
  }

  /** Turns the event loop until nothing more happens: sources answer and tell all they have, and clients read what they get. */
  async run(options: { fetch?: boolean; drain?: boolean } = {}): Promise<void> {
    const { fetch = true, drain = true } = options
    for (let calm = 0; calm < 3; calm++) {
      if (fetch) this.source.fetch(this.#random, true)
      while (this.source.asked > 0) {
        this.source.answer(this.#random)
        await settle()
        calm = 0
      }
      await settle()
      if (this.turn()) calm = 0
      if (drain) for (const socket of this.#sockets) socket.drain(Number.POSITIVE_INFINITY)
    }
  }

  turn(): boolean {
    const due = this.#soon
    this.#soon = []
    for (const run of due) run()
    for (const socket of this.#sockets) socket.turnOver()
    return due.length > 0
  }

  tick(ms = 250): void {
    this.now += ms
    this.hub.tick()
  }
}

/** Lets everything run that promises hold up. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

export function cursorOf(text: string | null | undefined): Cursor {
  return decodeCursor(text ?? '', streamTag('p/s')) as Cursor
}

export function ids(sent: Sent): string[] {
  return sent.records.map(({ id }) => id)
}

export function kinds(sent: Sent): string[] {
  return sent.events.map(({ type }) => type)
}
