import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import type { Stream } from '../../gateway/catalog/plan.ts'
import { codesOf, corpus, documentWith, read, textOf } from './support.ts'
import type { Pieces } from './support.ts'

const HEAD_26 = `asyncapi: 2.6.0
info: { title: T, version: '1', x-data-product: { id: a, owner: { team: t }, plans: [{ name: p, price: "0", priceCurrency: EUR }] } }
servers:
  a: { url: 'kafka://{env}.example.org:9093/x', protocol: kafka-secure, variables: { env: { default: prod } }, x-cluster: big }
  b: { url: 'mqtt://b', protocol: mqtt }
`

describe('streams', () => {
  it('the id is the channel id in lower case, other characters as -', () => {
    assert.equal(only({}).id, 'events')
    const odd = documentWith().replace('  Events:', '  "Order Events/EU":')
    assert.equal(read(textOf(odd)).product?.streams[0]?.id, 'order-events-eu')
    assert.deepEqual(codesOf(read(textOf(documentWith().replace('  Events:', '  "-../x":'))).findings), [
      'stream-id-invalid',
    ])
  })

  it('two channels that would share an id are a finding', () => {
    const more =
      '  events:\n    address: other\n    x-data-product: { expose: read }\n    messages: { m: { payload: {} } }'
    assert.deepEqual(codesOf(read(textOf(documentWith({ more }))).findings), ['stream-id-twice'])
  })

  it("the topic is the binding's, else the address", () => {
    assert.equal(only({}).topic, 'topic.v1')
    const bound = only({ channel: 'bindings: { kafka: { topic: bound, partitions: 7 } }' })
    assert.deepEqual([bound.topic, bound.partitions], ['bound', 7])
  })

  it('a topic that Kafka could not have is refused', () => {
    for (const address of ['null', '".."', '"a b"', '"a}"', '"a{b"', `"${'x'.repeat(250)}"`])
      assert.deepEqual(
        codesOf(read(textOf(documentWith().replace('address: topic.v1', `address: ${address}`))).findings),
        ['topic-invalid'],
        address,
      )
  })

  it("servers are the channel's Kafka servers, or all; without any Kafka there is no stream", () => {
    assert.deepEqual(only({}).servers, [{ name: 'main', cluster: null, host: 'kafka:9092' }])
    const two = documentWith().replace(
      'servers:\n',
      "servers:\n  other: { host: 'b:1', protocol: kafka-secure, x-cluster: two }\n",
    )
    assert.deepEqual(
      read(textOf(two)).product?.streams[0]?.servers.map(({ name }) => name),
      ['other', 'main'],
    )
    const named = two.replace('    address', "    servers: [{ $ref: '#/servers/other' }]\n    address")
    assert.deepEqual(read(textOf(named)).product?.streams[0]?.servers, [{ name: 'other', cluster: 'two', host: 'b:1' }])
    assert.deepEqual(codesOf(read(textOf(documentWith().replace('protocol: kafka', 'protocol: ws'))).findings), [
      'no-kafka-server',
    ])
  })

  it('payloads that are not JSON Schema or not JSON are refused', () => {
    const protobuf = "{ schemaFormat: 'application/vnd.google.protobuf;version=3', schema: { type: string } }"
    assert.deepEqual(errorsOf({ payload: protobuf }), ['schema-format-unsupported'])
    assert.deepEqual(errorsOf({ message: 'contentType: application/vnd.apache.avro' }), ['content-type-unsupported'])
    for (const format of [
      'application/vnd.aai.asyncapi+json;version=3.0.0',
      'application/schema+json;version=draft-07',
    ])
      assert.deepEqual(errorsOf({ payload: `{ schemaFormat: '${format}', schema: { type: string } }` }), [])
  })

  it("AsyncAPI 2: the operation names the stream, both operations' messages count, the server loses its scheme", () => {
    const text = `${HEAD_26}channels:
  raw/topic:
    bindings: { kafka: { topic: t } }
    x-data-product: { expose: read }
    subscribe: { operationId: onThing, message: { oneOf: [{ name: A, payload: { type: string } }, { $ref: '#/components/messages/B' }] } }
    publish: { message: { $ref: '#/components/messages/B' } }
components: { messages: { B: { payload: { type: number } } } }`
    const { product, findings } = read(textOf(text))
    assert.deepEqual(findings, [])
    const stream = product?.streams[0] as Stream
    assert.deepEqual([stream.id, stream.topic, stream.message], ['onthing', 't', 'A'])
    assert.deepEqual(stream.servers, [{ name: 'a', cluster: 'big', host: 'prod.example.org:9093' }])
    assert.deepEqual(stream.schema, { anyOf: [{ type: 'string' }, { type: 'number' }] })
  })

  it('AsyncAPI 2 without operationId: the address names the stream', () => {
    const text = `${HEAD_26}channels: { 'Raw.Topic': { x-data-product: { expose: read }, publish: { message: { payload: { type: string } } } } }`
    assert.equal(read(textOf(text)).product?.streams[0]?.id, 'raw.topic')
  })

  it('a schema carries all that it refers to, circles included, and validates on its own', () => {
    const more = `components:
  schemas:
    Node: { type: object, properties: { next: { $ref: '#/components/schemas/Node' }, leaf: { $ref: '#/components/schemas/a~1b' } }, additionalProperties: false }
    a/b: { type: integer, x-parser-schema-id: no, $id: 'urn:weir:no' }`
    const { schema } = only({ payload: "{ $ref: '#/components/schemas/Node' }", more })
    assert.doesNotMatch(JSON.stringify(schema), /x-parser|components|\$id/)
    const validate = compileSchema(schema as object, { strict: false })
    assert.equal(validate({ next: { next: { leaf: 1 } } }), null)
    assert.equal(validate({ next: { next: { leaf: 'x' } } })?.[0]?.pointer, '/next/next/leaf')
  })

  it('data inside a schema stays data, and keys like keywords stay keys', () => {
    const payload =
      '{ properties: { $id: { const: 1 }, pattern: { enum: [{ $id: 2, x-parser-a: 3 }] }, definitions: { type: string } } }'
    assert.deepEqual(only({ payload }).schema, {
      properties: {
        $id: { const: 1 },
        pattern: { enum: [{ $id: 2, 'x-parser-a': 3 }] },
        definitions: { type: 'string' },
      },
    })
  })

  it('several messages are any of them; one without a payload allows all', () => {
    const base = documentWith({ payload: '{ type: string }' })
    const two = base.replace('      m: {', '      n: { payload: { type: number } }\n      m: {')
    assert.deepEqual(read(textOf(two)).product?.streams[0]?.schema, { anyOf: [{ type: 'number' }, { type: 'string' }] })
    const none = base.replace('      m: {', '      n: { name: n }\n      m: {')
    assert.equal(read(textOf(none)).product?.streams[0]?.schema, null)
  })

  it('a schema that does not compile and a pattern that cannot be run safely are findings with their place', () => {
    assert.deepEqual(errorsOf({ payload: '{ type: strng }' }), ['schema-invalid'])
    const { findings } = read(
      textOf(
        documentWith({
          payload: "{ properties: { a: { pattern: '^(?=.*a)b' } }, patternProperties: { '(a)\\1': {} } }",
        }),
      ),
    )
    assert.deepEqual(codesOf(findings), ['unsafe-pattern', 'unsafe-pattern'])
    assert.match(findings[0]?.pointer ?? '', /\/payload\/properties\/a\/pattern$/)
  })

  it('an example that breaks its schema is a warning', () => {
    const { findings } = read(textOf(documentWith({ message: 'examples: [{ payload: {} }, { payload: 1 }]' })))
    assert.deepEqual(
      findings.map(({ code, pointer }) => [code, pointer]),
      [['example-invalid', '/channels/Events/messages/m/examples/1/payload']],
    )
  })

  it('traits give what the message itself does not say', () => {
    const { message } = read(corpus('01-streetlights-kafka.v31.yml', true)).product?.streams[0] ?? {}
    assert.equal(message, 'lightMeasured')
    assert.deepEqual(errorsOf({ message: 'traits: [{ contentType: text/plain }]' }), ['content-type-unsupported'])
    assert.deepEqual(errorsOf({ message: 'contentType: application/json, traits: [{ contentType: text/plain }]' }), [])
  })
})

function only(pieces: Pieces): Stream {
  const { product, findings } = read(textOf(documentWith(pieces)))
  assert.deepEqual(codesOf(findings), [])
  assert.equal(product?.streams.length, 1)
  return product?.streams[0] as Stream
}

function errorsOf(pieces: Pieces): string[] {
  return codesOf(read(textOf(documentWith(pieces))).findings)
}
