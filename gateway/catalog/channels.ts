import { isObject, listAt, memberOf, numberAt, objectAt, textAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import { parametersOf, type Parameter } from './parameters.ts'
import { follow } from './refs.ts'

/** A channel of either AsyncAPI generation, in one shape, with where its parts stand in the document. */
export interface Channel {
  readonly path: Path
  /** AsyncAPI 3: the channel's id. AsyncAPI 2: the operation's id, else the address. */
  readonly name: string
  readonly title: string | null
  readonly description: string | null
  /** What `x-data-product` says, `undefined` where there is none. */
  readonly extension: unknown
  readonly address: string | null
  /** The Kafka binding's topic, else the address; `null` where there is neither. Parameters stand in it as `{name}`. */
  readonly topic: string | null
  readonly partitions: number | null
  readonly parameters: readonly Parameter[]
  readonly servers: readonly Server[]
  readonly messages: readonly Message[]
}

export interface Server {
  readonly name: string
  readonly protocol: string
  readonly host: string
  readonly cluster: string | null
}

export interface Message {
  readonly path: Path
  readonly name: string
  readonly title: string | null
  readonly summary: string | null
  readonly description: string | null
  readonly contentType: string
  readonly schemaFormat: string | null
  /** The Kafka binding says that an id of the schema stands before the payload, and how it is written. */
  readonly schemaId: { readonly location: string | null; readonly encoding: string | null }
  /** `undefined` where the message has no payload schema. */
  readonly payload: unknown
  readonly payloadPath: Path
  /** Schema of the headers, as far as it is one object. */
  readonly headers: unknown
  readonly examples: readonly MessageExample[]
}

interface MessageExample {
  readonly name: string | null
  readonly summary: string | null
  readonly payload: unknown
  readonly path: Path
}

export function channelsOf(root: JsonObject, major: 2 | 3): readonly Channel[] {
  return Object.entries(objectAt(root, 'channels')).map(([id, raw]) => {
    const { value, path } = follow(root, raw, ['channels', id])
    const channel: JsonObject = isObject(value) ? value : {}
    return major === 3 ? channel3(root, id, channel, path) : channel2(root, id, channel, path)
  })
}

function channel3(root: JsonObject, id: string, channel: JsonObject, path: Path): Channel {
  const raw = Object.entries(objectAt(channel, 'messages'))
  return {
    ...common(root, channel, path, textAt(channel, 'address')),
    name: id,
    title: textAt(channel, 'title') ?? textAt(channel, 'summary'),
    servers: serversOf(
      root,
      listAt(channel, 'servers').map((ref) => lastStep(textAt(ref, '$ref'))),
    ),
    messages: raw.map(([name, message]) => messageOf(root, message, [...path, 'messages', name], name)),
  }
}

function channel2(root: JsonObject, address: string, channel: JsonObject, path: Path): Channel {
  // `subscribe` is what clients of the application may do, which is what `expose: read` offers; it names the stream.
  const verbs = ['subscribe', 'publish'].filter((verb) => isObject(memberOf(channel, verb)))
  const operations = verbs.map((verb) => objectAt(channel, verb))
  const named = operations.map((operation) => textAt(operation, 'operationId')).find((id) => id !== null)
  return {
    ...common(root, channel, path, address),
    name: named ?? address,
    title: operations.map((operation) => textAt(operation, 'summary')).find((summary) => summary !== null) ?? null,
    servers: serversOf(root, listAt(channel, 'servers').map(String)),
    messages: uniqueByPath(
      verbs.flatMap((verb) => messages2(root, objectAt(channel, verb), [...path, verb, 'message'])),
    ),
  }
}

function messages2(root: JsonObject, operation: JsonObject, path: Path): Message[] {
  const { value, path: at } = follow(root, operation['message'], path)
  if (!isObject(value)) return []
  const options = listAt(value, 'oneOf')
  if (options.length === 0) return [messageOf(root, value, at, lastStep(String(at.at(-1))))]
  return options.map((option, i) => messageOf(root, option, [...at, 'oneOf', i], `message-${i + 1}`))
}

function uniqueByPath(messages: readonly Message[]): Message[] {
  return [...new Map(messages.map((message) => [message.path.join('/'), message])).values()]
}

function common(
  root: JsonObject,
  channel: JsonObject,
  path: Path,
  address: string | null,
): Pick<Channel, 'path' | 'description' | 'extension' | 'address' | 'topic' | 'partitions' | 'parameters'> {
  const bindings = follow(root, memberOf(channel, 'bindings'), path).value
  const kafka = follow(root, memberOf(bindings, 'kafka'), path).value
  return {
    path,
    description: textAt(channel, 'description'),
    extension: memberOf(channel, 'x-data-product'),
    address,
    topic: textAt(kafka, 'topic') ?? address,
    partitions: numberAt(kafka, 'partitions'),
    parameters: parametersOf(root, channel, path),
  }
}

function messageOf(root: JsonObject, raw: unknown, at: Path, fallback: string): Message {
  const { value: message, path } = follow(root, raw, at)
  const trait = (key: string): string | null =>
    listAt(message, 'traits')
      .map((entry) => textAt(follow(root, entry, path).value, key))
      .findLast((text) => text !== null) ?? null
  const own = (key: string): string | null => textAt(message, key) ?? trait(key)
  const { value: payload, path: payloadPath } = follow(root, memberOf(message, 'payload'), [...path, 'payload'])
  // AsyncAPI 3 wraps a payload of another schema language: {schemaFormat, schema}.
  const wrapped = isObject(payload) && typeof payload['schemaFormat'] === 'string' && Object.hasOwn(payload, 'schema')
  return {
    path,
    name: own('name') ?? own('messageId') ?? fallback,
    title: own('title'),
    summary: own('summary'),
    description: own('description'),
    contentType: own('contentType') ?? textAt(root, 'defaultContentType') ?? 'application/json',
    schemaFormat: wrapped ? textAt(payload, 'schemaFormat') : textAt(message, 'schemaFormat'),
    schemaId: schemaIdOf(root, message, path),
    payload: wrapped ? memberOf(payload, 'schema') : payload,
    payloadPath: wrapped ? [...payloadPath, 'schema'] : payloadPath,
    headers: follow(root, memberOf(message, 'headers'), path).value,
    examples: listAt(message, 'examples').flatMap((example, i) => exampleOf(example, [...path, 'examples', i])),
  }
}

function exampleOf(example: unknown, path: Path): readonly MessageExample[] {
  const payload = memberOf(example, 'payload')
  if (payload === undefined) return []
  return [{ name: textAt(example, 'name'), summary: textAt(example, 'summary'), payload, path: [...path, 'payload'] }]
}

function schemaIdOf(root: JsonObject, message: unknown, path: Path): Message['schemaId'] {
  const kafka = follow(root, memberOf(follow(root, memberOf(message, 'bindings'), path).value, 'kafka'), path).value
  return { location: textAt(kafka, 'schemaIdLocation'), encoding: textAt(kafka, 'schemaIdPayloadEncoding') }
}

/** The servers named, or all of the document where none is. */
function serversOf(root: JsonObject, names: readonly string[]): readonly Server[] {
  const all = Object.entries(objectAt(root, 'servers'))
  const chosen = names.length === 0 ? all : all.filter(([name]) => names.includes(name))
  return chosen.map(([name, raw]) => {
    const server = follow(root, raw, ['servers', name]).value
    const address = textAt(server, 'host') ?? textAt(server, 'url') ?? ''
    return {
      name,
      protocol: textAt(server, 'protocol') ?? '',
      host: hostOf(address, root, server),
      cluster: textAt(server, 'x-cluster'),
    }
  })
}

/** `kafka://host:9092/path` and `host:9092` alike become `host:9092`; a variable becomes its default. */
function hostOf(address: string, root: JsonObject, server: unknown): string {
  const variables = objectAt(server, 'variables')
  const filled = address.replaceAll(/\{([^}]*)\}/g, (whole, name: string) => {
    const variable = follow(root, memberOf(variables, name), []).value
    return textAt(variable, 'default') ?? whole
  })
  return filled.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replace(/\/.*$/, '')
}

function lastStep(ref: string | null): string {
  return (ref ?? '').split('/').at(-1) ?? ''
}
