import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Finding, Stream } from '../../gateway/catalog/plan.ts'
import { packageRoot } from '../../gateway/package.ts'
import { documentWith, read, textOf } from './support.ts'

describe('filterable', () => {
  it('each field has the type that its schema gives it', () => {
    const payload = `{ type: object, properties: {
      magnitude: { type: number }, region: { type: [string, 'null'] }, count: { type: integer }, flag: { type: boolean },
      time: { type: string, format: date-time }, level: { enum: [low, high, null] }, code: { const: 7 },
      geometry: { $ref: '#/components/schemas/G' }, mixed: { anyOf: [{ type: integer }, { type: number }] } } }`
    const names = 'magnitude, region, count, flag, time, level, code, geometry.depth, mixed'
    const { stream, findings } = compile(
      names,
      payload,
      'components: { schemas: { G: { allOf: [{ properties: { depth: { type: number } } }] } } }',
    )
    assert.deepEqual(findings, [])
    assert.deepEqual(
      stream.filterable.map(({ name, type }) => `${name} ${type}`),
      [
        'magnitude number',
        'region string',
        'count integer',
        'flag boolean',
        'time time',
        'level string',
        'code integer',
        'geometry.depth number',
        'mixed number',
      ],
    )
    assert.deepEqual(stream.filterable[7]?.path, ['geometry', 'depth'])
  })

  it('a stream that names none has none', () => {
    assert.deepEqual(compile('', '{ type: object }').stream.filterable, [])
    assert.deepEqual(read(textOf(documentWith())).product?.streams[0]?.filterable, [])
  })

  it('a field of one of several messages is a field', () => {
    const base = documentWith({
      stream: '{ expose: read, filterable: [a, b] }',
      payload: '{ properties: { a: { type: string } } }',
    })
    const two = base.replace(
      '      m: {',
      '      n: { payload: { properties: { a: { type: string }, b: { type: integer } } } }\n      m: {',
    )
    const { product, findings } = read(textOf(two))
    assert.deepEqual(findings, [])
    assert.deepEqual(
      product?.streams[0]?.filterable.map(({ type }) => type),
      ['string', 'integer'],
    )
  })

  it('what cannot be filtered by is an error that says why, where and what to do', () => {
    const payload = `{ properties: { magnitude: { type: number }, geometry: { type: object, properties: { depth: { type: number } } }, any: {}, none: { type: 'null' },
      tags: { type: array, items: { properties: { a: { type: string } } } }, either: { type: [string, integer] } } }`
    const cases: readonly (readonly [name: string, code: string, said: RegExp])[] = [
      ['magnitud', 'filterable-unknown-field', /"magnitud" is not in the payload's schema.*Did you mean `magnitude`\?/],
      ['geometry.dept', 'filterable-unknown-field', /Did you mean `geometry\.depth`\?/],
      ['elsewhere', 'filterable-unknown-field', /There are: magnitude, geometry,/],
      ['magnitude.value', 'filterable-unknown-field', /is not in/],
      ['any.thing', 'filterable-unknown-field', /is not in/],
      ['any', 'filterable-untyped', /has no type.*Give it a `type`/],
      ['geometry', 'filterable-not-scalar', /object\.member/],
      ['none', 'filterable-not-scalar', /nothing but `null`/],
      ['tags', 'filterable-not-scalar', /arrays/],
      ['tags.a', 'filterable-below-array', /below an array/],
      ['either', 'filterable-types-differ', /several types/],
      ["'a b'", 'filterable-name-invalid', /no way to write/],
      ["'a,b'", 'filterable-name-invalid', /no way to write/],
      ['a..b', 'filterable-name-invalid', /no way to write/],
    ]
    for (const [name, code, said] of cases) {
      const { findings, stream } = compile(`magnitude, ${name}`, payload)
      assert.deepEqual(
        findings.map((finding) => [finding.severity, finding.code]),
        [['error', code]],
        name,
      )
      const [finding] = findings as [Finding]
      assert.match(`${finding.message}. ${finding.fix}`, said)
      assert.equal(finding.pointer, '/channels/Events/x-data-product/filterable/1')
      assert.equal(typeof finding.line, 'number')
      assert.deepEqual(
        stream.filterable.map(({ name }) => name),
        ['magnitude'],
      )
    }
  })

  it('without a schema of the payload nothing has a type', () => {
    const text = documentWith({ stream: '{ expose: read, filterable: [a] }' }).replace(/, payload: .*\}$/m, ' }')
    const { findings } = read(textOf(text))
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['filterable-without-schema'],
    )
    assert.match(findings[0]?.fix ?? '', /payload/)
  })

  it('where the payload is not served for another reason, that reason alone is told', () => {
    const protobuf = "{ schemaFormat: 'application/vnd.google.protobuf;version=3', schema: { type: string } }"
    assert.deepEqual(
      compile('a', protobuf).findings.map(({ code }) => code),
      ['schema-format-unsupported'],
    )
    assert.deepEqual(
      compile('a', "{ properties: { a: { type: string } }, patternProperties: { '(?=a)': {} } }").findings.map(
        ({ code }) => code,
      ),
      ['unsafe-pattern'],
    )
  })

  it('the example product can be filtered by what its readers ask for', () => {
    const text = readFileSync(join(packageRoot, 'specs', 'earthquakes', 'earthquakes.yaml'), 'utf8')
    const { product, findings } = read(textOf(text))
    assert.deepEqual(findings, [])
    const types = Object.fromEntries(product?.streams[0]?.filterable.map(({ name, type }) => [name, type]) ?? [])
    assert.deepEqual(
      [types['magnitude'], types['time'], types['alert'], types['tsunami'], types['significance'], types['network']],
      ['number', 'time', 'string', 'boolean', 'integer', 'string'],
    )
  })
})

function compile(
  names: string,
  payload: string,
  more = '',
): { readonly stream: Stream; readonly findings: readonly Finding[] } {
  const stream = `{ expose: read, filterable: [${names}] }`
  const { product, findings } = read(textOf(documentWith({ stream, payload: payload.replaceAll(/\n\s*/g, ' '), more })))
  assert.ok(product?.streams[0])
  return { stream: product.streams[0], findings }
}
