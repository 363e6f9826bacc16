import { fork, type ChildProcess } from 'node:child_process'
import type { Arm } from './arm.ts'
import { figuresOf, type Sample } from './figure.ts'
import type { ReadOrder, ReadReport } from './kafkaReader.ts'
import { Load } from './load.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { nowMicros } from './payload.ts'
import { endChild, heard } from './rawArm.ts'
import { ratioOf, spreadOf } from './ratio.ts'
import { arrive, meteredOf, settle } from './round.ts'
import { COMMON, type Shape } from './shape.ts'
import { byTurns, onStage } from './stage.ts'

const NAME = 'replay-1'
const RECORDS = 128_000
const RECORDS_SHORT = 48_000
const SHAPE: Shape = { ...COMMON, name: NAME, connections: 1, bytes: 1_024, burstsPerSecond: 1, from: 'earliest' }

/** How fast one client is brought a topic from its beginning, beside a bare kafkajs consumer of the same. */
export const replayMeasure: Measure = { name: NAME, short: true, run: measureReplay }

async function measureReplay(bench: Bench): Promise<Measured> {
  const records = bench.short ? RECORDS_SHORT : RECORDS
  const load = new Load({ threads: 1, readEvery: 0 })
  const child = fork(new URL('./kafkaReader.js', import.meta.url))
  try {
    const samples = await onStage(SHAPE, bench, async ({ feed, brokers, topics, start }) => {
      await feed.fill(records)
      const gateway = await start('G')
      const order = { brokers, topic: topics[0] as string, records }
      const readers = [
        { name: 'kafkajs', read: () => readBare(child, order) },
        { name: 'G', read: () => readReplay(gateway, load, records) },
      ]
      const done: Sample[] = []
      // The first of each is nobody's: code is compiled, and the log comes into the memory of its machine.
      await byTurns(readers, 1 + bench.rounds, async ({ name, read }, round) => {
        const { megabytesPerSecond, clientsBusy } = await read()
        console.error(`${NAME} ${name}: ${megabytesPerSecond.toFixed(0)} MB/s`)
        if (round > 0) done.push({ arm: name, values: { deliveries: records, megabytesPerSecond, clientsBusy } })
      })
      return done
    })
    const value = ratioOf(samples, 'kafkajs', 'G', 'megabytesPerSecond')
    const band = spreadOf(samples, 'kafkajs', 'megabytesPerSecond')
    const findings = [{ name: 'replay-1-kafkajs-vs-gateway', value, band, of: [NAME] }]
    return { figures: figuresOf(NAME, samples), findings }
  } finally {
    await load.end()
    await endChild(child)
  }
}

interface Pace {
  readonly megabytesPerSecond: number
  readonly clientsBusy: number
}

/** It is a client itself. */
async function readBare(child: ChildProcess, order: ReadOrder): Promise<Pace> {
  child.send(order)
  const { records, bytes, ms } = await heard<ReadReport>(child)
  if (records !== order.records) throw new Error(`kafkajs: not exactly ${order.records} records, but ${records}`)
  return { megabytesPerSecond: bytes / 1e3 / ms, clientsBusy: 0 }
}

/** From the handshake until the last record. */
async function readReplay(arm: Arm, load: Load, records: number): Promise<Pace> {
  const metered = await meteredOf(arm)
  load.busy()
  const begun = nowMicros()
  try {
    await load.open(arm.port, arm.requests(SHAPE))
    await arrive(arm.name, load, records)
    const pace = { megabytesPerSecond: (records * SHAPE.bytes) / (nowMicros() - begun), clientsBusy: load.busy() }
    await settle(arm, metered + records)
    return pace
  } finally {
    await load.close()
  }
}
