import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { Bench, type BenchOptions } from './support/bench.ts'
import { openChromium } from './support/browser.ts'
import { Proxy } from './support/proxy.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { Recipe, startRecipe, type RecipeName, type Tuning } from './support/recipe.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const CUTS = 22
/** Appended as a connection comes, and again once it rides: together more than any connection lives to see. */
const REPLAYED = 20
const BROADCAST = 50
const PAYLOAD = 'x'.repeat(300)
const LIFE_BYTES_MAX = 30_000
const WAIT_MS = 60_000
const TTL_MS = 600_000
/** `retryAfter`, where the gateway's random number is one half, and what the recipe's own adds after one failure, where that is a quarter. */
const TURNED_AWAY_MS = 3_000 + 0.25 * 2_000
const SILENCE_MS = 2_000

const SOCKETS: readonly RecipeName[] = ['browser', 'node', 'python']

describe('the recipes of docs/reconnect.md, as printed', { concurrency: 4 }, () => {
  const seed = seedOfRun()
  const ends: (() => unknown)[] = []
  let browser: Promise<Browser> | null = null
  const sharedBrowser = (): Promise<Browser> => (browser ??= openChromium())
  after(async () => {
    for (const end of ends.toReversed()) await end()
    await (await browser)?.close()
  })

  for (const name of [...SOCKETS, 'eventsource'] as const) {
    it(`${name}: has every record once, in order, though it is cut off ${CUTS} times at any byte`, async () => {
      const random = seeded(seed)
      const life = (): number => Math.floor(random() * LIFE_BYTES_MAX)
      const world = await begin(name, { random: 0 }, (connection) => (connection < CUTS ? life() : Infinity))
      const { bench, proxy } = world
      for (let connection = 0; connection <= CUTS; connection++) {
        const ended = (): boolean => proxy.open === 0 || proxy.connections > connection + 1
        await until(`connection ${connection}, WEIR_TEST_SEED=${seed}`, () => proxy.connections > connection, WAIT_MS)
        world.append(REPLAYED)
        await until('it to ride, or to be cut', () => bench.hub.stats().riding > 0 || ended(), WAIT_MS)
        if (bench.hub.stats().riding > 0) world.append(BROADCAST)
      }
      await world.whole()
      assert.equal(proxy.connections, CUTS + 1)
      // An EventSource fires its events whatever becomes of them.
      if (name !== 'eventsource') assert.deepEqual(world.recipe.of('hurried'), [])
    })
  }

  for (const name of SOCKETS) {
    it(`${name}: does what the gateway advises, and is told of every gap`, async () => {
      let shut = false
      const world = await begin(name, { limits: { connectionsMax: 1 } }, () => (shut ? 0 : Infinity), { random: 0.25 })
      const { bench, proxy, recipe } = world
      world.append(10)
      await world.whole()

      bench.pass(TTL_MS - 50_000)
      await until('the session to have a new token', () => recipe.of('authenticated').length === 1)
      bench.pass(100_000)
      world.append(10)
      await world.whole()
      assert.deepEqual([proxy.connections, recipe.tokens], [1, 2])

      bench.pass(2 * TTL_MS)
      await until('it to come back with a new token', () => proxy.connections === 2, WAIT_MS)
      await until('it to ride', () => bench.hub.stats().riding === 1)
      assert.deepEqual([recipe.tokens, recipe.of('closing').map(({ code }) => code)], [3, [4201]])

      shut = true
      proxy.cut()
      await until('it to be gone', () => bench.admissions.live === 0)
      const occupant = new WsClient(bench.stream, { token: bench.token() })
      await occupant.frame('subscribed')
      shut = false
      await until('it to be turned away', () => recipe.of('closing').length === 2, WAIT_MS)
      const [turnedAway, before] = [performance.now(), proxy.connections]
      for (let n = 0; n < 10; n++) bench.append({ lost: n }, { partition: 0 })
      bench.memory.deleteRecordsBefore('quakes.v1', 0, 20)
      occupant.destroy()
      await until('it to come back', () => proxy.connections > before, WAIT_MS)
      const waited = performance.now() - turnedAway
      assert.ok(waited > 0.95 * TURNED_AWAY_MS, `it waited ${waited} ms`)
      const gap = await until('the gap', () => recipe.of('gap')[0], WAIT_MS)
      assert.deepEqual([gap['reason'], gap['offsets']], ['retention', 10])
      world.append(10)
      await world.whole([10, 20])

      world.token = 'nonsense'
      bench.pass(2 * TTL_MS)
      const threw = await until('it to give up', () => recipe.of('threw')[0], WAIT_MS)
      assert.match(threw['message'] as string, /^unauthenticated: This token is not known/)
      await until('nobody to be left', () => proxy.open === 0)
    })
  }

  for (const name of ['browser', 'node'] as const) {
    it(`${name}: takes a line that fell silent for broken, and one that speaks for whole`, async () => {
      const world = await begin(name, {}, undefined, { silenceMs: SILENCE_MS })
      await until('it to ride', () => world.bench.hub.stats().riding === 1, WAIT_MS)
      const began = performance.now()
      while (performance.now() - began < 1.5 * SILENCE_MS) {
        world.append(2)
        await world.whole()
      }
      assert.equal(world.proxy.connections, 1)
      world.proxy.silence()
      world.append(2)
      await world.whole()
    })
  }

  it('eventsource: comes back with a new token when its own expires, and stays away when it is refused', async () => {
    const world = await begin('eventsource', { random: 0 })
    world.append(10)
    await world.whole()
    world.bench.pass(2 * TTL_MS)
    await until('the end', () => world.recipe.of('closing').length === 1)
    world.append(10)
    await world.whole()
    assert.equal(world.recipe.tokens, 2)
    world.token = 'nonsense'
    world.bench.pass(2 * TTL_MS)
    await until('it to be refused', () => world.recipe.tokens === 3, WAIT_MS)
    // Longer than it would have waited before it came again: its connection is kept for a while.
    await until('nobody to be left', () => world.proxy.open === 0, WAIT_MS)
    assert.equal(world.recipe.tokens, 3)
  })

  async function begin(
    name: RecipeName,
    options: BenchOptions = {},
    life?: (connection: number) => number,
    tuning: Tuning = {},
  ): Promise<World> {
    const bench = await Bench.start(options)
    ends.push(() => bench.close())
    const proxy = await Proxy.to(bench.url, life)
    ends.push(() => proxy.close())
    const world = new World(bench, proxy)
    const url = `${proxy.url}/streams/quakes/events`
    const token = (): string => world.token ?? bench.token({ ttlMs: TTL_MS })
    const started = startRecipe(name, world.recipe, { url, from: 'earliest', token, browser: sharedBrowser, ...tuning })
    ends.push(() => world.recipe.stop())
    await started
    return world
  }
})

