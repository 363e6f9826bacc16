import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FINDING_GROUPS } from '../../gateway/catalog/codes.ts'
import type { Finding } from '../../gateway/catalog/plan.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { packageRoot } from '../../gateway/package.ts'
import { testEdge, type TestEdge } from './support.ts'

/** With every member that governance asks for. */
const GOOD = `asyncapi: 3.0.0
info:
  title: Orders
  version: 1.2.0
  description: Orders as they are placed.
  license: { name: CC0-1.0 }
  x-data-product:
    id: orders
    owner: { team: ordering, email: ordering@example.org }
    visibility: public
    access: open
    lifecycle: released
    sla: [{ property: latency, value: 2, unit: s }]
    defaultPlan: free
    plans: [{ name: free, price: "0", priceCurrency: EUR, windows: [{ per: P1D, messages: 1000 }] }]
servers: { main: { host: "kafka:9092", protocol: kafka } }
channels:
  placed:
    address: orders.placed
    description: Each order once, when it is placed.
    messages:
      order: { payload: { type: object, properties: { id: { type: string, description: Of the order., examples: [o1] } } } }
    x-data-product: { expose: read }
operations: { place: { action: send, channel: { $ref: "#/channels/placed" } } }
`

interface Told {
  readonly ok: boolean
  readonly documents: number
  readonly findings: readonly Finding[]
}

