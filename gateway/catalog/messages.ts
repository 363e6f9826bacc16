import { parseAvro } from '../drivers/avro/parse.ts'
import { AvroError, type AvroType } from '../drivers/avro/type.ts'
import { compileSchema, SchemaError } from '../drivers/schema.ts'
import { jsonSchemaOf } from './avroSchema.ts'
import type { Channel, Message } from './channels.ts'
import type { FindingCode } from './codes.ts'
import { withDescribedValues } from './described.ts'
import type { Findings } from './findings.ts'
import type { JsonObject } from './json.ts'
import { schemaOf } from './payload.ts'
import type { Encoding, JsonSchema, Stream } from './plan.ts'

/** How a channel's payloads are written in the topic, and what partners get of them. */
export type StreamPayload = Pick<Stream, 'contentType' | 'encoding' | 'schema'>

/** `null` where its payloads cannot be served; why is told. */
export function payloadOf(root: JsonObject, channel: Channel, findings: Findings): StreamPayload | null {
  const { messages } = channel
  const avro = messages.find(({ schemaFormat }) => schemaFormat !== null && AVRO_FORMAT.test(schemaFormat))
  if (avro !== undefined) return avroPayload(avro, channel, findings)
  if (!checkJson(channel, findings)) return null
  const schema = usableSchema(root, channel, findings)
  return {
    contentType: messages[0]?.contentType ?? 'application/json',
    encoding: { kind: 'json' },
    schema: schema === null || findings.failed ? schema : withDescribedValues(schema),
  }
}

const AVRO_FORMAT = /^application\/vnd\.apache\.avro(?:\+json|\+yaml)?(?:\s*;.*)?$/
const AVRO_TYPE =
  /^(?:avro\/binary|application\/(?:vnd\.apache\.avro|avro|x-avro|octet-stream)(?:\+binary)?)(?:\s*;.*)?$/i

/** Payloads in Avro's binary form, written by the schema of the document; partners get JSON. */
function avroPayload(message: Message, { messages }: Channel, findings: Findings): StreamPayload | null {
  const refuse = (code: FindingCode, what: string, fix: string): null => {
    findings.error(code, message.path, what, fix)
    return null
  }
  if (messages.length > 1)
    return refuse(
      'avro-message-not-alone',
      'a message in Avro is not the only one of its channel, and nothing in a record tells which it is',
      'Give it a channel of its own, or one schema that is a union of the messages.',
    )
  if (!AVRO_TYPE.test(message.contentType))
    return refuse(
      'content-type-unsupported',
      `the payload has an Avro schema and the type ${message.contentType.slice(0, 100)}: only the binary form is read`,
      'Say `contentType: application/vnd.apache.avro` in the message.',
    )
  const encoding = avroEncoding(message)
  if (encoding === null)
    return refuse(
      'schema-id-unsupported',
      'the Kafka binding says that an id of the schema stands in the payload in a form that is not read',
      'Say `schemaIdPayloadEncoding: confluent`, or leave `schemaIdLocation: payload` away where there is none.',
    )
  const type = avroType(message, findings)
  if (type === null) return null
  const schema = jsonSchemaOf(type)
  return { contentType: 'application/json', encoding, schema }
}

function avroEncoding({ payload, schemaId: { location, encoding } }: Message): Encoding | null {
  if (location !== 'payload') return { kind: 'avro', schema: payload, framing: 'plain' }
  return encoding === 'confluent' ? { kind: 'avro', schema: payload, framing: 'confluent' } : null
}

function avroType({ payload, payloadPath }: Message, findings: Findings): AvroType | null {
  try {
    return parseAvro(payload)
  } catch (error) {
    if (!(error instanceof AvroError)) throw error
    const message = `the payload's Avro schema cannot be used: ${error.message.slice(0, 300)}`
    findings.error('schema-invalid', payloadPath, message, 'Correct it; it is read as Apache Avro 1.11.')
    return null
  }
}

const SCHEMA_FORMAT =
  /^application\/(?:vnd\.aai\.asyncapi(?:\+json|\+yaml)?(?:;|$)|schema\+(?:json|yaml)(?:;version=draft-07)?$)/
const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9.!#$&^_-]+\+)?json(?:\s*;.*)?$/i

function checkJson({ messages, path }: Channel, findings: Findings): boolean {
  let served = true
  if (messages.length === 0)
    findings.add(
      'warning',
      'no-message',
      path,
      'the channel has no message: partners are told nothing of its records',
      'Describe the message and its payload.',
    )
  for (const message of messages) {
    if (message.schemaFormat !== null && !SCHEMA_FORMAT.test(message.schemaFormat)) {
      served = false
      findings.error(
        'schema-format-unsupported',
        message.path,
        `payloads described by ${message.schemaFormat.slice(0, 100)} are not served yet`,
        'Describe the payload by JSON Schema (draft 7) or Avro.',
      )
    } else if (!JSON_TYPE.test(message.contentType)) {
      served = false
      findings.error(
        'content-type-unsupported',
        message.path,
        `payloads of type ${message.contentType.slice(0, 100)} are not served yet`,
        'Expose a channel with JSON payloads.',
      )
    }
  }
  return served
}

/** The schema, tried out: where it does not compile here, it would not on the way of the records. */
function usableSchema(root: JsonObject, { messages, path }: Channel, findings: Findings): JsonSchema | null {
  const before = findings.list.length
  const schema = schemaOf(root, messages, findings)
  // Unsafe patterns have been told one by one, each with its place.
  if (schema === null || findings.list.slice(before).some(({ severity }) => severity === 'error')) return schema
  try {
    compileSchema(schema, { strict: false })
    checkExamples(root, messages, findings)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    const at = messages.length === 1 ? (messages[0]?.payloadPath ?? path) : path
    findings.error(
      'schema-invalid',
      at,
      `the payload's schema cannot be used: ${error.message}`,
      'Correct it; it is read as JSON Schema draft 7.',
    )
  }
  return schema
}

function checkExamples(root: JsonObject, messages: Channel['messages'], findings: Findings): void {
  for (const message of messages) {
    const schema = message.examples.length > 0 ? schemaOf(root, [message], findings) : null
    if (schema === null) continue
    const validate = compileSchema(schema, { strict: false })
    for (const { payload, path } of message.examples)
      for (const { pointer, message } of validate(payload) ?? [])
        findings.add(
          'warning',
          'example-invalid',
          path,
          `the example breaks its schema: ${pointer || 'it'} ${message}`,
          'Correct the example or the schema.',
        )
  }
}
