import assert from 'node:assert/strict'
import type { Cursor } from '../../../gateway/stream/cursor.ts'
import type { From } from '../../../gateway/stream/opening.ts'
import type { SubscriptionEvent } from '../../../gateway/stream/outlet.ts'
import { Position } from '../../../gateway/stream/position.ts'
import type { Subscription } from '../../../gateway/stream/subscription.ts'
import type { ModelLog } from './log.ts'
import { Oracle } from './oracle.ts'
import { ModelOutlet, type ClientSide, type ModelSocket, type RecordFrame } from './socket.ts'
import type { Tally } from './tally.ts'

/** Someone who keeps the cursor of the last frame that arrived, and comes back with it, to any node. */
export class Client {
  readonly view: number
  lastCursor: string | null = null
  connection: Connection | null = null
  /** Since it last began anew: what a narrow topic must not bring again. */
  readonly ids = new Set<string>()
  /** Whose it is: a place in each node's accounts. */
  readonly agreement: number

  constructor(view: number, agreement: number) {
    this.view = view
    this.agreement = agreement
  }
}

export interface World {
  readonly log: ModelLog
  readonly tally: Tally
  readonly tag: number
  readonly wide: boolean
}

/** One subscription's life, from `subscribed` to the cut, held against the oracle. */
export class Connection {
  readonly outlet: ModelOutlet
  readonly oracle: Oracle
  ended = false
  began = false
  readonly #client: Client
  readonly #from: From
  readonly #world: World
  #resetDue = false
  /** Reasons told, less those lifted. */
  #paused = false

  constructor(
    client: Client,
    socket: ModelSocket,
    from: From,
    world: World,
    shows: (uid: number) => boolean,
    handed: ClientSide['handed'],
  ) {
    this.#client = client
    this.#from = from
    this.#world = world
    const notBefore = from.kind === 'time' ? from.time : 0
    this.oracle = new Oracle(world.log, world.tag, shows, notBefore)
    this.outlet = new ModelOutlet(socket, {
      record: (frame) => this.#record(frame),
      event: (event) => this.#event(event),
      handed,
      told: (event) => this.#told(event),
      left: () => this.#left(),
    })
  }

  get subscription(): Subscription {
    return this.outlet.subscription as Subscription
  }

  #record(frame: RecordFrame): void {
    assert.ok(this.began && !this.ended && !this.#resetDue, 'a record outside of a subscription')
    this.oracle.record(frame)
    const { ids } = this.#client
    assert.ok(this.#world.wide || !ids.has(frame.id), `${frame.id} comes again`)
    ids.add(frame.id)
    this.#world.tally.records++
    if (frame.cursor === null) assert.ok(this.#world.wide)
    else this.#client.lastCursor = frame.cursor
  }

  #event(event: SubscriptionEvent): void {
    assert.ok(!this.ended, `${event.type} after the end`)
    assert.equal(this.began, event.type !== 'subscribed' && event.type !== 'ended' ? true : this.began)
    if (this.#resetDue) assert.ok(event.type === 'gap' && event.reason === 'reset', 'another log without a gap')
    this.#resetDue = false
    this.#judge(event)
    if ('cursor' in event && event.cursor !== null) this.#client.lastCursor = event.cursor
  }

  #judge(event: SubscriptionEvent): void {
    switch (event.type) {
      case 'subscribed':
        return this.#subscribed(this.oracle.decode(event.cursor))
      case 'position':
        return void this.oracle.position(event.cursor)
      case 'gap':
        this.#world.tally.gaps[event.reason]++
        // What comes again after a reset was announced; back in a log that it knows it may have the same id.
        if (event.reason === 'reset') this.#client.ids.clear()
        return this.oracle.gap(event)
      case 'paused':
        this.#paused = true
        return void this.oracle.position(event.cursor)
      case 'resumed':
        assert.ok(this.#paused, 'resumed without a pause')
        this.#paused = false
        return
      case 'notice':
        return assert.ok(event.count > 0)
      case 'warned':
        return assert.fail('no pool of the model warns')
      case 'ended':
        this.ended = true
        assert.equal(event.refusal.code, 'source-unavailable')
        assert.equal(event.cursor, null, 'only what never began is ended by an outage')
    }
  }

  #subscribed(start: Cursor): void {
    assert.ok(!this.began)
    this.began = true
    const from = this.#from
    if (from.kind !== 'cursor') return this.oracle.begin(start)
    this.oracle.begin(from.cursor)
    if (start.epoch === from.cursor.epoch) assert.deepEqual(start.vector, from.cursor.vector)
    else this.#resetDue = true
  }

  /** In the same turn as it is told: what was in the log then. */
  #told(event: SubscriptionEvent): void {
    if (event.type === 'gap' && event.reason === 'reset') this.#world.tally.entries.reset++
    if (event.type !== 'subscribed') return
    const start = this.oracle.decode(event.cursor)
    const from = this.#from
    const incarnation = this.#world.log.incarnations[start.epoch]
    assert.ok(incarnation)
    incarnation.partitions.forEach((partition, p) => {
      const next = start.vector[p] ?? 0
      if (next < 0 || from.kind === 'cursor') return
      if (from.kind === 'latest') assert.ok(next <= partition.end, 'latest starts beyond the end')
      if (from.kind === 'earliest') assert.ok(next <= partition.start, 'earliest starts beyond the start')
      if (from.kind === 'time')
        for (const { record } of partition.between(partition.start, next)) assert.ok(record.time < from.time)
    })
    this.#classify(start)
  }

  /** Why a rider was taken off, as far as that shows. */
  #left(): void {
    const { view, tail } = this.subscription
    const { left } = this.#world.tally
    if (tail.state === 'starting') left.reset++
    else if ((view.front.place?.seq ?? 0) >= tail.ring.start) left.other++
    else if (tail.ring.start === tail.ring.end) left.cut++
    else left.evicted++
  }

  #classify({ vector }: Cursor): void {
    const { tail } = this.subscription
    const { entries } = this.#world.tally
    const position = new Position(vector, 0)
    if (position.exceeds(tail.position)) entries.ahead++
    else if (!tail.ring.holds(position)) entries.log++
    else if (!position.equals(tail.position)) entries.ring++
    else entries.tail++
  }
}
