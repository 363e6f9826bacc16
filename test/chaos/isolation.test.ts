import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { until } from '../integration/support/until.ts'
import { connect, type Connection, type TransportName } from './connections.ts'
import { World } from './world.ts'
import { Writer } from './writer.ts'

const RECORDS = 60
const PACE_MS = 20
const LAPS = 2
/** Of the 95th percentile in the same run: what a frozen broker would cost is a poll's or a request's deadline, hundreds of times as much. */
const RATIO_MAX = 5
/** Below this nothing is told from the noise of a busy machine. */
const NOISE_MS = 60
const BROKEN = 2

/** Topics whose partition `p` only broker `p` has: one that broker 2 has a part in, one that it has none in. */
const LAYOUTS = [
  [[0], [1], [2]],
  [[0], [1]],
]

describe('chaos isolation', () => {
  let world: World
  const readers: Reader[] = []
  const writers: Writer[] = []
  before(async () => {
    world = await World.start(LAYOUTS.length)
    const doors = await world.doors('direct')
    const token = await world.token()
    for (const layout of LAYOUTS) {
      const { run, topic } = world.take()
      const replicaAssignment = layout.map((replicas, partition) => ({ partition, replicas }))
      await world.admin.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: true })
      const writer = new Writer(world.kafka.brokers, topic, () => 0.5)
      writers.push(writer)
      for (const transport of ['websocket', 'sse', 'ndjson'] as const)
        readers.push(new Reader(doors[readers.length % 2]!.streamUrl(run), transport, token, writer))
    }
    await lap()
  })
  after(async () => {
    readers.forEach((reader) => reader.stop())
    for (const writer of writers) await writer.renew()
    await world?.stop()
  })

  /** Latencies of all records over all readers, one after the other at an even pace, to the two brokers that are well. */
  async function lap(): Promise<number[]> {
    for (const reader of readers) reader.latencies.length = 0
    for (let i = 0; i < RECORDS; i++) {
      for (const writer of writers) await writer.write(1, 2)
      await later(PACE_MS)
    }
    await until('all records', () => readers.every(({ latencies }) => latencies.length === RECORDS), 30_000)
    return readers.flatMap(({ latencies }) => latencies)
  }

  async function compare(what: string, breakIt: () => Promise<void>, mend: () => Promise<void>): Promise<void> {
    const calm: number[] = []
    const broken: number[] = []
    for (let round = 0; round < LAPS; round++) {
      calm.push(...(await lap()))
      await breakIt()
      try {
        broken.push(...(await lap()))
      } finally {
        await mend()
      }
    }
    const [before, during] = [shape(calm), shape(broken)]
    console.log(`${what}: calm ${JSON.stringify(before)} ms, broken ${JSON.stringify(during)} ms`)
    for (const at of ['p50', 'p95'] as const)
      assert.ok(
        during[at] <= Math.max(NOISE_MS, RATIO_MAX * before[at]),
        `${at}: ${during[at]} ms after ${before[at]} ms`,
      )
  }

  it('a frozen broker delays no stream of the others, nor the other partitions of a topic of its own', async () => {
    await compare(
      'frozen broker',
      async () => world.kafka.freeze(BROKEN),
      async () => world.kafka.thaw(BROKEN),
    )
  })

  it('a partition without a leader delays no stream of the others, nor the other partitions of its topic', async () => {
    await compare(
      'no leader',
      () => world.kafka.kill(BROKEN),
      () => world.kafka.restart(BROKEN),
    )
  })
})

/** Measures how long after it began to be written each record arrives. */
class Reader {
  readonly latencies: number[] = []
  readonly #connection: Connection

  constructor(url: string, transport: TransportName, token: string, writer: Writer) {
    this.#connection = connect(transport, url, { token, cursor: null }, (told) => {
      if (told.type === 'record') this.latencies.push(performance.now() - writer.begunAt(told.uid))
    })
  }

  stop(): void {
    this.#connection.destroy()
  }
}

function shape(latencies: readonly number[]): { readonly p50: number; readonly p95: number; readonly max: number } {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
