import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { askRedis, startRedis } from '../services/redis.ts'
import type { Service } from '../services/service.ts'
import { kafkaBrokers, redisUrl } from '../services/use.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import type { Frame } from './support/sse.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const WINDOW_MS = 30_000
const ALLOWANCE = 500
const CALLS_MAX = 50

describe('an allowance over two gateways', () => {
  let redis: Service
  let topic: Topic
  const gateways: GatewayProcess[] = []

  before(async () => {
    // One of its own, since its commands are counted; the shared one is asked for so that there is a program to start.
    assert.ok(redisUrl())
    redis = await startRedis()
    topic = await Topic.create(kafkaBrokers())
    await topic.produce(earthquakes())
    const common = {
      brokers: kafkaBrokers(),
      topic: topic.name,
      terms: { windows: `{ per: PT30S, messages: ${ALLOWANCE} }`, onLimit: 'pause' as const },
      config: { redis: { url: redis.value } },
    }
    const first = await GatewayProcess.start(common)
    gateways.push(first, await GatewayProcess.start({ ...common, issuer: first }))
  })
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await topic?.close()
    await redis?.stop()
  })

  const clients: WsClient[] = []
  const kept = (client: WsClient): WsClient => {
    clients.push(client)
    return client
  }
  afterEach(() => clients.splice(0).forEach((client) => client.destroy()))

  it('of 500 brings exactly 500 in a window, tells until when it pauses, and brings the next 500 in the next one, each record once', async () => {
    const [first, second] = gateways as [GatewayProcess, GatewayProcess]
    const token = await first.token()
    await until('a window to begin', () => Date.now() % WINDOW_MS < 2_000 || null, WINDOW_MS + 5_000)
    const scripts = await scriptCalls()
    const both = [first, second].map((gateway) => kept(new WsClient(`${gateway.stream}?from=earliest`, { token })))
    const received = (): number => both.reduce((sum, { records }) => sum + records.length, 0)
    const pauses = await Promise.all(both.map((client) => client.frame('paused')))
    assert.equal(received(), ALLOWANCE)
    for (const pause of pauses) {
      assert.equal(pause['reason'], 'quota')
      const resumesAt = Date.parse(pause['resumesAt'] as string)
      assert.equal(resumesAt % WINDOW_MS, 0, 'at the edge of the window')
      assert.ok(Math.abs(resumesAt - Date.now()) <= WINDOW_MS)
    }
    const calls = (await scriptCalls()) - scripts
    console.log(
      `500 over two gateways: ${both.map(({ records }) => records.length).join(' + ')}, ${calls} script calls`,
    )
    assert.ok(calls <= CALLS_MAX, `${calls} script calls`)
    await until('the next window', () => received() >= 2 * ALLOWANCE || null, WINDOW_MS + 10_000)
    await until('the next pause', () => both.every(({ frames }) => lastOf(frames) === 'paused') || null)
    assert.equal(received(), 2 * ALLOWANCE)
    for (const { records } of both) {
      assert.ok(
        records.every((record, i) => i === 0 || follows(records, record, i)),
        'in the order of each partition, without a hole',
      )
    }
  })

  it('is told before it is spent, and on every answer over HTTP', async () => {
    const [first] = gateways as [GatewayProcess]
    const headers = { Authorization: `Bearer ${await first.token()}` }
    const window = (): number => Math.floor(Date.now() / WINDOW_MS)
    const spent = window()
    await until('the next window to begin', () => window() > spent || null, WINDOW_MS + 5_000)
    const page = await fetch(`${first.stream}?from=earliest&limit=100`, { headers })
    assert.equal(page.status, 200)
    assert.equal(((await page.json()) as { records: unknown[] }).records.length, 100)
    assert.match(page.headers.get('ratelimit-policy') ?? '', /^"PT30S";q=500;qu="weir-messages";w=30$/)
    assert.match(page.headers.get('ratelimit') ?? '', /^"PT30S";r=400;t=\d+$/)
    const client = kept(new WsClient(`${first.stream}?from=-PT1H`, { token: await first.token() }))
    const warning = await client.frame('notice')
    assert.deepEqual([warning['kind'], warning['window'], warning['limit']], ['quota-80', 'PT30S', ALLOWANCE])
    const pause = await client.frame('paused')
    assert.equal(client.records.length, 400)
    // The topic keeps records for Kafka's seven days.
    assert.ok(Date.parse(pause['keptUntil'] as string) > Date.now() + 6 * 86_400_000)
    const refused = await fetch(`${first.stream}?from=earliest&limit=1`, { headers })
    const problem = (await refused.json()) as { readonly code: string; readonly type: string }
    assert.deepEqual([refused.status, problem.code], [429, 'quota-exhausted'])
    assert.match(problem.type, /quota-exceeded$/)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    assert.match(refused.headers.get('ratelimit') ?? '', /^"PT30S";r=0;t=\d+$/)
  })

  async function scriptCalls(): Promise<number> {
    const text = await askRedis(redis.value, 'INFO commandstats')
    return ['evalsha', 'eval'].reduce((sum, name) => {
      return sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0)
    }, 0)
  }
})

function lastOf(frames: readonly Frame[]): string | undefined {
  return frames.findLast(({ type }) => type !== 'position' && type !== 'notice')?.type
}

/** Whether the record just before it in its partition has the offset before its own. */
function follows(records: readonly Frame[], record: Frame, at: number): boolean {
  const [partition, offset] = (record['id'] as string).split('-')
  const before = records.slice(0, at).findLast(({ id }) => (id as string).startsWith(`${partition}-`))
  return Number((before?.['id'] as string | undefined)?.split('-')[1] ?? -1) === Number(offset) - 1
}
