import { channelsOf } from './channels.ts'
import type { Channel } from './channels.ts'
import type { AsyncApiDocument } from './document.ts'
import { checkExtension } from './extension.ts'
import { filterableOf } from './filterable.ts'
import type { Findings } from './findings.ts'
import { isObject, listAt, memberOf, objectAt, textAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { payloadOf } from './messages.ts'
import type { Stream } from './plan.ts'
import { recordKindsOf } from './recordKind.ts'
import { follow } from './refs.ts'
import { streamParametersOf } from './streamParameters.ts'
import { checkTopic } from './topic.ts'

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
  const payload = payloadOf(root, channel, findings)
  const schema = payload?.schema ?? null
  const showHeaders = listAt(extension, 'showHeaders').map(String)
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
    showHeaders,
    headerWords: headerWordsOf(root, channel, showHeaders),
    invalid: extension['invalid'] === 'skip' ? 'skip' : 'frame',
    message: channel.messages[0]?.name ?? id,
    kinds: findings.failed ? [] : recordKindsOf(channel.messages, schema),
    contentType: payload?.contentType ?? 'application/json',
    encoding: payload?.encoding ?? { kind: 'json' },
    schema,
    // Why a payload that is not served has no schema is told already.
    filterable: payload !== null ? filterableOf(schema, listAt(extension, 'filterable'), path, findings) : [],
    parameters: payload !== null ? streamParametersOf(channel, schema, findings) : [],
  }
}

/** Of the headers that are shown, and of no other. */
function headerWordsOf(root: JsonObject, { messages }: Channel, shown: readonly string[]): Stream['headerWords'] {
  return shown.flatMap((name) => {
    const schemas = messages.map(({ headers }) => memberOf(objectAt(headers, 'properties'), name))
    const words = schemas.map(
      (schema) => textAt(schema, 'description') ?? textAt(follow(root, schema, []).value, 'description'),
    )
    const first = words.find((one) => one !== null)
    return first ? [[name, first] as const] : []
  })
}

const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** Lower-cased, other characters as `-` (docs/protocol.md, "Addresses"). */
function idOf(name: string): string | null {
  const id = name.toLowerCase().replaceAll(/[^a-z0-9._-]/g, '-')
  return ID.test(id) ? id : null
}

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
