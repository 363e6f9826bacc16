/**
 * The public view: a product as an AsyncAPI 3 document of its partners, in which Weir is the application that sends. It is put together
 * member by member: what is not named in this folder is not in it, whatever the team's document holds.
 *
 *   publish time   product ─► body (channels, operations, components) ─► both texts ─► Plan
 *   request        product, viewer ─► head (info, plans, servers) + the body's text
 */
import { renderYaml } from '../../drivers/yaml.ts'
import type { JsonObject } from '../json.ts'
import type { Product, ViewBody, ViewFormat } from '../plan.ts'
import { bodyOf } from './body.ts'
import { headOf, type Viewer } from './head.ts'

/** A stream takes some 25,000 beside its payload's schema. */
export const VIEW_CHARS_MAX = 8 * 1024 * 1024

/** The texts that a Plan keeps, since schemas may be large, and YAML is slow to write; `null` where they are too long. */
export function viewBodyOf(product: Pick<Product, 'id' | 'streams'>): ViewBody | null {
  // A short document may refer to one long schema a thousand times; such a text is not even begun.
  let chars = 0
  for (const { schema, kinds, parameters } of product.streams)
    if ((chars += JSON.stringify([schema, kinds, parameters]).length) > VIEW_CHARS_MAX) return null
  const body = bodyOf(product)
  const json = asJson(body)
  return json.length > VIEW_CHARS_MAX ? null : { json, yaml: renderYaml(body) }
}

/** The public view of a product that can be served, as a text that ends with a line break. */
export function renderedView(product: Product, viewer: Viewer, format: ViewFormat): string {
  const body = product.view ?? viewBodyOf(product)
  if (body === null) throw new Error(`the product ${product.id} has no public view`)
  const head = headOf(product, viewer)
  if (format === 'yaml') return renderYaml(head) + body.yaml
  // One object of two: without the brace that ends the first and the one that begins the second.
  return `${asJson(head).slice(0, -'\n}\n'.length)},${body.json.slice('{'.length)}`
}

function asJson(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/**
 * Rendered views, each made once: for as long as a product is published as it is, everybody on a plan sees the same. There are as many
 * as products, plans and formats; those of what is not served any more go with it.
 */
export class RenderedViews {
  readonly #url: () => string
  readonly #known = new WeakMap<Product, Map<string, string>>()

  constructor(url: () => string) {
    this.#url = url
  }

  /** `plan`: as a `Viewer` has it. */
  of(product: Product, plan: string | null, format: ViewFormat): string {
    const texts = this.#known.get(product) ?? new Map<string, string>()
    this.#known.set(product, texts)
    const key = `${format} ${plan ?? ''}`
    const text = texts.get(key) ?? renderedView(product, { url: this.#url(), plan }, format)
    texts.set(key, text)
    return text
  }
}
