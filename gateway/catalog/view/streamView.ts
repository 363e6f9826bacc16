import { isObject, memberOf, objectAt, textAt } from '../json.ts'
import type { JsonObject } from '../json.ts'
import type { RecordKind, Stream, StreamParameter } from '../plan.ts'
import { refTo, substituted, type Components } from './components.ts'
import { payloadIn } from './payload.ts'
import type { Protocol } from './protocol.ts'

/** What the view of a product has of one stream. */
export interface StreamView {
  readonly channels: JsonObject
  readonly operations: JsonObject
}

/** The protocol's two ways to one stream. Ids of streams are lower-case, so that what is joined to them keeps them apart. */
const WAYS = [
  {
    way: 'OverWebSocket',
    channel: 'streamSession',
    server: 'websocket',
    words: 'A WebSocket session that is subscribed to this stream from the start, under the id `0`.',
  },
  {
    way: 'OverHttp',
    channel: 'stream',
    server: 'http',
    words:
      '`Accept` chooses: `text/event-stream`, `application/x-ndjson` (both endless), else one page. A refusal is `problem` with its status; over server-sent events what can be waited out is a `closing` within a 200.',
  },
] as const

/** The channels and operations of one stream: the protocol's own, with this stream's payload, parameters and words in them. */
export function streamViewOf(product: string, stream: Stream, protocol: Protocol, components: Components): StreamView {
  const own = ownSchemas(stream, protocol, components)
  const channels: { [id: string]: unknown } = {}
  const operations: { [id: string]: unknown } = {}
  for (const { way, channel, server, words } of WAYS) {
    const id = `${stream.id}${way}`
    channels[id] = channelOf(product, stream, objectAt(protocol.channels, channel), { server, words }, (key) =>
      messageIn(components, stream, key, memberOf(protocol.components.messages, key), own),
    )
    for (const operation of Object.values(protocol.operations)) {
      if (textAt(objectAt(operation, 'channel'), '$ref') !== `#/channels/${channel}`) continue
      operations[`${id}${textAt(operation, 'action') === 'send' ? 'Sent' : 'Received'}`] = substituted(
        movedTo(id, operation as JsonObject),
        own.names,
      )
    }
  }
  return { channels, operations }
}

function channelOf(
  product: string,
  stream: Stream,
  channel: JsonObject,
  { server, words }: { readonly server: string; readonly words: string },
  messageOf: (key: string) => string,
): JsonObject {
  return {
    address: `/streams/${product}/${stream.id}`,
    title: stream.title,
    description: [...(stream.description === null ? [] : [stream.description.trim()]), words].join('\n\n'),
    servers: [{ $ref: `#/servers/${server}` }],
    messages: Object.fromEntries(
      Object.keys(objectAt(channel, 'messages')).map((key) => [key, refTo('messages', messageOf(key))]),
    ),
    ...bindingsOf(stream, channel),
    'x-weir-stream': factsOf(product, stream),
  }
}

/** As the protocol has them, but for the query, which is each stream's own. */
function bindingsOf({ id }: Stream, channel: JsonObject): JsonObject {
  const names = new Map([['StreamQuery', `${id}.StreamQuery`]])
  const bindings = memberOf(channel, 'bindings')
  return bindings === undefined ? {} : { bindings: substituted(bindings, names) }
}

