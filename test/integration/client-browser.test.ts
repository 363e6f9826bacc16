import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { kafkaBrokers } from '../services/use.ts'
import { openChromium } from './support/browser.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { Proxy } from './support/proxy.ts'
import { seeded, seedOfRun } from './support/random.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const CUTS = 8
const LIFE_BYTES_MAX = 60_000
const WAIT_MS = 60_000
const RECORDS = 600

/** What the page tells of each frame, and of its end. */
interface Told {
  readonly type: string
  readonly id?: string
  readonly message?: string
}

describe('the client in a browser, as the modules that the compiler made', () => {
  const seed = seedOfRun()
  let topic: Topic
  let gateway: GatewayProcess
  let browser: Browser
  let site: Server
  let origin: string
  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    site = await serveModules()
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    topic = await Topic.create(kafkaBrokers())
    const config = { access: { corsOrigins: [origin] } }
    gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name, config })
    await topic.produce(earthquakes().slice(0, RECORDS))
    browser = await openChromium()
  })
  after(async () => {
    await browser?.close()
    await gateway?.stop()
    await topic?.close()
    site?.close()
  })

  for (const [name, options] of [
    ['WebSocket', {}],
    ['WebSocket, with a consumer slower than the stream', { bufferedFramesMax: 20 }],
    ['NDJSON', { webSocket: null, bufferedFramesMax: 20 }],
  ] as const) {
    it(`${name}: the whole log once, in order, across ${CUTS} cuts at any byte`, async () => {
      const random = seeded(seed)
      const life = (at: number): number => (at < CUTS ? Math.floor(random() * LIFE_BYTES_MAX) : Infinity)
      const proxy = await Proxy.to(gateway.url, life)
      const url = proxy.url + new URL(gateway.stream).pathname
      const { page, told } = await openPage({ url, from: 'earliest', ...options })
      const ids = (): string[] => told.flatMap(({ id }) => id ?? [])
      await until(
        () => `${RECORDS} records, there are ${ids().length}, ${JSON.stringify(told.at(-1))}`,
        () => ids().length >= RECORDS || told.some(({ type }) => type === 'threw'),
        WAIT_MS,
      )
      for (const [partition, end] of (await topic.ends()).entries()) {
        assert.deepEqual(
          ids().filter((id) => id.startsWith(`${partition}-`)),
          Array.from({ length: end }, (_, offset) => `${partition}-${offset}`),
        )
      }
      assert.ok(proxy.connections > CUTS / 2, `only ${proxy.connections - 1} cuts`)
      await page.close()
      proxy.close()
    })

    it(`${name}: a refusal is thrown in the gateway's own words`, async () => {
      const { page, told } = await openPage({ url: `${gateway.url}/streams/earthquakes/nothing`, ...options })
      const threw = await until('the refusal', () => told.find(({ type }) => type === 'threw'))
      assert.match(threw.message ?? '', /^no-such-stream 4404 .*nothing/)
      await page.close()
    })
  }

  async function openPage(options: object): Promise<{ readonly page: Page; readonly told: Told[] }> {
    const page = await browser.newPage()
    const told: Told[] = []
    await page.exposeFunction('tell', (one: Told) => void told.push(one))
    await page.exposeFunction('getToken', () => gateway.token())
    await page.goto(`${origin}/`)
    await page.evaluate(`void (async () => {
      const { follow } = await import('/client/follow.js')
      try {
        // Tells over the test's wire, and waits for it: slower than any stream.
        for await (const { type, id } of follow({ token: getToken, random: () => 0, ...${JSON.stringify(options)} })) {
          await tell({ type, id })
        }
      } catch (error) { await tell({ type: 'threw', message: error.code + ' ' + error.close + ' ' + error.message }) }
    })()`)
    return { page, told }
  }
})

/** An empty page and the client beside it, file by file as it was built. */
async function serveModules(): Promise<Server> {
  const built = fileURLToPath(new URL('../../client/', import.meta.url))
  const server = createServer((request, response) => {
    const name = /^\/client\/(\w+\.js)$/.exec(request.url ?? '')?.[1]
    const [type, body] = name === undefined ? ['html', '<!doctype html>'] : ['javascript', readFileSync(built + name)]
    response.setHeader('content-type', `text/${type}`).end(body)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return server
}
