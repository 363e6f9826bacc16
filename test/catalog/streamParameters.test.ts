import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Finding, StreamParameter } from '../../gateway/catalog/plan.ts'
import { codesOf, documentWith, read, textOf } from './support.ts'

const PAYLOAD =
  '{ type: object, properties: { id: { type: integer }, at: { type: string, format: date-time }, free: {}, list: { type: array, items: { type: string } }, geo: { type: object, properties: { station: { type: string } } }, a.b: { type: string } } }'

interface Result {
  readonly parameters: readonly StreamParameter[]
  readonly findings: readonly Finding[]
  readonly text: string
}

/** AsyncAPI 3, its one channel with this address, these parameters and this topic of the binding. */
function compiled(address: string, parameters: string, topic: string | null = null, payload = PAYLOAD): Result {
  const binding = topic === null ? '' : `\n    bindings: { kafka: { topic: '${topic}' } }`
  const text = documentWith({ payload, channel: `parameters: ${parameters}${binding}` }).replace(
    'address: topic.v1',
    `address: '${address}'`,
  )
  const { product, findings } = read(textOf(text))
  return { parameters: product?.streams[0]?.parameters ?? [], findings, text }
}

function compiled2(parameters: string): Result {
  const text = `asyncapi: 2.6.0
info: { title: T, version: '1', x-data-product: { id: a, owner: { team: t }, plans: [{ name: p, price: "0", priceCurrency: EUR }] } }
servers: { a: { url: 'kafka:9092', protocol: kafka } }
channels:
  weather.{station}:
    parameters: ${parameters}
    x-data-product: { expose: read }
    subscribe: { operationId: get, message: { payload: ${PAYLOAD} } }
components: { parameters: { shared: { schema: { type: string, enum: [a, b] } } } }`
  const { product, findings } = read(textOf(text))
  return { parameters: product?.streams[0]?.parameters ?? [], findings, text }
}

const told = ({ findings }: Result): string[] => findings.map(({ severity, code }) => `${severity} ${code}`)

