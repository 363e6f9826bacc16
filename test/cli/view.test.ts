import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseYaml } from '../../gateway/drivers/yaml.ts'
import { packageRoot } from '../../gateway/package.ts'
import { documentWith } from '../catalog/support.ts'
import { testEdge, type TestEdge } from './support.ts'

const WEATHER = join(packageRoot, 'specs', 'weather', 'weather.yaml')
const CONFIG = `
listen: { publicUrl: https://streams.example.com/weir/ }
specs: [private.yaml]
consumers:
  - { id: acme, name: Acme, agreements: [{ product: weather, plan: city }] }
  - { id: other, name: Other, agreements: [] }
`

interface View {
  readonly info: {
    readonly description: string
    readonly 'x-weir-product': { readonly plans: readonly { name: string }[] }
  }
  readonly servers: { readonly http: { readonly protocol: string; readonly host: string; readonly pathname?: string } }
}

const plansIn = ({ info }: View): readonly string[] => info['x-weir-product'].plans.map(({ name }) => name)

describe('weir spec view', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-view-'))
    write('partners.yaml', CONFIG)
    write('private.yaml', documentWith())
    write('masked.yaml', documentWith({ stream: '{ expose: read, masks: [{ path: a, as: drop }] }' }))
    write('plain.yaml', 'asyncapi: 3.0.0\ninfo: { title: T, version: 1.0.0 }\n')
    write('broken.yaml', 'listen: { prot: 1 }\n')
  })
  after(() => rmSync(folder, { recursive: true }))

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  const view = async (...args: readonly string[]): Promise<{ exit: number; edge: TestEdge }> => {
    const edge = testEdge(folder)
    return { exit: await edge.run('spec', 'view', ...args), edge }
  }
  const viewed = async (...args: readonly string[]): Promise<View> => {
    const { exit, edge } = await view(WEATHER, '--json', ...args)
    assert.deepEqual([exit, edge.err.text], [0, ''])
    return JSON.parse(edge.out.text) as View
  }

  it('prints YAML, with --json the same as JSON; without a configuration at the local address', async () => {
    const { exit, edge } = await view(WEATHER)
    assert.deepEqual([exit, edge.err.text], [0, ''])
    assert.match(edge.out.text, /^asyncapi: 3\.0\.0\n/)
    const json = await viewed()
    assert.deepEqual(parseYaml(edge.out.text).value, json)
    const { protocol, host, pathname } = json.servers.http
    assert.deepEqual([protocol, host, pathname], ['http', '127.0.0.1:8080', undefined])
    assert.deepEqual(plansIn(json), ['free', 'city'])
  })

  it("--consumer is that consumer's view: the plan of its agreement, else what is offered; the address is the configured one", async () => {
    for (const [consumer, plans] of [
      ['acme', ['city']],
      ['other', ['free', 'city']],
    ] as const) {
      const own = await viewed('--config', 'partners.yaml', '--consumer', consumer)
      assert.deepEqual(plansIn(own), plans)
      const { protocol, host, pathname } = own.servers.http
      assert.deepEqual([protocol, host, pathname], ['https', 'streams.example.com', '/weir'])
    }
  })

  it('what would not be served is exit 1, with the findings and nothing on stdout', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['masked.yaml'], /^masked\.yaml:\d+:\d+: error: not-served-yet `masks` are not applied yet/],
      [['plain.yaml'], /^weir: plain\.yaml describes no product/],
      [
        ['private.yaml', '--consumer', 'acme', '--config', 'partners.yaml'],
        /^refused: `acme` does not see one: it is a draft/,
      ],
    ]
    for (const [args, words] of cases) {
      const { exit, edge } = await view(...args)
      assert.deepEqual([exit, edge.out.text], [1, ''], args.join(' '))
      assert.match(edge.err.text, words)
    }
  })

  it('a product that is not listed is shown to its team, and they are told', async () => {
    const { exit, edge } = await view('private.yaml')
    assert.equal(exit, 0)
    assert.match(edge.out.text, /address: \/streams\/one\/events/)
    assert.deepEqual(edge.err.lines, ['only consumers with an agreement see one: it is a draft'])
  })

  it('wrong usage is exit 2: no file, several products, an unknown consumer, a configuration that cannot be used', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /missing required argument 'file'/],
      [['gone.yaml'], /^weir: there is no file gone\.yaml/],
      [[join(packageRoot, 'specs')], /holds 3 products — name the document of one/],
      [
        [WEATHER, '--consumer', 'acm', '--config', 'partners.yaml'],
        /no consumer `acm` is configured in partners\.yaml — did you mean `acme`\?/,
      ],
      [[WEATHER, '--consumer', 'acme'], /no consumer `acme` is configured — add it to `consumers`/],
      [[WEATHER, '--config', 'broken.yaml'], /^weir: broken\.yaml:1: listen\.prot/m],
      [[WEATHER, '--format', 'json'], /unknown option '--format'/],
    ]
    for (const [args, words] of cases) {
      const { exit, edge } = await view(...args)
      assert.deepEqual([exit, edge.out.text], [2, ''], args.join(' '))
      assert.match(edge.err.text, words)
    }
  })
})
