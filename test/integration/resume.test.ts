import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { kafkaBrokers } from '../services/use.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { SseClient, type Frame } from './support/sse.ts'
import { earthquakes, Topic, type Message } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const CUTS = 200
/** Records that a connection brings, at most, before it is cut. */
const LIFE_RECORDS_MAX = 60
const PRODUCED_AT_ONCE_MAX = 50

describe('a client that is cut off', () => {
  const seed = seedOfRun()
  const random = seeded(seed)
  const quakes = earthquakes()
  let topic: Topic
  const gateways: GatewayProcess[] = []
  let token: string
  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    topic = await Topic.create(kafkaBrokers())
    const first = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name })
    gateways.push(first, await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name, issuer: first }))
    token = await first.token()
  })
  after(async () => {
    for (const gateway of gateways) await gateway.stop()
    await topic.close()
  })

  it(`${CUTS} times amid the stream, and goes on over the other transport at another process, has every record once`, async () => {
    assert.notEqual(gateways[0]?.child.pid, gateways[1]?.child.pid)
    const producing = new AbortController()
    const reader = new Reader()
    const production = produceUntil(producing.signal, reader)
    for (let cut = 0; cut < CUTS; cut++) {
      const lifeMax = Math.floor(random() * LIFE_RECORDS_MAX)
      // Half way, transports and processes change partners.
      const gateway = gateways[(cut + (cut < CUTS / 2 ? 0 : 1)) % 2] as GatewayProcess
      await reader.live(gateway.stream, token, cut % 2 === 0 ? 'websocket' : 'sse', lifeMax)
    }
    producing.abort()
    const produced = await production
    const last = gateways[0] as GatewayProcess
    await reader.live(last.stream, token, 'websocket', produced - reader.ids.size)
    const ends = await topic.ends()
    assert.equal(
      ends.reduce((sum, end) => sum + end, 0),
      produced,
    )
    for (const [partition, end] of ends.entries()) {
      for (let offset = 0; offset < end; offset++)
        assert.ok(reader.ids.has(`${partition}-${offset}`), `hole at ${partition}-${offset}`)
    }
    assert.deepEqual(reader.faults, [])
    // The cursor of a record that was taken in brings nothing before it again.
    assert.equal(reader.again, 0)
    const riding = (
      await Promise.all(gateways.map((gateway) => gateway.metric('weir_riding_total', '{why="start"}')))
    ).reduce((sum, one) => sum + one, 0)
    assert.ok(riding > CUTS / 20, `only ${riding} connections came as far as the broadcast`)
    assert.ok(reader.inFlight > 0, 'no connection was cut with data in flight')
    console.log(
      `${produced} records; ${riding} of ${CUTS} connections rode; ${reader.inFlight} records were in flight at a cut`,
    )
  })

  /** Sometimes ahead of the reader, so that it replays, sometimes only as it reads, so that it rides. */
  async function produceUntil(signal: AbortSignal, reader: Reader): Promise<number> {
    let produced = 0
    while (!signal.aborted) {
      const aheadMax = random() < 0.5 ? 0 : 1_000
      await until('the reader to come near', () => signal.aborted || produced - reader.ids.size <= aheadMax, 30_000)
      const batch = Array.from(
        { length: 1 + Math.floor(random() * PRODUCED_AT_ONCE_MAX) },
        (_, i) => quakes[(produced + i) % quakes.length] as Message,
      )
      await topic.produce(batch)
      produced += batch.length
    }
    return produced
  }
})

/** A partner's program: takes records in one by one and remembers the cursor of the last. */
class Reader {
  readonly ids = new Set<string>()
  readonly faults: string[] = []
  /** Records that came though they had been taken in before. */
  again = 0
  /** Records that had arrived behind the one at which the connection was cut. */
  inFlight = 0
  #cursor: string | null = null
  readonly #next: number[] = []

  /** One connection, until it has brought so many records. */
  async live(url: string, token: string, transport: 'websocket' | 'sse', records: number): Promise<void> {
    let left = records
    let over = false
    let begun = false
    const see = (frame: Frame, cursor: string | undefined): void => {
      if (frame.type === 'record') {
        if (left === 0) this.inFlight++
        else this.#take(frame, cursor)
        if (left > 0) left--
      } else if (['gap', 'closing', 'invalid'].includes(frame.type)) this.faults.push(JSON.stringify(frame))
    }
    const query = `?from=${this.#cursor ?? 'earliest'}`
    const client =
      transport === 'websocket'
        ? new WsClient(url + query, {
            token,
            onText: (text) => {
              const frame = JSON.parse(text) as Frame
              begun ||= frame.type === 'subscribed'
              see(frame, frame['cursor'] as string)
            },
          })
        : new SseClient(url + (this.#cursor === null ? query : ''), {
            token,
            ...(this.#cursor !== null && { lastEventId: this.#cursor }),
            onBlock: ({ id, data }) => {
              begun = true
              if (data !== undefined) see(JSON.parse(data) as Frame, id)
            },
          })
    await until(
      () => `${left} of ${records} more records over ${transport}; ${JSON.stringify(this.faults)}`,
      () => {
        over = begun && left === 0
        return over || null
      },
      20_000,
    )
    client.destroy()
  }

  #take(frame: Frame, cursor: string | undefined): void {
    const id = frame['id'] as string
    const [partition, offset] = id.split('-').map(Number) as [number, number]
    if (this.ids.has(id)) this.again++
    else if (offset !== (this.#next[partition] ?? 0))
      this.faults.push(`${id} where ${this.#next[partition] ?? 0} was next`)
    this.#next[partition] = offset + 1
    this.ids.add(id)
    if (cursor === undefined) this.faults.push(`${id} has no cursor`)
    else this.#cursor = cursor
  }
}