/** A gateway, a network and a partner's program. */
class World {
  readonly recipe = new Recipe()
  readonly bench: Bench
  readonly proxy: Proxy
  /** What the program is given for a token, in place of a good one. */
  token: string | null = null
  #appended = 0

  constructor(bench: Bench, proxy: Proxy) {
    this.bench = bench
    this.proxy = proxy
  }

  append(records: number): void {
    for (let n = 0; n < records; n++) this.bench.append({ pad: PAYLOAD }, { partition: this.#appended++ % 2 })
  }

  /** Waits until the program has had all records but those of partition 0 that were lost, and finds each there once and in its order. */
  async whole([lost, kept]: readonly [number, number] = [0, 0]): Promise<void> {
    const ids = (): string[] => this.recipe.ids()
    await until(
      () => `${this.#appended} records, there are ${ids().length}`,
      () => ids().length >= this.#appended,
      WAIT_MS,
    )
    const offsets = Array.from({ length: this.#appended / 2 }, (_, offset) => offset)
    const first = offsets.map((offset) => `0-${offset < lost ? offset : offset + kept - lost}`)
    assert.deepEqual(
      ids().filter((id) => id.startsWith('0-')),
      first,
    )
    assert.deepEqual(
      ids().filter((id) => id.startsWith('1-')),
      offsets.map((offset) => `1-${offset}`),
    )
    assert.deepEqual(this.bench.faults, [])
  }
}
