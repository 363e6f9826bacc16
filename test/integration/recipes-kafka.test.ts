import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { kafkaBrokers } from '../services/use.ts'
import { openChromium } from './support/browser.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { Proxy } from './support/proxy.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { Recipe, startRecipe } from './support/recipe.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const CUTS = 15
const LIFE_BYTES_MAX = 60_000
const BATCH = 100
const WAIT_MS = 60_000

describe('the recipes of docs/reconnect.md, at a gateway over Kafka', { concurrency: 3 }, () => {
  const seed = seedOfRun()
  const quakes = earthquakes().slice(0, 1_200)
  let topic: Topic
  let gateway: GatewayProcess
  let token: string
  let browser: Promise<Browser> | null = null
  const ends: (() => unknown)[] = []
  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    topic = await Topic.create(kafkaBrokers())
    gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name })
    token = await gateway.token()
    await topic.produce(quakes.slice(0, quakes.length / 2))
  })
  after(async () => {
    for (const end of ends.toReversed()) await end()
    await (await browser)?.close()
    await gateway.stop()
    await topic.close()
  })

  const recipes = new Map((['browser', 'node', 'python'] as const).map((name) => [name, new Recipe()]))
  const proxies: Proxy[] = []
  for (const [name, recipe] of recipes) {
    it(`${name}: has every record once, in order, across ${CUTS} cuts at any byte`, async () => {
      const random = seeded(seed)
      // Cut where it stands after so many bytes; the last connection lives.
      const life = (connection: number): number =>
        connection < CUTS ? Math.floor(random() * LIFE_BYTES_MAX) : Infinity
      const proxy = await Proxy.to(new URL(gateway.stream).origin, life)
      ends.push(() => proxy.close())
      proxies.push(proxy)
      const url = proxy.url + new URL(gateway.stream).pathname
      ends.push(() => recipe.stop())
      const tokens = (): string => token
      await startRecipe(name, recipe, {
        url,
        from: 'earliest',
        token: tokens,
        browser: () => (browser ??= openChromium()),
        random: 0,
      })
      await until(
        () => `${CUTS} cuts, there were ${proxy.connections - 1}, of ${recipe.ids().length} records; seed ${seed}`,
        () => proxy.connections > CUTS || recipe.ids().length === quakes.length / 2,
        WAIT_MS,
      )
      await produceRest()
      await until(
        () => `all records, there are ${recipe.ids().length}; WEIR_TEST_SEED=${seed}`,
        () => recipe.ids().length >= quakes.length,
        WAIT_MS,
      )
      assert.ok(proxy.connections > CUTS / 2, `only ${proxy.connections - 1} cuts`)
      for (const [partition, end] of (await topic.ends()).entries()) {
        assert.deepEqual(
          recipe.ids().filter((id) => id.startsWith(`${partition}-`)),
          Array.from({ length: end }, (_, offset) => `${partition}-${offset}`),
        )
      }
      assert.deepEqual([recipe.of('threw'), recipe.of('gap'), recipe.of('hurried')], [[], [], []])
    })
  }

  let producing: Promise<void> | null = null
  /** Once for all of them, while they ride. */
  function produceRest(): Promise<void> {
    producing ??= (async () => {
      for (let at = quakes.length / 2; at < quakes.length; at += BATCH)
        await topic.produce(quakes.slice(at, at + BATCH))
    })()
    return producing
  }
})
