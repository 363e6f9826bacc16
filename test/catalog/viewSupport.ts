import type { Product } from '../../gateway/catalog/plan.ts'
import { renderedView } from '../../gateway/catalog/view/rendered.ts'

export const URL_OF_OURS = 'https://streams.example.com/weir'

/** As much of a view as is looked at here. */
export interface View {
  readonly asyncapi: string
  readonly info: { readonly [key: string]: unknown }
  readonly servers: { readonly [name: string]: { readonly [key: string]: unknown } }
  readonly channels: { readonly [id: string]: Channel }
  readonly operations: {
    readonly [id: string]: { readonly action: string; readonly channel: { readonly $ref: string } }
  }
  readonly components: {
    readonly messages: { readonly [name: string]: Message }
    readonly schemas: { readonly [name: string]: Schema }
    readonly securitySchemes: object
  }
}
export interface Channel {
  readonly address: string
  readonly messages: { readonly [key: string]: { readonly $ref: string } }
  readonly 'x-weir-stream': { readonly [key: string]: unknown }
}
export interface Message {
  readonly description?: string
  readonly payload: object
  readonly examples?: readonly { readonly name?: string; readonly payload: unknown }[]
}
export interface Schema {
  readonly properties?: { readonly [name: string]: Schema }
  readonly [keyword: string]: unknown
}

/** The payload of a message's first example. */
export function dataOf(view: View, message: string): unknown {
  const [example] = view.components.messages[message]?.examples ?? []
  return (example?.payload as { readonly data: unknown } | undefined)?.data
}

export function viewOf(one: Product, viewer: { url?: string; plan?: string | null } = {}): View {
  return JSON.parse(renderedView(one, { url: URL_OF_OURS, plan: null, ...viewer }, 'json')) as View
}

export function at(root: unknown, ref: string): unknown {
  let value = root
  for (const step of ref.slice(2).split('/')) value = (value as { readonly [key: string]: unknown } | undefined)?.[step]
  return value
}

/** The schema with the components that it may refer to, where a validator finds them. */
export function selfContained({ components: { schemas } }: View, schema: object): object {
  const text = JSON.stringify({ allOf: [schema], definitions: schemas })
  return JSON.parse(text.replaceAll('#/components/schemas/', '#/definitions/')) as object
}

export function titleAt(view: View, schema: unknown): unknown {
  const { $ref: ref, title } = schema as { readonly $ref?: string; readonly title?: string }
  return ref === undefined ? title : titleAt(view, at(view, ref))
}
