import assert from 'node:assert/strict'
import type { Account } from '../../../gateway/stream/account.ts'
import { Hub } from '../../../gateway/stream/hub.ts'
import type { ViewSpec } from '../../../gateway/stream/view.ts'
import { accountOf } from './account.ts'
import { Book } from './book.ts'
import { uidOf, type ModelLog } from './log.ts'
import { ModelPool } from './pool.ts'
import type { Random } from './random.ts'
import { CountedDecode, equal, PARITY, specOf, UID, where } from './records.ts'
import { ModelCarrier, ModelSocket } from './socket.ts'
import { ModelSource } from './source.ts'

export interface Shape {
  readonly partitions: number
  readonly logMemoryBytesMax: number
  readonly sessionBufferBytesMax: number
  readonly replaySlotsMax: number
}

/** Of the first two views, of one stream: what breaks its contract. One shows it as such, the other skips it. */
const broken = (uid: number): boolean => uid % 3 === 0
/** Of the third view: nearly everything. */
const rare = (uid: number): boolean => uid % 50 !== 1

/** What each view leaves out. */
export const HIDDEN: readonly ((uid: number) => boolean)[] = [
  () => false,
  broken,
  rare,
  (uid) => broken(uid) || uid % 2 !== 0,
  (uid) => broken(uid) || uid % 2 !== 1,
  // What is broken is told to both: nobody can say whose it is.
  (uid) => !broken(uid) && uid % 2 !== 0,
  (uid) => !broken(uid) && uid % 2 !== 1,
  (uid) => broken(uid) || uid > 60,
]

/** One process: its hub, its own sight of the log, its sockets, and an event loop whose turns the test decides on. */
export class ModelNode {
  readonly hub: Hub
  readonly source: ModelSource
  readonly specs: readonly ViewSpec[]
  readonly sockets = new Set<ModelSocket>()
  /** Two agreements with an allowance, of which one cannot pay large records, and one without a limit. */
  readonly pools = [new ModelPool(1_000_000), new ModelPool(200)]
  readonly accounts: readonly Account[] = [
    ...this.pools.map((pool, i) => accountOf(`limited-${i}`, pool)),
    accountOf('free'),
  ]
  readonly book: Book
  readonly #carriers = [new ModelCarrier('websocket'), new ModelCarrier('sse')]
  readonly #faults: unknown[] = []
  readonly #bytesMax: number
  #monotonic = 0
  #soon: (() => void)[] = []

  constructor(log: ModelLog, shape: Shape, now: () => number) {
    this.source = new ModelSource(log, now)
    this.book = new Book((id) => log.sizeOf(id))
    const common = new CountedDecode((record) => broken(uidOf(record)))
    const sparse = new CountedDecode((record) => rare(uidOf(record)))
    const all = specOf('all', common, 'frame')
    const sound = specOf('sound', common)
    const early = where(sound, 'early', { field: UID, operator: '=le=', values: [60] })
    // Two fronts of two views each: views that differ only in the value of one equality are served by one walk over the ring.
    const parities = [sound, all].flatMap((spec) => [0, 1].map((value) => equal(spec, PARITY, value)))
    this.specs = [all, sound, specOf('rare', sparse), ...parities, early]
    this.#bytesMax = shape.logMemoryBytesMax
    const limits = { ...shape, lingerMs: 2_000, turnMsMax: 12, blockBytesMax: 4_000, heldBytesMax: 10_000 }
    // Work takes time: a turn that looks at the clock often enough is over.
    const clock = { now, monotonic: () => this.#monotonic++, soon: (run: () => void) => void this.#soon.push(run) }
    this.hub = new Hub(clock, limits, (error) => this.#faults.push(error))
  }

  socket(random: Random, capacities: readonly number[]): ModelSocket {
    const carrier = random.pick(this.#carriers) as ModelCarrier
    const soon = (run: () => void): void => void this.#soon.push(run)
    const socket = new ModelSocket(carrier, random.pick(capacities) as number, this.hub.traffic, soon)
    this.sockets.add(socket)
    return socket
  }

  turn(): void {
    const due = this.#soon
    this.#soon = []
    for (const run of due) run()
    for (const socket of this.sockets) socket.turnOver()
    const { ringBytes, blockBytes } = this.hub.stats()
    const used = ringBytes + blockBytes
    assert.ok(ringBytes === 0 || used <= this.#bytesMax, `${used} bytes are held, ${this.#bytesMax} allowed`)
    this.check()
  }

  /** Holds the meter against what was put on the wires; answers how many records that were. */
  meter(): number {
    const { meter } = this.hub
    const drained = this.book.compare(meter.drain())
    assert.equal(meter.records, 0)
    return drained
  }

  /** After everybody has gone: nothing that was granted is lost, nothing was handed over unpaid. */
  settle(): void {
    this.pools.forEach((pool, i) => {
      assert.equal(pool.members, 0)
      this.book.settle(this.accounts[i] as Account, pool)
    })
  }

  get busy(): boolean {
    return this.#soon.length > 0 || this.source.asked > 0
  }

  /** What holds at all times. */
  check(): void {
    if (this.#faults.length > 0) throw this.#faults[0]
    const { ringBytes, blockBytes } = this.hub.stats()
    assert.ok(ringBytes >= 0 && blockBytes >= 0)
  }
}
