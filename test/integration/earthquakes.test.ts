import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { packageRoot } from '../../gateway/package.ts'
import { rawMember } from '../../gateway/rawMember.ts'
import { pythonWithClients } from '../services/python.ts'
import { kafkaBrokers } from '../services/use.ts'
import { Crowd } from './support/crowd.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const CROWD = 1_000
const BATCH = 100

describe('the earthquakes, from Kafka to partners', () => {
  const quakes = earthquakes()
  let topic: Topic
  let gateway: GatewayProcess
  let token: string
  const ends: (() => unknown)[] = []
  before(async () => {
    topic = await Topic.create(kafkaBrokers())
    gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name })
    token = await gateway.token()
  })
  after(async () => {
    for (const end of ends) await end()
    await gateway.stop()
    await topic.close()
  })

  it('all 1,707 reach curl, a Python client, `weir tail` and a thousand more, complete and in partition order', async () => {
    const half = CROWD / 2
    const crowd = new Crowd({ url: gateway.stream, token, webSockets: half, eventStreams: half })
    ends.push(() => crowd.stop())
    const curl = new Reader('curl', [
      '-sN',
      '-H',
      'Accept: text/event-stream',
      '-H',
      `Authorization: Bearer ${token}`,
      gateway.stream,
    ])
    const script = join(packageRoot, 'test/integration/support/subscribe.py')
    const url = gateway.stream.replace('http', 'ws')
    const python = new Reader(pythonWithClients(), [script, url, token, String(quakes.length)])
    const tail = new Reader(process.execPath, [
      MAIN,
      'tail',
      gateway.stream,
      '--json',
      '--token',
      token,
      '--count',
      String(quakes.length),
    ])
    ends.push(
      () => curl.stop(),
      () => python.stop(),
      () => tail.stop(),
    )
    await until(
      () => `everybody to ride, connected are ${JSON.stringify(crowd.tally)}`,
      async () =>
        crowd.tally.connected === CROWD &&
        (await gateway.metric('weir_subscriptions', '{mode="riding"}')) === CROWD + 3,
      60_000,
    )
    for (let at = 0; at < quakes.length; at += BATCH) await topic.produce(quakes.slice(at, at + BATCH))
    for (const reader of [curl, python, tail]) {
      await until(
        () => `${reader.name}: ${reader.records().length} of ${quakes.length}`,
        () => reader.records().length >= quakes.length,
        60_000,
      )
      assertComplete(reader)
    }
    await until(
      () => `the crowd to have all: ${JSON.stringify(crowd.tally)}`,
      () => crowd.tally.fewest >= quakes.length || crowd.tally.faults.length > 0,
      60_000,
    )
    assert.deepEqual(crowd.tally.faults, [])
    assert.equal(crowd.tally.records, CROWD * quakes.length)
    assert.equal(await gateway.metric('weir_frames_dropped_total'), 0)
  })

  it('who comes later reads the same from the start, over both transports', async () => {
    const url = `${gateway.stream}?from=earliest`
    const curl = new Reader('curl', [
      '-sN',
      '-H',
      'Accept: text/event-stream',
      '-H',
      `Authorization: Bearer ${token}`,
      url,
    ])
    const tail = new Reader(process.execPath, [
      MAIN,
      'tail',
      gateway.stream,
      '--json',
      '--token',
      token,
      '--from',
      'earliest',
      '--count',
      String(quakes.length),
    ])
    ends.push(
      () => curl.stop(),
      () => tail.stop(),
    )
    for (const reader of [curl, tail]) {
      await until(
        () => `${reader.name}: ${reader.records().length}`,
        () => reader.records().length >= quakes.length,
        30_000,
      )
      assertComplete(reader)
    }
    await until('`weir tail --count` to end by itself', () => tail.exitCode !== null)
    assert.equal(tail.exitCode, 0)
  })

  /** Every value as it was produced, once, each partition in offset order without a hole. */
  function assertComplete(reader: Reader): void {
    const records = reader.records()
    assert.equal(records.length, quakes.length, reader.name)
    const values = (texts: readonly string[]): string[] => [...texts].sort()
    assert.deepEqual(
      values(records.map((text) => rawMember(text, 'data') as string)),
      values(quakes.map(({ value }) => value)),
    )
    const next: number[] = []
    for (const text of records) {
      const [partition, offset] = (JSON.parse(text) as { id: string }).id.split('-').map(Number) as [number, number]
      assert.equal(offset, next[partition] ?? 0, `${reader.name}, partition ${partition}`)
      next[partition] = offset + 1
    }
    assert.equal(next.length, 4)
  }
})

/** Another program that prints what it receives. */
class Reader {
  readonly name: string
  exitCode: number | null = null
  readonly #child: ChildProcess
  #text = ''
  #records: string[] = []
  #seen = 0

  constructor(command: string, args: readonly string[]) {
    this.name = command
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#text += text))
    this.#child.on('exit', (code) => (this.exitCode = code ?? -1))
  }

  /** Each record as it was printed: a JSON line, in an event stream behind `data: `. */
  records(): readonly string[] {
    const end = this.#text.lastIndexOf('\n') + 1
    const lines = this.#text.slice(this.#seen, end).split('\n')
    this.#seen = end
    this.#records.push(
      ...lines.map((line) => line.replace(/^data: /, '')).filter((line) => line.startsWith('{"type":"record"')),
    )
    return this.#records
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