describe('parameters of streams', () => {
  it('one in the topic chooses it, with all that the document says of its values', () => {
    const { parameters, findings } = compiled(
      'weather.{station}',
      '{ station: { enum: [KSEA, KPDX], default: KPDX, description: an airport, examples: [KSEA] } }',
    )
    assert.deepEqual(findings, [])
    assert.deepEqual(parameters, [
      {
        name: 'station',
        description: 'an airport',
        examples: ['KSEA'],
        values: ['KSEA', 'KPDX'],
        pattern: null,
        default: 'KPDX',
        field: null,
      },
    ])
  })

  it('one outside of the topic filters by the field of its location, typed by the schema', () => {
    const { parameters, findings } = compiled(
      'weather.{station}.{id}.{at}',
      '{ station: { location: $message.payload#/geo/station }, id: { location: $message.payload#/id }, at: { location: $message.payload#/at } }',
      'weather',
    )
    assert.deepEqual(findings, [])
    assert.deepEqual(
      parameters.map(({ name, field }) => [name, field]),
      [
        ['station', { name: 'geo.station', path: ['geo', 'station'], type: 'string' }],
        ['id', { name: 'id', path: ['id'], type: 'integer' }],
        ['at', { name: 'at', path: ['at'], type: 'time' }],
      ],
    )
  })

  it("the binding's topic decides which of them choose, whatever the address holds", () => {
    const { parameters, findings } = compiled(
      'w.{a}.{id}',
      '{ a: { enum: [x] }, id: { location: $message.payload#/id } }',
      't.{a}.{a}',
    )
    assert.deepEqual(findings, [])
    assert.deepEqual(
      parameters.map(({ name, field }) => [name, field?.name ?? null]),
      [
        ['a', null],
        ['id', 'id'],
      ],
    )
  })

  it('AsyncAPI 2 says the same in schemas; types are patterns, and references lead to both', () => {
    const one = compiled2('{ station: { description: S, schema: { type: string, enum: [a, b], default: a } } }')
    assert.deepEqual(one.findings, [])
    assert.deepEqual(
      one.parameters.map(({ values, description, default: standard }) => [values, description, standard]),
      [[['a', 'b'], 'S', 'a']],
    )
    const shared = compiled2("{ station: { $ref: '#/components/parameters/shared' } }")
    assert.deepEqual([shared.parameters[0]?.values, shared.findings], [['a', 'b'], []])
    const numbers = compiled2('{ station: { schema: { type: integer, enum: [1, 2] } } }')
    assert.deepEqual([numbers.parameters[0]?.values, numbers.findings], [['1', '2'], []])
    const patterned = compiled2("{ station: { schema: { type: string, pattern: '^K[A-Z]{3}$' } } }")
    assert.deepEqual([patterned.parameters[0]?.pattern, patterned.findings], ['^K[A-Z]{3}$', []])
    const whole = compiled2('{ station: { schema: { type: integer, default: 7 } } }')
    assert.deepEqual([whole.parameters[0]?.default, whole.findings], ['7', []])
    assert.deepEqual(told(compiled2('{ station: { schema: { type: integer, default: x } } }')), [
      'error parameter-value-invalid',
    ])
    assert.deepEqual(told(compiled2("{ station: { schema: { type: string, pattern: '(?=a)b' } } }")), [
      'error unsafe-pattern',
    ])
  })

  it('a parameter of the address or topic that is not declared is an error', () => {
    for (const topic of [null, 'weather'])
      assert.deepEqual(told(compiled('weather.{station}', '{}', topic)), ['error parameter-undeclared'])
    assert.deepEqual(told(compiled('weather', '{}', 'w.{x}')), ['error parameter-undeclared'])
  })

  it('one that can neither choose nor filter is told and not offered; the stream is served', () => {
    const bare = compiled('weather.{id}', '{ id: { description: d } }', 'weather')
    assert.deepEqual([told(bare), bare.parameters], [['warning parameter-without-location'], []])
    const header = compiled('weather.{id}', '{ id: { location: $message.header#/id } }', 'weather')
    assert.deepEqual([told(header), header.parameters], [['warning parameter-of-header'], []])
  })

  const WRONG: readonly (readonly [location: string, code: string, fix: RegExp])[] = [
    ['$message.payload#/geo/statoin', 'parameter-unknown-field', /Did you mean `geo\.station`\?/],
    ['$message.payload#/geo', 'parameter-not-scalar', /string, number or boolean/],
    ['$message.payload#/list', 'parameter-not-scalar', /string, number or boolean/],
    ['$message.payload#/free', 'parameter-untyped', /`type`/],
    ['$message.payload#/a.b', 'parameter-name-invalid', /without blanks/],
    ['$message.payload#/', 'parameter-name-invalid', /members/],
    ['$message.payload', 'parameter-location-invalid', /\$message\.payload#\//],
    ['$request.body#/id', 'parameter-location-invalid', /\$message\.payload#\//],
  ]
  for (const [location, code, fix] of WRONG)
    it(`location ${location} is ${code}, shown where it stands, with a fix`, () => {
      const result = compiled('weather.{id}', `{ id: { location: '${location}' } }`, 'weather')
      assert.deepEqual(codesOf(result.findings), [code])
      const [finding] = result.findings
      assert.match(finding?.fix ?? '', fix)
      assert.equal(finding?.pointer, '/channels/Events/parameters/id/location')
      assert.match(result.text.split('\n')[(finding?.line ?? 0) - 1] ?? '', /location:/)
      assert.match(finding?.message ?? '', /./)
      assert.doesNotMatch(finding?.message ?? '', /\{field\}/)
    })

  it('a location in the payload of messages without a schema is an error', () => {
    const text = compiled('w.{id}', '{ id: { location: $message.payload#/id } }', 'w').text
    const none = text.replace(`payload: ${PAYLOAD}`, 'title: none')
    assert.deepEqual(codesOf(read(textOf(none)).findings), ['parameter-without-schema'])
  })

  it('a default outside of enum, and a value that cannot be meant, are errors', () => {
    const location = 'location: $message.payload#/id'
    const cases: readonly (readonly [parameters: string, topic: string | null, code: string])[] = [
      ['{ s: { enum: [KSEA], default: KSEE } }', null, 'parameter-default-unknown'],
      ['{ s: { enum: [KSEA, a/b] } }', null, 'parameter-value-invalid'],
      ["{ s: { enum: [''] } }", null, 'parameter-value-invalid'],
      [`{ s: { enum: [${'x'.repeat(248)}] } }`, null, 'parameter-value-invalid'],
      [`{ s: { default: ${'x'.repeat(101)} } }`, null, 'parameter-value-invalid'],
      [`{ s: { ${location}, enum: ['1', two] } }`, 'w', 'parameter-value-invalid'],
      [`{ s: { ${location}, default: '1.5' } }`, 'w', 'parameter-value-invalid'],
      ["{ s: { location: $message.payload#/at, default: '2026-11-22' } }", 'w', 'parameter-value-invalid'],
    ]
    for (const [parameters, topic, code] of cases)
      assert.deepEqual(codesOf(compiled('w.{s}', parameters, topic).findings), [code], parameters)
    const { findings } = compiled('w.{s}', '{ s: { enum: [KSEA], default: KSEE } }')
    assert.match(findings[0]?.fix ?? '', /Use `KSEA`/)
  })

  it('what partners can read without an enum is told, and a topic that is all parameter is refused', () => {
    const open = compiled('w.{s}', '{ s: {} }')
    assert.deepEqual([told(open), open.parameters.length], [['warning topic-open'], 1])
    assert.match(open.findings[0]?.message ?? '', /every topic .* fits `w\.\{s\}`/)
    assert.deepEqual(told(compiled('{s}', '{ s: {} }')), ['error topic-unbounded'])
    assert.deepEqual(told(compiled('{s}', '{ s: { enum: [a] } }')), [])
  })
})
