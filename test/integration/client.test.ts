import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { follow, type FollowOptions, type Frame, type State, WeirError } from '../../client/follow.ts'
import { kafkaBrokers } from '../services/use.ts'
import { FastClock } from '../suites/client/clocks.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { Proxy } from './support/proxy.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const SEEDS = 20
/** Of one seed; the connection after them lives. */
const CUTS = 12
const LIFE_BYTES_MAX = 50_000
const LIVE = 40
const ALLOWANCE = 100
const TOKEN_MS = 8_000

describe('the client at a gateway over Kafka', { concurrency: 2 }, () => {
  const firstSeed = seedOfRun()
  const quakes = earthquakes()
  const ends: (() => unknown)[] = []
  before(() => console.log(`WEIR_TEST_SEED=${firstSeed}`))
  after(async () => {
    for (const end of ends.toReversed()) await end()
  })

  for (const [name, webSocket] of [
    ['WebSocket', WebSocket],
    ['NDJSON', null],
  ] as const) {
    it(`${name}: the whole log once, in order, whatever bytes the network cuts at, for ${SEEDS} seeds`, async () => {
      const { topic, gateway, token } = await begin()
      await topic.produce(quakes.slice(0, 600))
      let cuts = 0
      for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
        const random = seeded(seed)
        const life = (at: number): number => (at < CUTS ? Math.floor(random() * LIFE_BYTES_MAX) : Infinity)
        const proxy = await Proxy.to(gateway.url, life)
        ends.push(() => proxy.close())
        const url = proxy.url + new URL(gateway.stream).pathname
        const options = { url, token, webSocket, from: 'earliest', clock: new FastClock(), random: () => 0 }
        const ids = await wholeLog(topic, options)
        await assertWhole(topic, ids, `seed ${seed}`)
        cuts += proxy.connections - 1
      }
      assert.ok(cuts > 4 * SEEDS, `only ${cuts} cuts`)
      console.log(`${name}: ${cuts} cuts over ${SEEDS} seeds`)
    })

    it(`${name}: an allowance that is spent pauses it until the window ends, and loses nothing`, async () => {
      const terms = { windows: `{ per: PT5S, messages: ${ALLOWANCE} }`, onLimit: 'pause' as const }
      const { topic, gateway, token } = await begin({ terms })
      // More than two windows allow: the first may end while its records come.
      const produced = 2 * ALLOWANCE + 50
      await topic.produce(quakes.slice(0, produced))
      const states: State[] = []
      const frames: Frame[] = []
      const onState = (state: State): void => void states.push(state)
      for await (const frame of follow({ url: gateway.stream, token, webSocket, from: 'earliest', onState })) {
        frames.push(frame)
        if (idsIn(frames).length === produced) break
      }
      await assertWhole(topic, idsIn(frames), name)
      const pause = frames.find((frame) => frame.type === 'paused')
      assert.equal(pause?.reason, 'quota')
      assert.equal(Date.parse(pause.resumesAt ?? '') % 5_000, 0)
      const told = states.find(({ state }) => state === 'paused')
      assert.deepEqual(told, { state: 'paused', until: pause.resumesAt, reason: 'quota' })
      assert.deepEqual(states.at(-2)?.state, 'open')
    })

    it(`${name}: records that the topic has dropped in between are told as a gap, once`, async () => {
      // Nobody follows the topic meanwhile: what a node has in memory still is not missing.
      const { topic, gateway, token } = await begin({ limits: { lingerMs: 0 } })
      await topic.produce(onPartition(0, 10))
      const first: Frame[] = []
      for await (const frame of follow({ url: gateway.stream, token, webSocket, from: 'earliest' })) {
        first.push(frame)
        if (idsIn(first).length === 10) break
      }
      const from = first.at(-1)?.cursor as string
      await until('nobody to follow the topic', async () => (await gateway.metric('weir_tails')) === 0 || null)
      await topic.produce(onPartition(0, 20))
      await topic.deleteBefore(0, 25)
      const second: Frame[] = []
      for await (const frame of follow({ url: gateway.stream, token, webSocket, from })) {
        second.push(frame)
        if (idsIn(second).length === 5) break
      }
      const gaps = second.flatMap((frame) => (frame.type === 'gap' ? [frame.offsets] : []))
      assert.deepEqual(gaps, [15])
      assert.deepEqual(
        idsIn(second),
        [25, 26, 27, 28, 29].map((offset) => `0-${offset}`),
      )
    })

    it(`${name}: tokens that expire are followed by new ones, and no record is missing or comes twice`, async () => {
      const { topic, gateway } = await begin()
      const states: State[] = []
      const ids: string[] = []
      let tokens = 0
      const token = async (): Promise<string> => (tokens++, gateway.token(tokens < 3 ? TOKEN_MS : 3_600_000))
      const onState = (state: State): void => void states.push(state)
      const options = { url: gateway.stream, token, webSocket, from: 'earliest', onState, random: () => 0 }
      await topic.produce(quakes.slice(0, 20))
      let produced = 20
      for await (const frame of follow(options)) {
        if ('id' in frame) ids.push(frame.id)
        // Lines bring it a new one at the end of each; a session is told a minute ahead, that is at once.
        const renewed = tokens >= 3
        if (ids.length === produced && produced < 40 && renewed) await topic.produce(quakes.slice(20, (produced = 40)))
        if (ids.length === 40) break
      }
      await assertWhole(topic, ids, name)
      const reconnects = states.flatMap((state) => (state.state === 'waiting' ? [state.code] : []))
      assert.deepEqual(new Set(reconnects), new Set(webSocket === null ? [4201] : reconnects))
      assert.ok(
        reconnects.every((code) => code === 4201),
        reconnects.join(),
      )
    })

    it(`${name}: refusals that do not pass are thrown in the gateway's own words`, async () => {
      const { gateway, token } = await begin()
      const ended = async (options: Partial<FollowOptions>): Promise<WeirError> => {
        const error: unknown = await follow({ url: gateway.stream, token, webSocket, ...options })
          .next()
          .then(
            () => assert.fail('it went on'),
            (thrown: unknown) => thrown,
          )
        assert.ok(error instanceof WeirError, String(error))
        return error
      }
      const nowhere = await ended({ url: `${gateway.url}/streams/earthquakes/nothing` })
      assert.deepEqual([nowhere.code, nowhere.close], ['no-such-stream', 4404])
      const broken = await ended({ from: 'w1.broken' })
      assert.deepEqual([broken.code, broken.close], ['cursor-invalid', 4422])
      const strange = await ended({ where: 'nothing==1' })
      assert.equal(strange.code, 'bad-parameter')
      assert.match(strange.message, /nothing/)
      const nobody = await ended({ token: 'nonsense' })
      assert.deepEqual([nobody.code, nobody.close], ['unauthenticated', 4401])
    })
  }

  async function begin(more: Partial<Parameters<typeof GatewayProcess.start>[0]> = {}): Promise<{
    readonly topic: Topic
    readonly gateway: GatewayProcess
    readonly token: string
  }> {
    const topic = await Topic.create(kafkaBrokers())
    ends.push(() => topic.close())
    const gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name, ...more })
    ends.push(() => gateway.stop())
    return { topic, gateway, token: await gateway.token() }
  }

  /** Reads all there is, and some more that comes meanwhile. */
  async function wholeLog(topic: Topic, options: FollowOptions): Promise<string[]> {
    const ids: string[] = []
    const replayed = (await topic.ends()).reduce((sum, end) => sum + end, 0)
    let producing: Promise<void> | null = null
    for await (const frame of follow(options)) {
      if ('id' in frame) ids.push(frame.id)
      if (frame.type === 'gap') ids.push('gap')
      if (ids.length === replayed) producing ??= topic.produce(quakes.slice(0, LIVE))
      if (ids.length >= replayed + LIVE) break
    }
    await producing
    return ids
  }
})

function idsIn(frames: readonly Frame[]): string[] {
  return frames.flatMap((frame) => ('id' in frame ? [frame.id] : []))
}

function onPartition(partition: number, count: number): { key: string; value: string; partition: number }[] {
  const [quake] = earthquakes()
  return Array.from({ length: count }, () => ({ key: 'k', value: quake?.value ?? '', partition }))
}

async function assertWhole(topic: Topic, ids: readonly string[], where: string): Promise<void> {
  for (const [partition, end] of (await topic.ends()).entries()) {
    const expected = Array.from({ length: end }, (_, offset) => `${partition}-${offset}`)
    const had = ids.filter((id) => id.startsWith(`${partition}-`))
    assert.deepEqual(had, expected, where)
  }
  assert.ok(!ids.includes('gap'), `a gap, ${where}`)
}