describe('weir spec lint', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-lint-'))
    write('good.yaml', GOOD)
    write('alone/x.product.yaml', 'info: {}')
  })
  after(() => rmSync(folder, { recursive: true }))

  const write = (name: string, text: string): string => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
    return name
  }
  const lint = async (...args: readonly string[]): Promise<{ exit: number; edge: TestEdge }> => {
    const edge = testEdge(folder)
    return { exit: await edge.run('spec', 'lint', ...args), edge }
  }
  const told = async (...args: readonly string[]): Promise<Told & { exit: number }> => {
    const { exit, edge } = await lint(...args, '--json')
    return { exit, ...(JSON.parse(edge.out.text) as Told) }
  }

  it('a good product is exit 0 in every format, and people are told so', async () => {
    const { exit, edge } = await lint('good.yaml')
    assert.deepEqual([exit, edge.out.text, edge.err.lines], [0, '', ['ok: 1 document, 0 errors, 0 warnings, 0 hints']])
    assert.deepEqual(await told('good.yaml'), { exit: 0, ok: true, documents: 1, findings: [] })
  })

  it('a misspelt key is exit 1 with file, line, column, code and the key that was meant', async () => {
    write('typo.yaml', GOOD.replace('    visibility:', '    visibilty:'))
    const { exit, edge } = await lint('typo.yaml')
    assert.equal(exit, 1)
    assert.match(
      edge.err.text,
      /^typo\.yaml:10:5: error: unknown-key `x-data-product` has no key `visibilty` — Did you mean `visibility`\?$/m,
    )
  })

  it('in an overlay a finding names the overlay, and who names the overlay means its document', async () => {
    write('o/base.yaml', GOOD)
    write('o/base.product.yaml', 'info:\n  x-data-product:\n    lifecycle: realeased\n')
    for (const files of [['o/base.product.yaml'], ['o', 'o/base.yaml', 'o/base.product.yaml']]) {
      const { exit, documents, findings } = await told(...files)
      assert.deepEqual([exit, documents], [1, 1])
      const [{ file: named, line, column, code, fix } = {} as Finding] = findings
      assert.deepEqual(
        [named, line, column, code, fix],
        ['o/base.product.yaml', 3, 5, 'wrong-value', 'Did you mean `released`?'],
      )
    }
  })

  it('an overlay without its document is refused where it is named, and only told where it is found', async () => {
    const named = await told('alone/x.product.yaml')
    assert.deepEqual([named.exit, named.findings.map(({ code }) => code)], [1, ['overlay-alone']])
    const found = await told('alone')
    assert.deepEqual([found.exit, found.findings.map(({ severity }) => severity)], [0, ['warning']])
  })

  const LACKS: readonly (readonly [code: string, severity: Finding['severity'], document: string])[] = [
    ['description-missing', 'warning', GOOD.replace(/ {2}description: Orders.*\n/, '')],
    ['contact-missing', 'error', GOOD.replace(', email: ordering@example.org', '')],
    [
      'contact-missing',
      'warning',
      GOOD.replace(', email: ordering@example.org', '').replace('visibility: public', 'visibility: private'),
    ],
    ['license-missing', 'error', GOOD.replace(/ {2}license.*\n/, '')],
    ['version-not-semantic', 'info', GOOD.replace('1.2.0', 'latest')],
    ['sla-missing', 'info', GOOD.replace(/ {4}sla.*\n/, '')],
    ['plan-unlimited', 'warning', GOOD.replace(', windows: [{ per: P1D, messages: 1000 }]', '')],
    ['stream-undescribed', 'warning', GOOD.replace(/ {4}description: Each.*\n/, '')],
    ['direction-doubtful', 'warning', GOOD.replace('action: send', 'action: receive')],
    ['payload-without-schema', 'warning', GOOD.replace(/order: \{.*\}/, 'order: { title: Order }')],
    [
      'payload-open',
      'warning',
      GOOD.replace(/order: \{.*\}/, 'order: { payload: { type: object }, examples: [{ payload: {} }] }'),
    ],
    ['internal-name', 'warning', GOOD.replace('as they are placed.', 'as they are placed, from Orders.Placed.')],
    ['internal-name', 'warning', GOOD.replace('Of the order.', 'As kafka:9092 has it.')],
    ['member-undescribed', 'info', GOOD.replace(', description: Of the order.', '')],
    ['example-missing', 'info', GOOD.replace(', examples: [o1]', '')],
    ['personal-data', 'warning', GOOD.replace('{ id:', '{ email: { type: string, description: Of the buyer. }, id:')],
    [
      'parameter-undescribed',
      'warning',
      GOOD.replace('orders.placed\n', "'orders.{shop}'\n    parameters: { shop: { enum: [a, b] } }\n"),
    ],
  ]
  const lacking = new Map<string, Finding[]>()
  before(async () => {
    // One run, since each costs the import of the parser.
    for (const [i, [, , document]] of LACKS.entries())
      write(`lacks/${i}.yaml`, document.replace('id: orders', `id: orders-${i}`))
    for (const finding of (await told('lacks')).findings)
      lacking.set(finding.file, [...(lacking.get(finding.file) ?? []), finding])
  })
  for (const [i, [code, severity, document]] of LACKS.entries()) {
    it(`what a good product lacks is told as ${code} (${severity}), with its line and a fix`, () => {
      assert.notEqual(document, GOOD)
      const findings = lacking.get(join('lacks', `${i}.yaml`)) ?? []
      assert.deepEqual(
        findings.map((one) => [one.code, one.severity]),
        [[code, severity]],
      )
      assert.ok((findings[0]?.line ?? 0) > 1 && (findings[0]?.fix ?? '') !== '')
    })
  }

  it('every rule of governance has a case here', () => {
    const [, codes = {}] = FINDING_GROUPS.find(([title]) => title === 'Good products') ?? []
    const tried = new Set(LACKS.map(([code]) => code))
    assert.deepEqual(
      Object.keys(codes).filter((code) => !tried.has(code)),
      [],
    )
  })

  it('what the 2.x `publish` of an application says is told: partners would read commands to it', async () => {
    const text = `asyncapi: 2.6.0
info: { title: T, version: 1.0.0, x-data-product: { id: t, owner: { team: t }, plans: [{ name: f, price: "0", priceCurrency: EUR }] } }
servers: { main: { url: 'kafka:9092', protocol: kafka } }
channels:
  commands: { publish: { operationId: obey, message: { payload: { type: string } } }, x-data-product: { expose: read } }
`
    write('old/publish.yaml', text)
    write('old/subscribe.yaml', text.replace('publish', 'subscribe').replace('id: t', 'id: s'))
    const { findings } = await told('old')
    const found = findings.filter(({ code }) => code === 'direction-doubtful')
    assert.deepEqual(
      found.map(({ file }) => file),
      [join('old', 'publish.yaml')],
    )
    assert.match(found[0]?.message ?? '', /everything in the topic `commands`/)
  })

  it('two documents of one product refuse each other, whichever are named together', async () => {
    write('one.yaml', GOOD)
    write('two.yaml', `${GOOD}# again\n`)
    const { exit, findings } = await told('one.yaml', 'two.yaml')
    assert.deepEqual([exit, findings.map(({ code, file }) => [code, file])], [1, [['product-twice', 'two.yaml']]])
  })

  it('SARIF is valid against the schema of the standard, each result has its rule and its place', async () => {
    const text = readFileSync(join(packageRoot, 'node_modules', SARIF_SCHEMA), 'utf8')
    const validate = compileSchema(JSON.parse(text, asDraft7) as object, { strict: false })
    write('a b.yaml', GOOD.replace(/ {2}license.*\n/, '').replace('1.2.0', 'latest'))
    const { exit, edge } = await lint('a b.yaml', 'good.yaml', 'alone', '--format', 'sarif')
    assert.equal(exit, 1)
    const log = JSON.parse(edge.out.text) as Sarif
    assert.equal(validate(log), null)
    assert.notEqual(validate({ ...log, version: '2.0.0' }), null)
    const [run] = log.runs
    for (const { ruleId, ruleIndex } of run?.results ?? []) assert.equal(run?.tool.driver.rules[ruleIndex]?.id, ruleId)
    const license = run?.results.find(({ ruleId }) => ruleId === 'license-missing')
    assert.equal(license?.level, 'error')
    assert.deepEqual(license.locations[0]?.physicalLocation, {
      artifactLocation: { uri: 'a%20b.yaml' },
      region: { startLine: 2, startColumn: 1 },
    })
  })

  it('annotations are commands of one line, whatever the document says', async () => {
    const odd = GOOD.replace('  placed:', '  "a%\\r\\n::error::fake":').replace(
      / {4}description: Each.*\n|operations.*\n/g,
      '',
    )
    write('x,y.yaml', odd.replace(', email: ordering@example.org', ''))
    const { exit, edge } = await lint('x,y.yaml', '--format', 'github')
    assert.equal(exit, 1)
    for (const line of edge.out.lines)
      assert.match(line, /^::(error|warning|notice) file=x%2Cy\.yaml,line=\d+,col=\d+,title=[a-z-]+::/)
    assert.doesNotMatch(edge.out.text, /\r|^::error::fake/m)
  })

  it('wrong usage is exit 2: no file, one that is not there, a folder without documents, an unknown format', async () => {
    mkdirSync(join(folder, 'empty'))
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /missing required argument 'file'/],
      [['gone.yaml'], /^weir: there is no file gone\.yaml/],
      [['good.yaml/x.yaml'], /^weir: there is no file good\.yaml\/x\.yaml/],
      [['empty'], /^weir: there is no AsyncAPI document in empty/],
      [['good.yaml', '--format', 'xml'], /Allowed choices are text, json, sarif, github/],
    ]
    for (const [args, words] of cases) {
      const { exit, edge } = await lint(...args)
      assert.deepEqual([exit, edge.out.text], [2, ''], args.join(' '))
      assert.match(edge.err.text, words)
    }
  })
})

const SARIF_SCHEMA = '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'

/** It is written in draft 4, of which it uses nothing that draft 7 has not; its pattern of a language has a bracket too many. */
function asDraft7(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  return key === '$schema' || key === 'id' || (key === 'pattern' && value.includes(']?$')) ? undefined : value
}

interface Sarif {
  readonly version: string
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex: number
      readonly level: string
      readonly locations: readonly { readonly physicalLocation: object }[]
    }[]
  }[]
}
