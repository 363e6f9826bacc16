import type { FilterField, JsonSchema, Stream } from '../catalog/plan.ts'
import { cut } from './prose.ts'
import { count } from './planWords.ts'

/** One member of a payload, as a reader needs to know it. */
export interface Field {
  /** From the payload's root: `geometry.coordinates`; `[]` stands for the members of a list. */
  readonly name: string
  readonly type: string
  readonly unit: string | null
  readonly description: string | null
  /** What its values keep to: bounds, choices. */
  readonly rules: readonly string[]
  readonly example: string | null
  /** Always there. */
  readonly required: boolean
  /** `where` may name it. */
  readonly filterable: boolean
}

export interface Fields {
  readonly list: readonly Field[]
  /** There are more, or deeper ones, than are shown. */
  readonly more: boolean
}

const FIELDS_MAX = 300
const DEPTH_MAX = 8
/** Schemas looked at: they may share and nest parts without end. */
const SCHEMAS_MAX = 2_000
const CHOICES_MAX = 12
const VALUE_CHARS_MAX = 60
const NAME_CHARS_MAX = 200

/** The members of a stream's payloads, in the document's order. */
export function fieldsOf({ schema, filterable }: Pick<Stream, 'schema' | 'filterable'>): Fields {
  if (schema === null) return { list: [], more: false }
  const walk = new Walk(schema, filterable)
  walk.members(schema, '', true, 0)
  return { list: [...walk.fields.values()], more: walk.more }
}

type Keywords = { readonly [keyword: string]: unknown }

class Walk {
  readonly fields = new Map<string, Field>()
  more = false
  readonly #root: JsonSchema
  readonly #filterable: ReadonlySet<string>
  readonly #open = new Set<Keywords>()
  #seen = 0

  constructor(root: JsonSchema, filterable: readonly FilterField[]) {
    this.#root = root
    this.#filterable = new Set(filterable.map(({ name }) => name))
  }

