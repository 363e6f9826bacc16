import assert from 'node:assert/strict'
import type { Cursor } from '../../../gateway/stream/cursor.ts'
import { decodeCursor, streamTag } from '../../../gateway/stream/cursor.ts'
import type { From } from '../../../gateway/stream/opening.ts'
import { settle } from './bench.ts'
import { Client, Connection } from './client.ts'
import { ModelLog, ModelPartition } from './log.ts'
import { HIDDEN, ModelNode, type Shape } from './node.ts'
import { Random } from './random.ts'
import type { ModelSocket } from './socket.ts'
import { addCounts, type Tally } from './tally.ts'

/** All that can happen, and how often. */
export const OPS = {
  append: 14,
  hole: 3,
  retain: 2,
  lead: 2,
  widen: 1,
  recreate: 0.7,
  notice: 1,
  tellChanged: 2,
  fetch: 20,
  answer: 16,
  outage: 1,
  turn: 34,
  tick: 4,
  leap: 1,
  drain: 12,
  heartbeat: 2,
  pause: 3,
  refill: 10,
  exhaust: 2,
  lapse: 1,
  meter: 3,
  resume: 5,
  cut: 3,
  open: 10,
} as const

export type Op = keyof typeof OPS

const CLIENTS_MAX = 14
const ROUNDS_MAX = 600

/** One topic, two nodes, some clients, and all that can happen to them, one thing at a time. */
export class ModelWorld {
  readonly log: ModelLog
  readonly tag = streamTag('p/s')
  readonly wide: boolean
  readonly tally: Tally
  now = 1_790_000_000_000
  readonly #shape: Shape
  readonly #nodes: readonly ModelNode[]
  readonly #clients: Client[] = []

  constructor(shape: Shape, tally: Tally) {
    this.tally = tally
    this.#shape = shape
    this.wide = shape.partitions > 16
    this.log = new ModelLog(shape.partitions)
    this.#nodes = [0, 1].map(() => new ModelNode(this.log, shape, () => this.now))
  }

