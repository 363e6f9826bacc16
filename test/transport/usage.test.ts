import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Identity } from '../../gateway/access/grant.ts'
import { assertProblem } from '../contract/wire.ts'
import { Bench } from '../integration/support/bench.ts'

const HOUR = Date.UTC(2026, 10, 3, 7)
const LINES = 5_000

describe('usage', () => {
  let bench: Bench
  const asked: { readonly consumer: string; readonly from: number; readonly to: number }[] = []
  before(async () => {
    bench = await Bench.start({
      usage: ({ consumer }: Identity, from, to) => {
        asked.push({ consumer, from, to })
        const state = { used: 7, resetsAt: HOUR + 3_600_000 }
        const windows = [{ name: 'PT1H', unit: 'messages' as const, limit: 10, lengthMs: 3_600_000, state }]
        const hours = [{ hour: HOUR, stream: 'quakes/events', delivered: 9, billed: 7, redelivered: 2, bytes: 700 }]
        return Promise.resolve({
          asOf: HOUR,
          agreements: [{ id: 'acme:quakes:free', product: 'quakes', plan: 'free', windows, hours }],
        })
      },
      usageLines: async function* ({ consumer }, month) {
        for (let from = 0; from < LINES; from++) yield { consumer, ...month, from, to: from + 1, pad: 'x'.repeat(100) }
      },
    })
  })
  after(() => bench.close())

  const get = (path: string, token: string | null = bench.token()): Promise<Response> =>
    fetch(bench.url + path, token === null ? {} : { headers: { Authorization: `Bearer ${token}` } })

  it('tells a consumer its own, by agreement, window and hour', async () => {
    const answer = await get('/usage?from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00%2B01:00')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.deepEqual(await answer.json(), {
      asOf: '2026-11-03T07:00:00.000Z',
      agreements: [
        {
          id: 'acme:quakes:free',
          product: 'quakes',
          plan: 'free',
          windows: [{ name: 'PT1H', unit: 'messages', limit: 10, used: 7, resetsAt: '2026-11-03T08:00:00.000Z' }],
          hours: [
            {
              hour: '2026-11-03T07:00:00.000Z',
              stream: 'quakes/events',
              delivered: 9,
              billed: 7,
              redelivered: 2,
              bytes: 700,
            },
          ],
        },
      ],
    })
    assert.deepEqual(asked.at(-1), { consumer: 'acme', from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 10, 7, 23) })
  })

  it('tells this month where no time is named', async () => {
    assert.equal((await get('/usage')).status, 200)
    const now = new Date(bench.clock.now())
    assert.equal(asked.at(-1)?.from, Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1))
  })

  it('names what is wrong with a question', async () => {
    const wrong: readonly (readonly [path: string, parameter: string])[] = [
      ['/usage?form=2026-11-01T00:00:00Z', 'form'],
      ['/usage?from=yesterday', 'from'],
      ['/usage?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'from'],
      ['/usage?from=2026-01-01T00:00:00Z&to=2026-11-01T00:00:00Z', 'from'],
      ['/usage/lines', 'period'],
      ['/usage/lines?period=2026-13', 'period'],
      ['/usage/lines?period=2026-11&month=1', 'month'],
    ]
    for (const [path, parameter] of wrong) {
      const answer = await get(path)
      const problem = (await answer.json()) as { readonly code: string; readonly parameter: string }
      assertProblem(problem, 400)
      assert.deepEqual([problem.code, problem.parameter], ['bad-parameter', parameter], path)
    }
  })

  it("is nobody else's to read", async () => {
    for (const path of ['/usage', '/usage/lines?period=2026-11']) {
      const nobody = await get(path, null)
      assert.equal(nobody.status, 401)
      assert.ok(nobody.headers.get('www-authenticate'))
      await nobody.arrayBuffer()
      assert.equal((await get(path, 'none')).status, 401)
    }
  })

  it('brings the billed ranges one a line, all of them, however many there are', async () => {
    const answer = await get('/usage/lines?period=2026-11')
    assert.equal(answer.headers.get('content-type'), 'application/x-ndjson')
    const lines = (await answer.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly from: number })
    assert.deepEqual(
      lines.map(({ from }) => from),
      Array.from({ length: LINES }, (_, from) => from),
    )
  })

  it('a reader who leaves amid it ends it', async () => {
    const stop = new AbortController()
    const headers = { Authorization: `Bearer ${bench.token()}` }
    const answer = await fetch(`${bench.url}/usage/lines?period=2026-11`, { headers, signal: stop.signal })
    await answer.body?.getReader().read()
    stop.abort()
    assert.equal((await get('/usage')).status, 200)
    assert.deepEqual(bench.faults, [])
  })
})
