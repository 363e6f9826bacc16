import assert from 'node:assert/strict'
import type { FilterField } from '../../../gateway/catalog/plan.ts'
import { Hub } from '../../../gateway/stream/hub.ts'
import type { ViewSpec } from '../../../gateway/stream/view.ts'
import { uidOf, type ModelLog } from './log.ts'
import type { Random } from './random.ts'
import { CountedDecode, specOf } from './records.ts'
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
]

/** One process: its hub, its own sight of the log, its sockets, and an event loop whose turns the test decides on. */
export class ModelNode {
  readonly hub: Hub
  readonly source: ModelSource
  readonly specs: readonly ViewSpec[]
  readonly sockets = new Set<ModelSocket>()
  readonly #carriers = [new ModelCarrier('websocket'), new ModelCarrier('sse')]
  readonly #faults: unknown[] = []
  readonly #bytesMax: number
  #monotonic = 0
  #soon: (() => void)[] = []

  constructor(log: ModelLog, shape: Shape, now: () => number) {
    this.source = new ModelSource(log, now)
    const common = new CountedDecode((record) => broken(uidOf(record)))
    const sparse = new CountedDecode((record) => rare(uidOf(record)))
    this.specs = [
      specOf('all', common, 'frame'),
      specOf('sound', common),
      specOf('rare', sparse),
      parityOf(0, common),
      parityOf(1, common),
    ]
    this.#bytesMax = shape.logMemoryBytesMax
    const limits = { ...shape, lingerMs: 2_000, turnMsMax: 12, blockBytesMax: 4_000, heldBytesMax: 10_000 }
    // Work takes time: a turn that looks at the clock often enough is over.
    const clock = { now, monotonic: () => this.#monotonic++, soon: (run: () => void) => void this.#soon.push(run) }
    this.hub = new Hub(clock, limits, (error) => this.#faults.push(error))
  }

  socket(random: Random, capacities: readonly number[]): ModelSocket {
    const carrier = random.pick(this.#carriers) as ModelCarrier
    const soon = (run: () => void): void => void this.#soon.push(run)
    const socket = new ModelSocket(carrier, random.pick(capacities) as number, soon)
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

const PARITY: FilterField = { name: 'parity', path: ['parity'], type: 'integer' }

/** Two views that differ only in the value of one equality, so that one walk over the ring serves both. */
function parityOf(value: number, decode: CountedDecode): ViewSpec {
  const condition = { field: PARITY, operator: '==', values: [value] } as const
  return { ...specOf(`parity==${value}`, decode), condition, equality: { field: PARITY, value, key: 'parity' } }
}
