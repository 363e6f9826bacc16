import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Parser } from '@asyncapi/parser'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import type { DocumentText } from '../../gateway/catalog/document.ts'
import type { Plan, Product } from '../../gateway/catalog/plan.ts'
import { renderedView, viewBodyOf } from '../../gateway/catalog/view/rendered.ts'
import { systemClock } from '../../gateway/clock.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { parseYaml } from '../../gateway/drivers/yaml.ts'
import { packageRoot } from '../../gateway/package.ts'
import { parameter, pricePlan, product, stream } from '../integration/support/product.ts'
import { codesOf, corpus, documentWith, textOf } from './support.ts'
import { at, dataOf, selfContained, titleAt, URL_OF_OURS, viewOf, type Schema, type View } from './viewSupport.ts'
import { TEMPTING, TEMPTING_OVERLAY } from './temptingDocument.ts'

const KAFKA_DOCUMENTS = [
  '01-streetlights-kafka.v31.yml',
  '02-streetlights-kafka.v26.yml',
  '10-streetlights-operation-security.v31.yml',
  '13-eventcatalog-orderservice.yml',
]

describe('public view', () => {
  const compiler = new Compiler(systemClock)
  const plans = new Map<string, Plan>()
  before(async () => {
    for (const [name, document] of documents()) plans.set(name, await compiler.compile(document))
  })
  after(() => compiler.close())

  const productOf = (name: string): Product => {
    const plan = plans.get(name)
    assert.deepEqual(codesOf(plan?.findings ?? []), [])
    assert.ok(plan?.product)
    return plan.product
  }
  const textsOf = (name: string): readonly string[] =>
    (['json', 'yaml'] as const).map((format) => renderedView(productOf(name), { url: URL_OF_OURS, plan: null }, format))

  for (const [name] of documents()) {
    it(`${name}: keeps the specification without a warning, as the official parser reads it, in JSON and YAML alike`, async () => {
      const [json = '', yaml = ''] = textsOf(name)
      const diagnostics = await new Parser().validate(json)
      assert.deepEqual(diagnostics.filter(isGrave), [])
      assert.deepEqual(JSON.parse(json), parseYaml(yaml).value)
      assert.doesNotMatch(yaml, /^ *[&*]\w|: [&*]\w/m)
    })

    it(`${name}: nothing of the data's place is in it`, () => {
      const { streams, title } = productOf(name)
      const places = streams.flatMap(({ topic, servers }) => [
        topic,
        ...servers.flatMap(({ host, cluster }) => [host, ...(cluster === null ? [] : [`x-cluster`])]),
      ])
      assert.ok(places.length > 0)
      for (const text of textsOf(name))
        for (const word of [...places, 'kafka', 'broker', 'x-data-product', 'x-parser', 'onRedisLoss'])
          assert.ok(!text.replace(title, '').toLowerCase().includes(word.toLowerCase()), word)
    })

    it(`${name}: every example keeps the schema beside it, and every schema can be used`, () => {
      const view = JSON.parse(textsOf(name)[0] ?? '') as View
      for (const [key, { payload, examples = [] }] of Object.entries(view.components.messages)) {
        const validate = compileSchema(selfContained(view, payload), { strict: false })
        for (const example of examples) assert.equal(validate(example.payload), null, key)
      }
    })
  }

  for (const name of ['earthquakes', '02-streetlights-kafka.v26.yml', 'tempting'])
    it(`${name}: its own readers take it: nothing in it is an error, and nothing is exposed by it`, async () => {
      const [json = ''] = textsOf(name)
      const plan = await compiler.compile(textOf(json))
      assert.deepEqual([codesOf(plan.findings), codesOf(plan.findings, 'info')], [[], ['no-product']])
    })

  it('has the three examples with examples of theirs, and nothing dangles or lies about', () => {
    const view = JSON.parse(textsOf('earthquakes')[0] ?? '') as View
    const { messages, schemas, securitySchemes } = view.components
    assert.equal((dataOf(view, 'events.record') as { readonly id: string }).id, 'us1000chhc')
    const said = JSON.stringify(view)
    const refs = new Set([...said.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref))
    for (const [kind, all] of Object.entries({ messages, schemas, securitySchemes }))
      for (const key of Object.keys(all)) assert.ok(refs.has(`#/components/${kind}/${key}`), `${kind} ${key}`)
    for (const ref of refs) assert.ok(at(view, ref ?? '') !== undefined, ref)
  })

  it('Weir sends, at its own address: WebSocket and HTTP, each with the ways that a token may be given', () => {
    for (const [url, ws, http, host, pathname] of [
      ['https://streams.example.com/weir', 'wss', 'https', 'streams.example.com', '/weir'],
      ['http://127.0.0.1:8080', 'ws', 'http', '127.0.0.1:8080', undefined],
    ] as const) {
      const view = viewOf(product(), { url })
      const { websocket, http: plain } = view.servers
      assert.deepEqual([websocket?.['protocol'], plain?.['protocol']], [ws, http])
      for (const server of [websocket, plain])
        assert.deepEqual([server?.['host'], server?.['pathname']], [host, pathname])
      assert.deepEqual(Object.keys(view.components.securitySchemes), ['bearer', 'subprotocol'])
    }
    const { channels, operations } = viewOf(product())
    assert.deepEqual(
      Object.entries(channels).map(([id, { address }]) => [id, address]),
      [
        ['eventsOverWebSocket', '/streams/quakes/events'],
        ['eventsOverHttp', '/streams/quakes/events'],
      ],
    )
    assert.deepEqual(
      Object.entries(operations).map(([id, { action, channel }]) => [id, action, channel.$ref]),
      [
        ['eventsOverWebSocketSent', 'send', '#/channels/eventsOverWebSocket'],
        ['eventsOverWebSocketReceived', 'receive', '#/channels/eventsOverWebSocket'],
        ['eventsOverHttpSent', 'send', '#/channels/eventsOverHttp'],
      ],
    )
  })

  it('has all frames of the protocol, by its own schemas', () => {
    const view = viewOf(product())
    const { value } = parseYaml(readFileSync(join(packageRoot, 'specs', 'weir.asyncapi.yaml'), 'utf8'))
    const protocol = value as View
    const keys = (id: string, from: View): readonly string[] => Object.keys(from.channels[id]?.messages ?? {})
    assert.deepEqual(keys('eventsOverWebSocket', view), keys('streamSession', protocol))
    assert.deepEqual(keys('eventsOverHttp', view), keys('stream', protocol))
    for (const [name, schema] of Object.entries(view.components.schemas))
      if (!name.includes('.')) assert.deepEqual(schema, protocol.components.schemas[name], name)
  })

  it('parameters and filterable fields stand in the query, required ones as such; without fields there is no `where`', () => {
    const field = { name: 'magnitude', path: ['magnitude'], type: 'number' } as const
    const one = stream({
      filterable: [field],
      parameters: [
        parameter('station', { values: ['a', 'b'], description: 'Which.' }),
        parameter('kind', { default: 'rain', field: { ...field, name: 'kind' } }),
      ],
    })
    const { schemas } = viewOf(product({ streams: [one, stream({ id: 'plain' })] })).components
    const { properties = {}, required } = schemas['events.PageQuery'] ?? {}
    assert.deepEqual(properties['param.station'], { type: 'string', description: 'Which.', enum: ['a', 'b'] })
    assert.deepEqual([properties['param.kind']?.['default'], required], ['rain', ['param.station']])
    assert.match(String(properties['where']?.['description']), /`magnitude` \(number\)/)
    assert.ok('limit' in properties && !('limit' in (schemas['events.StreamQuery']?.properties ?? {})))
    for (const kind of ['StreamQuery', 'PageQuery'])
      assert.ok(!('where' in (schemas[`plain.${kind}`]?.properties ?? { where: null })), kind)
  })

  it('only streams for reading are in it, and names that would meet are kept apart', () => {
    const schema = (title: string): object => ({ $ref: '#/definitions/Record', definitions: { Record: { title } } })
    const view = viewOf(
      product({
        streams: [
          stream({ id: 'a', schema: schema('one') as Schema }),
          stream({ id: 'a.payload', schema: schema('two') as Schema }),
          stream({ id: 'in', expose: 'write' }),
        ],
      }),
    )
    assert.equal(Object.keys(view.channels).length, 4)
    assert.ok(!JSON.stringify(view).includes('/in"'))
    for (const [id, title] of [
      ['a', 'one'],
      ['a.payload', 'two'],
    ]) {
      const payload = at(view, `#/components/messages/${id}.rawPayload`) as {
        readonly payload: { readonly anyOf: object[] }
      }
      const text = JSON.stringify(selfContained(view, payload.payload.anyOf[0] ?? {}))
      const validate = compileSchema(JSON.parse(text) as object, { strict: false })
      assert.equal(validate({}), null)
      assert.equal(titleAt(view, payload.payload.anyOf[0]), title)
    }
  })

  it("a circle in Avro's schema and the producer's package are no trouble", () => {
    const schema = {
      type: 'object',
      properties: { next: { $ref: '#' }, place: { $ref: '#/definitions/org.example.secret.Place' } },
      definitions: { 'org.example.secret.Place': { type: 'object', properties: { root: { $ref: '#' } } } },
    }
    const view = viewOf(product({ streams: [stream({ schema })] }))
    const { properties = {} } = view.components.schemas['events.payload'] ?? {}
    assert.deepEqual(properties['next'], { $ref: '#/components/schemas/events.payload' })
    assert.deepEqual(properties['place'], { $ref: '#/components/schemas/events.payload.Place' })
    assert.ok(!JSON.stringify(view).includes('org.example'))
  })

  it('plans are told for machines and in words; an agreement sees its own alone', () => {
    const pro = pricePlan({
      name: 'pro',
      price: '49.00',
      includedMessages: 1_000_000,
      tiers: [
        { upTo: 10_000_000, per1000: '0.020' },
        { upTo: null, per1000: '0.012' },
      ],
      replay: { per1000: '0.005', olderThanMs: 3_600_000 },
      windows: [
        { perMs: 'month', messages: 50_000_000, bytes: 1_000 },
        { perMs: 900_000, messages: 7, bytes: null },
      ],
      rate: { messages: 50, burst: 200 },
      connections: 1,
      subscriptions: 5,
      replayHorizonMs: 30 * 86_400_000,
      onLimit: 'overage',
      overage: { per1000: '0.030' },
    })
    const one = product({ plans: [pricePlan(), pro] })
    const words = (plan: string | null): string => String(viewOf(one, { plan }).info['description'])
    assert.equal(
      words('pro').split('\n').at(-1),
      '- `pro`: 49.00 EUR a month, the first 1,000,000 records included, records at 0.020 EUR per 1,000 up to number 10,000,000, then 0.012 EUR per 1,000, 0.005 EUR per 1,000 first read when older than 1 hour; at most 50,000,000 records a month and 1,000 bytes a month and 7 records in 15 minutes; what is beyond is delivered too, at 0.030 EUR per 1,000; 50 records a second, 200 at once; 1 connection; 5 subscriptions; reads back 30 days.',
    )
    assert.match(words(null), /on the plan `free`[^]*- `free`: free of charge\.\n- `pro`/)
    assert.doesNotMatch(words('pro'), /free/)
    const facts = (plan: string | null): { readonly [key: string]: unknown } =>
      viewOf(one, { plan }).info['x-weir-product'] as { readonly [key: string]: unknown }
    assert.deepEqual(
      [facts('pro')['plan'], facts(null)['defaultPlan'], facts('pro')['defaultPlan']],
      ['pro', 'free', undefined],
    )
    const [offer, ...others] = facts('pro')['plans'] as { readonly [key: string]: unknown }[]
    assert.deepEqual(others, [])
    assert.deepEqual(offer?.['windows'], [
      { per: 'P1M', messages: 50_000_000, bytes: 1_000 },
      { per: 'PT15M', messages: 7 },
    ])
    assert.deepEqual([offer?.['replayHorizon'], offer?.['replay']], ['P30D', { per1000: '0.005', olderThan: 'PT1H' }])
  })

  it('a product that nobody may read for long says so', () => {
    const words = (more: Partial<Product>): string => String(viewOf(product(more)).info['description'])
    const deprecation = { on: '2026-11-30', sunset: '2027-05-31', successor: 'quakes-2' }
    assert.match(words({ lifecycle: 'deprecated', deprecation }), /until 2027-05-31\. `quakes-2` takes its place/)
    assert.match(words({ lifecycle: 'retired' }), /Retired/)
    assert.match(words({ access: 'approval', defaultPlan: null }), /needs an agreement; ask seismology for one/)
  })

  it('a view that would be too long refuses the document, and is never written: not by many streams, nor by one long text in each', async () => {
    const long = `components: { schemas: { Long: { type: object, description: '${'x'.repeat(200_000)}' } } }`
    const channels = Array.from(
      { length: 45 },
      (_, i) =>
        `  c${i}: { address: t.${i}, x-data-product: { expose: read }, messages: { m: { payload: { $ref: '#/components/schemas/Long' } } } }`,
    )
    const plan = await compiler.compile(textOf(`${documentWith()}\n${channels.join('\n')}\n${long}`))
    assert.deepEqual([codesOf(plan.findings), plan.product?.view], [['view-too-long'], null])
    const streams = Array.from({ length: 700 }, (_, i) => stream({ id: `s${i}` }))
    assert.equal(viewBodyOf(product({ streams })), null)
  })
})

function documents(): readonly (readonly [name: string, document: DocumentText])[] {
  const examples = ['earthquakes', 'weather', 'departures'].map((name) => {
    const file = join(packageRoot, 'specs', name, `${name}.yaml`)
    return [name, { file, text: readFileSync(file, 'utf8'), overlay: null }] as const
  })
  const overlaid = KAFKA_DOCUMENTS.map((name) => [name, corpus(name, true)] as const)
  const tempting = textOf(JSON.stringify(TEMPTING), JSON.stringify(TEMPTING_OVERLAY))
  return [...examples, ...overlaid, ['tempting', tempting]]
}

/** Spectral's scale: 0 error, 1 warning. */
function isGrave({ severity }: { readonly severity: number }): boolean {
  return severity <= 1
}