  /** Of one schema and of all that it is put together from. `certain`: a payload has to keep to it. */
  members(schema: unknown, prefix: string, certain: boolean, depth: number): void {
    const keywords = this.#resolve(schema)
    if (keywords === null) return
    // One within itself: what it has is listed above.
    if (this.#open.has(keywords)) return
    if (depth > DEPTH_MAX || ++this.#seen > SCHEMAS_MAX) return void (this.more = true)
    this.#open.add(keywords)
    const required = new Set(listIn(keywords, 'required'))
    for (const [name, member] of Object.entries(objectIn(keywords, 'properties') ?? {}))
      this.#member(member, prefix + name, certain && required.has(name), depth)
    for (const part of listIn(keywords, 'allOf')) this.members(part, prefix, certain, depth + 1)
    for (const part of variantsOf(keywords)) this.members(part, prefix, false, depth + 1)
    this.#open.delete(keywords)
  }

  #member(schema: unknown, name: string, required: boolean, depth: number): void {
    if (this.fields.size >= FIELDS_MAX) return void (this.more = true)
    const parts = this.#parts(schema)
    // Variants of a payload may have a member in common.
    if (!this.fields.has(name)) this.fields.set(name, this.#field(schema, parts, name, required))
    this.members(schema, `${name}.`, true, depth + 1)
    for (const part of parts) if (isObject(part['items'])) this.members(part['items'], `${name}[].`, true, depth + 1)
  }

  #field(schema: unknown, parts: readonly Keywords[], name: string, required: boolean): Field {
    const first = (keyword: string): string | null =>
      parts.map((part) => part[keyword]).find((value) => typeof value === 'string' && value !== '') as string | null
    const example = parts.flatMap((part) => listIn(part, 'examples')).find((value) => value !== null)
    return {
      name: cut(name, NAME_CHARS_MAX),
      type: this.#type(schema, 0),
      unit: first('x-unit') ?? null,
      description: first('description') ?? first('title') ?? null,
      rules: parts.flatMap(rulesOf),
      example: example === undefined ? null : shown(example),
      required,
      filterable: this.#filterable.has(name),
    }
  }

  #type(schema: unknown, depth: number): string {
    if (depth > DEPTH_MAX || ++this.#seen > SCHEMAS_MAX) return 'any'
    const keywords = this.#resolve(schema)
    if (keywords === null) return 'any'
    const own = [keywords['type']].flat().filter((type) => typeof type === 'string')
    if (own.length > 0) return own.map((type) => this.#named(type, keywords, depth)).join(' or ')
    const inner = [...listIn(keywords, 'allOf').slice(0, 1), ...variantsOf(keywords)]
    const types = new Set(inner.map((part) => this.#type(part, depth + 1)))
    if (types.size > 0) return [...types].join(' or ')
    return typeOfValues(keywords)
  }

  #named(type: string, keywords: Keywords, depth: number): string {
    const { format, items, contentEncoding } = keywords
    if (type === 'array' && isObject(items)) return `list of ${this.#type(items, depth + 1)}`
    if (type === 'array') return 'list'
    if (type === 'string' && typeof format === 'string') return cut(format, VALUE_CHARS_MAX)
    if (type === 'string' && typeof contentEncoding === 'string') return cut(contentEncoding, VALUE_CHARS_MAX)
    return type
  }

  /** A schema with what `$ref` and `allOf` bring to it, outermost first: its own words beat those of what it refers to. */
  #parts(schema: unknown): readonly Keywords[] {
    const keywords = this.#resolve(schema)
    if (keywords === null) return []
    const inner = listIn(keywords, 'allOf').map((part) => this.#resolve(part))
    return [keywords, ...inner.filter((part) => part !== null)]
  }

  /** Self-contained schemas refer to `#` and `#/definitions/NAME` alone. */
  #resolve(schema: unknown): Keywords | null {
    let at: unknown = schema
    for (let hops = 0; isObject(at) && typeof at['$ref'] === 'string'; hops++) {
      if (hops > DEPTH_MAX) return null
      const name = /^#\/definitions\/([^/]+)$/.exec(at['$ref'])?.[1]
      at = at['$ref'] === '#' ? this.#root : name === undefined ? null : memberOf(this.#root, name)
    }
    return isObject(at) ? at : null
  }
}

function memberOf(root: JsonSchema, name: string): unknown {
  const definitions = isObject(root) ? objectIn(root, 'definitions') : null
  return definitions && Object.hasOwn(definitions, name) ? definitions[name] : null
}

function variantsOf(keywords: Keywords): readonly unknown[] {
  return [...listIn(keywords, 'anyOf'), ...listIn(keywords, 'oneOf')]
}

function rulesOf(keywords: Keywords): readonly string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern } = keywords
  const choices = listIn(keywords, 'enum').filter((value) => value !== null)
  return [
    'const' in keywords && `always ${shown(keywords['const'])}`,
    choices.length > 0 && `one of ${listed(choices)}`,
    bounds(minimum, maximum, ''),
    typeof exclusiveMinimum === 'number' && `above ${exclusiveMinimum}`,
    typeof exclusiveMaximum === 'number' && `below ${exclusiveMaximum}`,
    bounds(minLength, maxLength, ' characters'),
    typeof pattern === 'string' && `matches ${cut(pattern, VALUE_CHARS_MAX)}`,
  ].filter((rule) => rule !== false && rule !== null)
}

function bounds(from: unknown, to: unknown, what: string): string | null {
  const least = typeof from === 'number' ? exact(from) : null
  const most = typeof to === 'number' ? exact(to) : null
  if (least !== null && most !== null) return `${least} to ${most}${what}`
  if (least !== null) return `at least ${least}${what}`
  return most === null ? null : `at most ${most}${what}`
}

/** Fractions keep all their digits. */
function exact(number: number): string {
  return Number.isInteger(number) ? count(number) : String(number)
}

function listed(values: readonly unknown[]): string {
  const names = values.slice(0, CHOICES_MAX).map(shown).join(', ')
  return values.length > CHOICES_MAX ? `${names} and ${values.length - CHOICES_MAX} more` : names
}

function shown(value: unknown): string {
  return cut(typeof value === 'string' ? value : JSON.stringify(value), VALUE_CHARS_MAX)
}

/** Where only values are given. */
function typeOfValues(keywords: Keywords): string {
  const values = 'const' in keywords ? [keywords['const']] : listIn(keywords, 'enum')
  const types = new Set(values.map((value) => (value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value)))
  return types.size > 0 ? [...types].join(' or ') : 'any'
}

function isObject(value: unknown): value is Keywords {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectIn(keywords: Keywords, name: string): Keywords | null {
  const value = keywords[name]
  return isObject(value) ? value : null
}

function listIn(keywords: Keywords, name: string): readonly unknown[] {
  const value = keywords[name]
  return Array.isArray(value) ? value : []
}