  /** Does one thing. */
  async step(op: Op, random: Random): Promise<void> {
    this.now += random.int(10)
    this[op](random)
    await settle()
    for (const node of this.#nodes) node.check()
  }

  append(random: Random): void {
    for (let count = 1 + random.int(10); count > 0; count--) {
      const bytes = random.chance(0.03) ? this.#shape.sessionBufferBytesMax : random.int(300)
      this.log.append(random.int(this.log.newest.partitions.length), this.now + random.int(100) - 50, bytes)
    }
  }

  hole(random: Random): void {
    this.#partition(random).end += 1 + random.int(4)
  }

  retain(random: Random): void {
    const partition = this.#partition(random)
    partition.start += random.int(partition.end - partition.start + 1)
  }

  lead(random: Random): void {
    const partition = this.#partition(random)
    partition.led = !partition.led || random.chance(0.5)
  }

  widen(random: Random): void {
    const { partitions } = this.log.newest
    if (this.wide || partitions.length > 6) return
    partitions.push(new ModelPartition())
    if (random.chance(0.5)) this.log.append(partitions.length - 1, this.now, 50)
  }

  recreate(random: Random): void {
    this.log.recreate(random.int(5))
  }

  notice(random: Random): void {
    this.#node(random).source.notice()
  }

  tellChanged(random: Random): void {
    this.#node(random).source.tellChanged()
  }

  fetch(random: Random): void {
    this.#node(random).source.fetch(random)
  }

  answer(random: Random): void {
    this.#node(random).source.answer(random)
  }

  outage(random: Random): void {
    this.#node(random).source.setDown(random.chance(0.4))
  }

  turn(random: Random): void {
    this.#node(random).turn()
  }

  tick(random: Random): void {
    this.now += 250
    this.#node(random).hub.tick()
  }

  /** Much time goes by, in which both nodes hear all there is; some clients read none of it. */
  leap(random: Random): void {
    if (this.#nodes.some(({ source }) => source.down)) return
    for (const { source } of this.#nodes) source.fetch(random, true)
    if (this.#nodes.every(({ source }) => source.isUpToDate)) this.now += 200_000
  }

  drain(random: Random): void {
    const socket = random.pick(this.#sockets())
    socket?.drain(random.chance(0.5) ? 1 + random.int(4) : Number.POSITIVE_INFINITY)
  }

  heartbeat(random: Random): void {
    random.pick(this.#connected())?.subscription.heartbeat()
  }

  refill(random: Random): void {
    random.pick(this.#node(random).pools)?.refill(random)
  }

  exhaust(random: Random): void {
    random.pick(this.#node(random).pools)?.exhaust()
  }

  lapse(random: Random): void {
    random.pick(this.#node(random).pools)?.lapse()
  }

  meter(random: Random): void {
    this.tally.metered += this.#node(random).meter()
  }

  pause(random: Random): void {
    random.pick(this.#connected())?.subscription.pause(random.chance(0.7) ? 'quota' : 'metering')
  }

  resume(random: Random): void {
    const subscription = random.pick(this.#connected())?.subscription
    subscription?.resume('quota')
    if (random.chance(0.7)) subscription?.resume('metering')
  }

  cut(random: Random): void {
    const socket = random.pick(this.#sockets())
    if (!socket) return
    socket.drain(random.int(1 + socket.buffered))
    this.#close(socket)
  }

  open(random: Random): void {
    const away = this.#clients.filter(({ connection }) => connection === null || connection.ended)
    const client = away.length > 0 && random.chance(0.8) ? random.pick(away) : this.#newcomer(random)
    if (!client) return
    const node = this.#node(random)
    const socket = this.#socketFor(client, node, random)
    const from = this.#from(client, random)
    if (from.kind !== 'cursor') client.ids.clear()
    const shows = (uid: number): boolean => !(HIDDEN[client.view] as (uid: number) => boolean)(uid)
    const account = node.accounts[client.agreement] as ModelNode['accounts'][number]
    const handed = (frames: readonly Uint8Array[]): void => node.book.enter(account, frames)
    const connection = new Connection(client, socket, from, this, shows, handed)
    const spec = node.specs[client.view] as ModelNode['specs'][number]
    const { outlet } = connection
    outlet.subscription = node.hub.open({ spec, source: node.source, from, horizon: null, outlet, account })
    client.connection = connection
  }

  /** Everything works again and everybody reads: then everybody has had everything, and rides. */
  async quiesce(random: Random): Promise<void> {
    for (const partition of this.log.newest.partitions) partition.led = true
    for (const { source } of this.#nodes) {
      source.setDown(false)
      source.notice()
      source.tellChanged()
    }
    for (const { pools } of this.#nodes) for (const pool of pools) pool.grantPlenty()
    for (const { subscription } of this.#connected()) {
      subscription.resume('quota')
      subscription.resume('metering')
    }
    for (let round = 0; round < ROUNDS_MAX && !this.#quiet(); round++) await this.#round(random)
    for (const connection of this.#connected()) {
      assert.equal(connection.subscription.mode, 'riding', `after ${ROUNDS_MAX} rounds somebody still sleeps`)
      assert.deepEqual(connection.oracle.owed(), [])
      assert.equal(connection.oracle.epoch, this.log.newest.epoch)
    }
  }

  /** Everybody goes, and nothing of them is left behind. */
  async end(): Promise<void> {
    for (const socket of this.#sockets()) this.#close(socket)
    await settle()
    for (const node of this.#nodes) {
      while (node.source.asked > 0) {
        node.source.answer(new Random(0))
        await settle()
      }
      node.turn()
      this.now += 10_000
      node.hub.tick()
      const { subscriptions, tails, ringBytes, blockBytes } = node.hub.stats()
      assert.deepEqual(
        { subscriptions, tails, ringBytes, blockBytes },
        { subscriptions: 0, tails: 0, ringBytes: 0, blockBytes: 0 },
      )
      this.tally.metered += node.meter()
      node.settle()
      this.tally.refusals += node.pools.reduce((sum, { refusals }) => sum + refusals, 0)
      addCounts(this.tally, node.hub.counts)
    }
    this.tally.worlds++
  }

  async #round(random: Random): Promise<void> {
    this.now += 260
    for (const node of this.#nodes) {
      node.source.fetch(random, random.chance(0.5))
      for (let asked = node.source.asked; asked > 0; asked--) node.source.answer(random)
      await settle()
      node.turn()
      for (const socket of node.sockets) socket.drain(Number.POSITIVE_INFINITY)
      node.turn()
      node.hub.tick()
    }
    await settle()
  }

  #quiet(): boolean {
    const connected = this.#connected()
    return connected.every(
      ({ subscription, oracle, began }) => began && subscription.mode === 'riding' && oracle.owed().length === 0,
    )
  }

  #newcomer(random: Random): Client | undefined {
    if (this.#clients.length >= CLIENTS_MAX) return undefined
    const client = new Client(random.int(HIDDEN.length), random.int(3))
    this.#clients.push(client)
    return client
  }

  #from(client: Client, random: Random): From {
    const { lastCursor } = client
    if (lastCursor !== null && random.chance(0.85))
      return { kind: 'cursor', cursor: decodeCursor(lastCursor, this.tag) as Cursor }
    const dice = random.int(3)
    if (dice === 0) return { kind: 'latest' }
    return dice === 1 ? { kind: 'earliest' } : { kind: 'time', time: this.now - random.int(2_000) }
  }

  /** A session cannot have the same view twice. */
  #socketFor(client: Client, node: ModelNode, random: Random): ModelSocket {
    const { sessionBufferBytesMax: full } = this.#shape
    const shared = [...node.sockets].filter((socket) => socket.open && !this.#has(socket, node, client.view))
    const found = random.chance(0.75) ? random.pick(shared) : undefined
    return found ?? node.socket(random, [full / 4, full / 2, full, full, full * 2])
  }

  #has(socket: ModelSocket, node: ModelNode, view: number): boolean {
    return socket.outlets.some(({ subscription }) => subscription?.view.spec === node.specs[view])
  }

  #close(socket: ModelSocket): void {
    socket.cut()
    for (const node of this.#nodes) node.sockets.delete(socket)
    for (const client of this.#clients) {
      if (client.connection && socket.outlets.includes(client.connection.outlet)) client.connection = null
    }
  }

  #sockets(): ModelSocket[] {
    return this.#nodes.flatMap(({ sockets }) => [...sockets])
  }

  #connected(): Connection[] {
    return this.#clients.flatMap(({ connection }) =>
      connection && !connection.ended && connection.subscription.mode !== 'closed' ? [connection] : [],
    )
  }

  #node(random: Random): ModelNode {
    return random.pick(this.#nodes) as ModelNode
  }

  #partition(random: Random): ModelPartition {
    return random.pick(this.log.newest.partitions) as ModelPartition
  }
}
