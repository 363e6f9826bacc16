import { compileSchema, SchemaError } from '../drivers/schema.ts'
import { channelsOf } from './channels.ts'
import type { Channel } from './channels.ts'
import type { AsyncApiDocument } from './document.ts'
import { checkExtension } from './extension.ts'
import { filterableOf } from './filterable.ts'
import type { Findings } from './findings.ts'
import { isObject, listAt, textAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { schemaOf } from './payload.ts'
import type { JsonSchema, Stream } from './plan.ts'

/** The streams that the document exposes. What it asks for and this version does not serve is an error, never ignored: a mask that is not applied would leak. */
export function streamsOf({ root, major, findings }: AsyncApiDocument): readonly Stream[] {
  const byId = new Map<string, Stream>()
  for (const channel of channelsOf(root, major)) {
    const stream = streamOf(root, channel, findings)
    if (stream === null) continue
    if (byId.has(stream.id)) {
      const message = `two channels have the stream id ${JSON.stringify(stream.id)}`
      findings.error(
        'stream-id-twice',
        channel.path,
        message,
        'Give one of them another channel id (AsyncAPI 2: operationId).',
      )
    }
    byId.set(stream.id, stream)
  }
  return [...byId.values()]
}

function streamOf(root: JsonObject, channel: Channel, findings: Findings): Stream | null {
  const { extension } = channel
  if (extension === undefined) return null
  const path = [...channel.path, 'x-data-product']
  if (!checkExtension('stream', extension, path, findings) || !isObject(extension)) return null
  const expose = extension['expose']
  if (expose !== 'read' && expose !== 'write') return null
  checkServed(channel, extension, findings)
  const id = idOf(channel.name)
  if (id === null) {
    const message = `no stream id can be made of ${JSON.stringify(channel.name.slice(0, 100))}`
    findings.error(
      'stream-id-invalid',
      channel.path,
      message,
      'Use a channel id (AsyncAPI 2: operationId) of at most 64 letters, digits, `.`, `_`, `-`, a letter or digit first.',
    )
    return null
  }
  const formatsServed = checkMessages(channel, findings)
  const schema = formatsServed ? usableSchema(root, channel, findings) : null
  return {
    id,
    title: channel.title ?? id,
    description: channel.description,
    expose,
    topic: channel.topic ?? '',
    partitions: channel.partitions,
    servers: kafkaServers(channel, findings),
    scope: textAt(extension, 'scope'),
    showKey: extension['showKey'] === true,
    showHeaders: listAt(extension, 'showHeaders').map(String),
    invalid: extension['invalid'] === 'skip' ? 'skip' : 'frame',
    message: channel.messages[0]?.name ?? id,
    contentType: channel.messages[0]?.contentType ?? 'application/json',
    schema,
    // Why a payload that is not served has no schema is told already.
    filterable: formatsServed ? filterableOf(schema, listAt(extension, 'filterable'), path, findings) : [],
  }
}

const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** Lower-cased, other characters as `-` (docs/protocol.md, "Addresses"). */
function idOf(name: string): string | null {
  const id = name.toLowerCase().replaceAll(/[^a-z0-9._-]/g, '-')
  return ID.test(id) ? id : null
}

const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/

function checkServed(channel: Channel, extension: JsonObject, findings: Findings): void {
  const path = [...channel.path, 'x-data-product']
  const refuse = (key: string, message: string, fix: string): void =>
    findings.error('not-served-yet', [...path, key], message, fix)
  if (extension['expose'] === 'write') refuse('expose', 'writing is not served yet', 'Use `expose: read` or `none`.')
  for (const key of ['masks', 'rows'] as const)
    if (listAt(extension, key).length > 0)
      refuse(
        key,
        `\`${key}\` are not applied yet, so the stream would show what it should hide`,
        'Do not expose the stream, or take what is secret out of the topic.',
      )
  checkTopic(channel, findings)
}

/** A parameter that chooses the topic cannot be left out; one that would only filter costs partners a convenience. */
function checkTopic({ topic, parameters, path }: Channel, findings: Findings): void {
  const at = [...path, 'parameters']
  const named = parameters.join(', ')
  if (topic !== null && /[{}]/.test(topic)) {
    const message = `the topic ${JSON.stringify(topic.slice(0, 250))} depends on channel parameters, which are not served yet`
    findings.error(
      'not-served-yet',
      at,
      message,
      'Name one topic in `bindings.kafka.topic`, or do not expose the channel.',
    )
  } else if (topic === null || !TOPIC.test(topic)) {
    const message = `${JSON.stringify(topic?.slice(0, 250) ?? null)} is no name of a Kafka topic`
    const fix = 'Name the topic in `bindings.kafka.topic`: at most 249 letters, digits, `.`, `_`, `-`.'
    findings.error('topic-invalid', path, message, fix)
  } else if (parameters.length > 0) {
    const message = `channel parameters do not filter yet; partners get the records of all: ${named}`
    findings.add('warning', 'parameters-not-served-yet', at, message, null)
  }
}

const KAFKA = new Set(['kafka', 'kafka-secure'])

function kafkaServers({ servers, path }: Channel, findings: Findings): Stream['servers'] {
  const kafka = servers.filter(({ protocol }) => KAFKA.has(protocol.toLowerCase()))
  if (servers.length > 0 && kafka.length === 0) {
    const named = servers.map(({ name, protocol }) => `${name} (${protocol})`).join(', ')
    findings.error(
      'no-kafka-server',
      path,
      `none of the channel's servers is Kafka: ${named}`,
      'Add a server with `protocol: kafka`; streams are read from Kafka.',
    )
  }
  return kafka.map(({ name, cluster, host }) => ({ name, cluster, host }))
}

const SCHEMA_FORMAT =
  /^application\/(?:vnd\.aai\.asyncapi(?:\+json|\+yaml)?(?:;|$)|schema\+(?:json|yaml)(?:;version=draft-07)?$)/
const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9.!#$&^_-]+\+)?json(?:\s*;.*)?$/i

function checkMessages({ messages, path }: Channel, findings: Findings): boolean {
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
        'Describe the payload by JSON Schema (draft 7).',
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
