import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codesOf, documentWith, read, textOf, type Pieces } from './support.ts'

const RECORD = `{ type: record, name: R, fields: [{ name: at, doc: When., type: { type: long, logicalType: timestamp-millis } }, { name: n, type: ['null', int] }, { name: inner, type: { type: record, name: I, fields: [{ name: up, type: ['null', R] }] } }] }`
const FORMAT = 'application/vnd.apache.avro;version=1.9.0'

describe('messages in Avro', () => {
  const plan = (payload: string, message = 'contentType: application/vnd.apache.avro', more: Pieces = {}) =>
    read(textOf(documentWith({ payload, message, ...more })))
  const avro = (schema: string): string => `{ schemaFormat: '${FORMAT}', schema: ${schema} }`

  it('are served as JSON, with a JSON Schema of what partners get, and can be filtered by its fields', () => {
    const { product, findings } = plan(avro(RECORD), undefined, {
      stream: '{ expose: read, filterable: [at, n] }',
    })
    assert.deepEqual(codesOf(findings), [])
    const stream = product?.streams[0]
    assert.deepEqual([stream?.contentType, stream?.encoding.kind], ['application/json', 'avro'])
    assert.deepEqual(
      stream?.filterable.map(({ name, type }) => [name, type]),
      [
        ['at', 'time'],
        ['n', 'integer'],
      ],
    )
    assert.deepEqual(stream?.schema, {
      type: 'object',
      required: ['at', 'n', 'inner'],
      properties: {
        at: { type: 'string', format: 'date-time', description: 'When.' },
        n: { type: ['integer', 'null'] },
        inner: { $ref: '#/definitions/I' },
      },
      definitions: {
        I: { type: 'object', required: ['up'], properties: { up: { anyOf: [{ type: 'null' }, { $ref: '#' }] } } },
      },
    })
  })

  it('may stand behind an id of their schema, as serializers with a registry write them', () => {
    const binding = 'bindings: { kafka: { schemaIdLocation: payload, schemaIdPayloadEncoding: confluent } }'
    const encoding = plan(avro('int'), `contentType: avro/binary, ${binding}`).product?.streams[0]?.encoding
    assert.deepEqual(encoding, { kind: 'avro', schema: 'int', framing: 'confluent' })
  })

  it('that cannot be read are refused, each in words of its own', () => {
    const binding = "bindings: { kafka: { schemaIdLocation: payload, schemaIdPayloadEncoding: 'apicurio-new' } }"
    const other = 'o: { payload: { type: object } }'
    for (const [code, schema, message, more] of [
      ['schema-invalid', '{ type: record, name: R, fields: [{ name: a, type: Missing }] }'],
      ['schema-invalid', "{ type: array, items: 'null' }"],
      ['content-type-unsupported', 'int', 'contentType: application/json'],
      ['schema-id-unsupported', 'int', `contentType: avro/binary, ${binding}`],
      ['avro-message-not-alone', 'int', undefined, { more: `      ${other}\n` }],
    ] as const) {
      const { product, findings } = plan(avro(schema), message, more)
      assert.deepEqual(codesOf(findings), [code], schema)
      assert.equal(product?.streams[0]?.schema ?? null, null)
    }
  })
})
