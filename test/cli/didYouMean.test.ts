import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openLedger } from '../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { systemClock } from '../../gateway/clock.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { GatewayProcess } from '../integration/support/gatewayProcess.ts'
import { scratchFolder } from '../services/scratch.ts'
import { testEdge } from './support.ts'

const documentOf = (id: string, visibility: string): string => `asyncapi: 3.0.0
info:
  title: Quakes
  version: 1.0.0
  x-data-product:
    id: ${id}
    owner: { team: a, email: a@example.org }
    visibility: ${visibility}
    access: open
    lifecycle: released
    defaultPlan: free
    plans: [{ name: free, price: "0", priceCurrency: EUR, billingDuration: month }]
servers: { main: { host: "kafka:9092", protocol: kafka } }
channels:
  events:
    address: ${id}
    messages: { quake: { payload: { type: object } } }
    bindings: { kafka: { topic: ${id}, partitions: 1 } }
    x-data-product: { expose: read }
operations: { publish: { action: send, channel: { $ref: "#/channels/events" } } }
`

describe('did you mean', () => {
  const folder = scratchFolder('meant')
  let gateway: GatewayProcess
  before(async () => {
    mkdirSync(join(folder, 'specs'))
    writeFileSync(join(folder, 'specs/quakes.yaml'), documentOf('quakes', 'public'))
    writeFileSync(join(folder, 'specs/budget.yaml'), documentOf('budget', 'private'))
    write('weir.yaml', 'consumers: [{ id: acme, agreements: [{ product: quakes, plan: free }] }]')
    const ledger = await openLedger(
      await openDatabase<LedgerTables>({ url: null, file: join(folder, 'data/ledger.db'), clock: systemClock }),
      systemClock,
    )
    await ledger.close()
    gateway = await GatewayProcess.start({ specs: join(folder, 'specs'), config: { log: { level: 'silent' } } })
  })
  after(() => gateway.stop('SIGKILL'))

  function write(name: string, text: string): void {
    writeFileSync(join(folder, name), `${text}\n`)
  }

  const slips: readonly (readonly [what: string, exit: number, args: readonly string[], words: RegExp])[] = [
    ['a command', 2, ['strat'], /Did you mean start\?/],
    ['a command of a group', 2, ['spec', 'lnit', 'a.yaml'], /Did you mean lint\?/],
    ['a command of another group', 2, ['usage', 'reprot'], /Did you mean report\?/],
    ['an option', 2, ['usage', 'report', '--period', '2026-11', '--cosumer', 'a'], /Did you mean --consumer\?/],
    ['a format', 2, ['usage', 'report', '--period', '2026-11', '--format', 'jsn'], /did you mean json\?/],
    ['a consumer', 1, ['usage', 'report', '--period', '2026-11', '--consumer', 'acne'], /did you mean acme\?/],
    ['a product', 1, ['usage', 'report', '--period', '2026-11', '--product', 'quaks'], /did you mean quakes\?/],
    ['a consumer who gets a token', 0, ['token', '--consumer', 'acne'], /`consumers` has no acne; did you mean acme\?/],
    ['a key', 1, ['check', '--config', 'key.yaml'], /limits\.conectionsMax: .*did you mean `connectionsMax`\?/],
    ['a value', 1, ['check', '--config', 'value.yaml'], /log\.level: .*did you mean `debug`\?/],
    ['a product in an agreement', 1, ['check', '--config', 'product.yaml'], /Did you mean "quakes"\?/],
    ['a plan in an agreement', 1, ['check', '--config', 'plan.yaml'], /Did you mean "free"\?/],
  ]

  for (const [what, exit, args, words] of slips) {
    it(`is asked for ${what} that is mistyped`, async () => {
      write('key.yaml', 'limits: { conectionsMax: 5 }')
      write('value.yaml', 'log: { level: debgu }')
      write('product.yaml', 'consumers: [{ id: acme, agreements: [{ product: quaks, plan: free }] }]')
      write('plan.yaml', 'consumers: [{ id: acme, agreements: [{ product: quakes, plan: fre }] }]')
      const edge = testEdge(folder)
      assert.equal(await edge.run(...args), exit, edge.err.text)
      assert.match(edge.err.text, words)
    })
  }

  it('is asked for a variable that is mistyped', async () => {
    const edge = testEdge(folder, { env: { WEIR_LISTEN_PROT: '1' } })
    assert.equal(await edge.run('config'), 2)
    assert.match(edge.err.text, /did you mean WEIR_LISTEN_PORT\?/)
  })

  it('is asked for the name of a stream or a product, and of what the caller may not see nothing is told', async () => {
    const authorization = `Bearer ${await gateway.token()}`
    const detailOf = async (stream: string): Promise<string> => {
      const answer = await fetch(`${gateway.url}/streams/${stream}`, { headers: { authorization } })
      assert.equal(answer.status, 404)
      return ((await answer.json()) as { detail: string }).detail
    }
    assert.match(await detailOf('quakes/event'), /did you mean "quakes\/events"\?/)
    assert.match(await detailOf('quaks/events'), /did you mean "quakes\/events"\?/)
    const [hidden, absent] = [await detailOf('budget/events'), await detailOf('gadget/events')]
    assert.equal(hidden.replace('budget', 'gadget'), absent)
    assert.doesNotMatch(await detailOf('budge/events'), /budget/)
  })

  it('is not needed where a development token was made beside another gateway: the refusal says how to make one', async () => {
    const edge = testEdge(scratchFolder('elsewhere'))
    await edge.run('token', '--consumer', 'acme')
    const answer = await fetch(`${gateway.url}/streams/quakes/events`, {
      headers: { authorization: `Bearer ${edge.out.text.trim()}` },
    })
    assert.equal(answer.status, 401)
    assert.match(((await answer.json()) as { detail: string }).detail, /`weir token` makes one .* same `dataDir`/)
  })

  it('is asked by weir tail in the words of the gateway', async () => {
    const edge = testEdge(folder, { env: { WEIR_TOKEN: await gateway.token() } })
    assert.equal(await edge.run('tail', `${gateway.url}/streams/quakes/event`), 1)
    assert.match(edge.err.text, /did you mean "quakes\/events"\?/)
  })
})
