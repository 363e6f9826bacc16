import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '../../gateway/drivers/yaml.ts'
import { packageRoot } from '../../gateway/package.ts'

/** Weir's own protocol, as machines read it: the parts of the AsyncAPI document that the tests look at. */
export interface ProtocolDocument {
  readonly channels: { readonly [name: string]: Channel }
  readonly operations: { readonly [name: string]: Operation }
  readonly components: {
    readonly messages: { readonly [key: string]: Message }
    readonly schemas: { readonly [name: string]: Schema }
  }
}

interface Channel {
  readonly address: string
  readonly messages: { readonly [key: string]: Ref }
}

interface Operation {
  readonly action: 'send' | 'receive'
  readonly channel: Ref
  readonly messages: readonly Ref[]
}

interface Ref {
  readonly $ref: string
}

interface Message {
  readonly name: string
  readonly payload: Schema
}

export interface Schema {
  readonly enum?: readonly unknown[]
  readonly properties?: { readonly [name: string]: Schema }
  readonly [keyword: string]: unknown
}

export const PROTOCOL_FILE: string = join(packageRoot, 'specs', 'weir.asyncapi.yaml')

export const protocol: ProtocolDocument = read()

function read(): ProtocolDocument {
  const { value, errors } = parseYaml(readFileSync(PROTOCOL_FILE, 'utf8'))
  if (errors.length > 0) throw new Error(`${PROTOCOL_FILE}:${errors[0]?.line}: ${errors[0]?.message}`)
  return value as ProtocolDocument
}

/** The messages of an operation by their names: what a frame's `type` says, else the kind of thing that it is. */
export function messagesOf(operation: string): ReadonlyMap<string, Message> {
  const refs = protocol.operations[operation]?.messages ?? []
  const messages = refs.map(({ $ref }) => protocol.components.messages[$ref.split('/').at(-1) as string] as Message)
  return new Map(messages.map((message) => [message.name, message]))
}
