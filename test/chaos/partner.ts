import { setTimeout as later } from 'node:timers/promises'
import { decodeCursor, isFault, streamTag } from '../../gateway/stream/cursor.ts'
import { until } from '../integration/support/until.ts'
import { connect, type Connection, type Told, type TransportName } from './connections.ts'
import { PRODUCT } from './document.ts'
import type { Event, Place } from './oracle.ts'

export interface PartnerOptions {
  readonly name: string
  readonly stream: string
  /** Of the stream, at each gateway: which one a connection goes to is left to chance. */
  readonly urls: readonly string[]
  readonly token: string
  readonly random: () => number
  /** Each connection takes one of them. */
  readonly transports: readonly TransportName[]
  /** It leaves by itself after so many records, at most; else it stays until it is cut. */
  readonly lifeRecordsMax?: number
}

const PAUSE_MS_MAX = 150
/** A connection over which not even a sign of life came is given up. */
const QUIET_MS_MAX = 20_000
const LOOK_MS = 10

/**
 * A partner's program: reads one stream for ever over real clients, and whatever ends a connection, comes back with its last cursor, to any
 * gateway and over any of its transports. It writes down what it met.
 */
export class Partner {
  readonly name: string
  readonly events: Event[] = []
  /** Answers that no client should get in these runs. */
  readonly troubles: string[] = []
  connections = 0
  /** Where it stands; `null` before it was first told. */
  place: Place | null = null
  readonly #options: PartnerOptions
  readonly #tag: number
  #cursor: string | null = null
  #stopped = false
  #resting = false
  #connected = false
  #heardAt = 0
  #living: Promise<void> = Promise.resolve()

  constructor(options: PartnerOptions) {
    this.name = options.name
    this.#options = options
    this.#tag = streamTag(`${PRODUCT}/${options.stream}`)
  }

  start(): void {
    this.#living = this.#live()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#living
  }

  /** Leaves, and stays away until `wake`. Resolves when it is gone. */
  async rest(): Promise<void> {
    this.#resting = true
    await until(`${this.name} to be gone`, () => !this.#connected)
  }

  wake(): void {
    this.#resting = false
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#resting) await this.#connection()
      await later(this.#options.random() * PAUSE_MS_MAX)
    }
  }

  async #connection(): Promise<void> {
    const { urls, transports, token, random, lifeRecordsMax = Infinity } = this.#options
    this.#connected = true
    this.connections++
    this.#heardAt = performance.now()
    const life = { left: lifeRecordsMax === Infinity ? Infinity : 1 + Math.floor(random() * lifeRecordsMax) }
    const transport = pick(transports, random)
    const connection: Connection = connect(transport, pick(urls, random), { token, cursor: this.#cursor }, (told) => {
      if (life.left <= 0) return
      if (told.type === 'record') life.left--
      this.#hear(told, transport)
    })
    const goesOn = (): boolean => life.left > 0 && !this.#stopped && !this.#resting && !this.#quiet
    while (!connection.over && goesOn()) await later(LOOK_MS)
    life.left = 0
    connection.destroy()
    this.#connected = false
  }

  get #quiet(): boolean {
    return performance.now() - this.#heardAt > QUIET_MS_MAX
  }

  #hear(told: Told, transport: TransportName): void {
    this.#heardAt = performance.now()
    if (told.type === 'trouble') return void this.troubles.push(`${this.name} over ${transport}: ${told.what}`)
    if (told.type === 'alive') return
    const at = told.cursor === null ? (this.place ?? { epoch: 0, next: [] }) : this.#decoded(told.cursor)
    if (told.cursor !== null) this.#cursor = told.cursor
    this.place = at
    this.events.push(eventOf(told, at))
  }

  #decoded(text: string): Place {
    const cursor = decodeCursor(text, this.#tag)
    if (isFault(cursor)) throw new Error(`${text} is ${cursor}`)
    return { epoch: cursor.epoch, next: cursor.vector }
  }
}

function eventOf(told: Exclude<Told, { type: 'trouble' | 'alive' }>, at: Place): Event {
  if (told.type === 'gap') return { type: 'gap', reason: told.reason, offsets: told.offsets, at }
  if (told.type !== 'record') return { type: told.type, at }
  const parts = /^(?:(\d+)\.)?(\d+)-(\d+)$/.exec(told.id)
  if (parts === null) throw new Error(`${told.id} is no record's id`)
  const [epoch, partition, offset] = parts.slice(1).map((part) => Number(part ?? 0)) as [number, number, number]
  return { type: 'record', epoch, partition, offset, uid: told.uid, at }
}

export function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T
}