function movedTo(channel: string, operation: JsonObject): JsonObject {
  const moved = (ref: unknown): JsonObject => ({
    $ref: String(textAt(ref, '$ref')).replace(/^#\/channels\/[^/]+/, `#/channels/${channel}`),
  })
  const { messages } = operation
  return {
    ...operation,
    channel: moved(operation['channel']),
    ...(Array.isArray(messages) && { messages: messages.map(moved) }),
  }
}

function factsOf(
  product: string,
  { id, scope, showKey, showHeaders, invalid, filterable, parameters }: Stream,
): JsonObject {
  return {
    product,
    stream: id,
    ...(scope !== null && { scope }),
    showKey,
    showHeaders,
    invalid,
    filterable: filterable.map(({ name, type }) => ({ name, type })),
    parameters: parameters.map((one) => ({
      name: one.name,
      required: isRequired(one),
      filters: one.field !== null,
    })),
  }
}

/** The protocol's schemas that say something of a stream's own, by their names there. */
interface OwnSchemas {
  readonly names: ReadonlyMap<string, string>
  readonly payload: JsonObject | null
}

function ownSchemas(stream: Stream, protocol: Protocol, components: Components): OwnSchemas {
  const { schemas } = protocol.components
  const payload = payloadIn(components, stream)
  const kinds = ['Record', 'CloudEvent', 'Page', 'StreamQuery', 'PageQuery']
  const names = new Map(kinds.map((kind) => [kind, components.reserve('schemas', `${stream.id}.${kind}`)]))
  const put = (kind: string, schema: unknown): void => components.put('schemas', names.get(kind) ?? kind, schema)
  put('Record', { allOf: [refTo('schemas', 'Record'), { type: 'object', properties: recordMembers(stream, payload) }] })
  put('CloudEvent', {
    allOf: [refTo('schemas', 'CloudEvent'), { type: 'object', properties: eventMembers(stream, payload) }],
  })
  put('Page', substituted(memberOf(schemas, 'Page'), names))
  for (const kind of ['StreamQuery', 'PageQuery']) put(kind, queryOf(stream, memberOf(schemas, kind)))
  return { names, payload }
}

function dataOf(payload: JsonObject | null): JsonObject {
  if (payload === null) return {}
  const description =
    'The payload, with `fields` the members that were asked for; null where the record is a tombstone.'
  return { data: { description, anyOf: [payload, { type: 'null' }] } }
}

function recordMembers({ showKey, showHeaders, headerWords }: Stream, payload: JsonObject | null): JsonObject {
  const words = new Map(headerWords)
  const headers = showHeaders.map((name) => [name, { type: 'string', description: words.get(name) }])
  return {
    ...(!showKey && { key: false }),
    headers: showHeaders.length > 0 && {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(headers),
    },
    ...dataOf(payload),
  }
}

function eventMembers({ showKey, message }: Stream, payload: JsonObject | null): JsonObject {
  return { type: { const: message }, ...(!showKey && { partitionkey: false }), ...dataOf(payload) }
}

/** The protocol's parameters, of which a stream without filterable fields has no `where`, and this stream's own. */
function queryOf({ filterable, parameters }: Stream, query: unknown): JsonObject {
  const { where, ...others } = objectAt(query, 'properties')
  const fields = filterable.map(({ name, type }) => `\`${name}\` (${type})`)
  const filter = { allOf: [where], description: `RSQL over ${fields.join(', ')}.` }
  const own = parameters.map((one) => [`param.${one.name}`, parameterOf(one)])
  const required = parameters.filter(isRequired).map(({ name }) => `param.${name}`)
  const description = textAt(query, 'description')
  return {
    type: 'object',
    additionalProperties: false,
    ...(description !== null && { description }),
    ...(required.length > 0 && { required }),
    properties: { ...others, ...(filterable.length > 0 && { where: filter }), ...Object.fromEntries(own) },
  }
}

function parameterOf({ description, values, pattern, default: standard, examples }: StreamParameter): JsonObject {
  return {
    type: 'string',
    ...(description !== null && { description }),
    ...(values !== null && { enum: values }),
    ...(values === null && pattern !== null && { pattern }),
    ...(standard !== null && { default: standard }),
    ...(examples.length > 0 && { examples }),
  }
}

/** One that chooses the topic has to be given where it has no default. */
function isRequired({ field, default: standard }: StreamParameter): boolean {
  return field === null && standard === null
}

/** The name of a message among the components: the protocol's own one, or one of this stream where that says something else. */
function messageIn(
  components: Components,
  stream: Stream,
  key: string,
  message: unknown,
  { names, payload }: OwnSchemas,
): string {
  if (!isObject(message)) return key
  const own = substituted(message, names) as JsonObject
  const says = recordsIn(key, stream, payload)
  if (says === null && JSON.stringify(own) === JSON.stringify(message)) return key
  const name = `${stream.id}.${key}`
  components.put('messages', name, { ...own, ...says })
  return name
}

/** What is said of the messages that are records: their kinds in words, and examples. */
function recordsIn(key: string, { title, kinds }: Stream, payload: JsonObject | null): JsonObject | null {
  if (key === 'rawPayload')
    return {
      title,
      ...wordsOf(kinds),
      ...(payload && { payload: { anyOf: [payload, { type: 'null' }] } }),
      ...examplesOf(kinds, (data) => data),
    }
  if (key !== 'record' && key !== 'recordEvent') return null
  const view = key === 'record' ? { view: 1 } : {}
  return {
    title,
    ...wordsOf(kinds),
    ...examplesOf(kinds, (data) => ({ type: 'record', ...view, ...EXAMPLE, data })),
  }
}

/** Of an example's own, which the document does not say. */
const EXAMPLE = { id: '0-0', cursor: 'w1.AAAA', time: '2026-01-01T00:00:00.000Z' }

function wordsOf(kinds: readonly RecordKind[]): JsonObject {
  const words = kinds.map(({ name, title, summary, description }) => {
    const said = [summary, description].filter((text) => text !== null).join(' ')
    return `**${title ?? name}**${said === '' ? '' : `: ${said}`}`
  })
  return words.length === 0 ? {} : { description: words.join('\n\n') }
}

function examplesOf(kinds: readonly RecordKind[], framed: (payload: unknown) => unknown): JsonObject {
  const examples = kinds.flatMap((kind) =>
    kind.examples.map(({ name, summary, payload }) => ({
      ...(name !== null && { name }),
      ...(summary !== null && { summary }),
      payload: framed(payload),
    })),
  )
  return examples.length === 0 ? {} : { examples }
}
