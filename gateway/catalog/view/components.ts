import { isObject, memberOf } from '../json.ts'
import type { JsonObject } from '../json.ts'
import type { Protocol } from './protocol.ts'

type Kind = 'messages' | 'schemas' | 'securitySchemes'

/** `#/components/…` of a view: the protocol's, those of its own, and of both what is referred to and no more. */
export class Components {
  readonly #all: { readonly [kind in Kind]: { [name: string]: unknown } }

  constructor({ components: { messages, schemas, securitySchemes } }: Protocol) {
    this.#all = { messages: { ...messages }, schemas: { ...schemas }, securitySchemes: { ...securitySchemes } }
  }

  /** A name to put something under: the one that was wished for, or with a number where that is taken. */
  reserve(kind: Kind, wish: string): string {
    let name = wish
    for (let i = 2; Object.hasOwn(this.#all[kind], name); i++) name = `${wish}-${i}`
    this.#all[kind][name] = true
    return name
  }

  put(kind: Kind, name: string, value: unknown): void {
    this.#all[kind][name] = value
  }

  /** What `roots` refer to, directly or by each other. */
  usedBy(roots: readonly unknown[]): { readonly [kind in Kind]: JsonObject } {
    const used = new Set<string>()
    const open: unknown[] = [...roots]
    for (let value = open.pop(); value !== undefined; value = open.pop())
      for (const [, kind = '', name = ''] of JSON.stringify(value).matchAll(REFERENCE)) {
        if (used.has(`${kind}/${name}`)) continue
        used.add(`${kind}/${name}`)
        open.push(memberOf(this.#all[kind as Kind], name))
      }
    const kept = (kind: Kind): JsonObject =>
      Object.fromEntries(Object.entries(this.#all[kind]).filter(([name]) => used.has(`${kind}/${name}`)))
    return { securitySchemes: kept('securitySchemes'), messages: kept('messages'), schemas: kept('schemas') }
  }
}

const REFERENCE = /"\$ref":"#\/components\/(messages|schemas|securitySchemes)\/([\w.-]+)"/g

export function refTo(kind: Kind, name: string): { readonly $ref: string } {
  return { $ref: `#/components/${kind}/${name}` }
}

/** The value with some schemas referred to in place of others; `names` is from the old name to the new one. */
export function substituted(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => substituted(item, names))
  if (!isObject(value)) return value
  const { $ref: ref } = value
  const name = typeof ref === 'string' ? names.get(ref.replace('#/components/schemas/', '')) : undefined
  if (name !== undefined) return refTo('schemas', name)
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, substituted(member, names)]))
}
