import { compilePattern, PatternRefusal } from './pattern.ts'
import type { Pattern } from './pattern.ts'

/** Kinds of JSON values as bits that exclude each other, so that what schemas say is combined by `&` and `|`. */
export const KIND = {
  /** A string that is no time. */
  text: 1,
  /** A string in the form date-time. */
  time: 2,
  integer: 4,
  fraction: 8,
  boolean: 16,
  null: 32,
  object: 64,
  array: 128,
} as const
export const ANY_KIND = 255

/** What a schema says of the place that a path leads to; `at` is the step of the path that the answer is about. */
export type Said =
  /** Bits of `KIND` that the value may be of; `ANY_KIND` where the place is allowed and no more is said of it. */
  | { readonly says: 'kinds'; readonly kinds: number }
  /** The schema does not speak of what lies below `at`. */
  | { readonly says: 'nothing'; readonly at: number }
  /** No value that keeps the schema need have such a member; `known` are the ones described there. */
  | { readonly says: 'absent'; readonly at: number; readonly known: readonly string[] }
  /** The place lies below an array: asked for with `arrays: 'stop'` alone. */
  | { readonly says: 'array'; readonly at: number }

/**
 * Looks paths of members up in a JSON Schema (draft 7) that refers only to itself. Schemas may be circular and as branched as
 * their authors like: beyond `VISITS_MAX` places, or too deep, nothing is said any more.
 */
export class SchemaPlaces {
  readonly #root: unknown
  readonly #patterns = new Map<string, Pattern | null>()
  #visits = 0

  constructor(root: object | boolean) {
    this.#root = root
  }

  /** With `arrays: 'through'` a path goes on in the elements of an array as if they were the value itself. */
  at(path: readonly string[], arrays: 'through' | 'stop'): Said {
    return new Walk(this, path, arrays).say(this.#root, 0, 0) ?? { says: 'nothing', at: 0 }
  }

  /** `undefined` where the reference leads nowhere. */
  resolve(ref: string): unknown {
    let place = this.#root
    for (const step of ref.split('/').slice(1))
      place = isObject(place) ? own(place, step.replaceAll('~1', '/').replaceAll('~0', '~')) : undefined
    return place
  }

  matches(pattern: string, name: string): boolean {
    let compiled = this.#patterns.get(pattern)
    if (compiled === undefined) this.#patterns.set(pattern, (compiled = patternOf(pattern)))
    return compiled?.test(name) ?? false
  }

  /** Whether one more place may be looked at. */
  visit(): boolean {
    return ++this.#visits <= VISITS_MAX
  }
}

/** Some ten milliseconds. */
const VISITS_MAX = 50_000
/** Schemas within schemas: each costs a few frames of the stack. */
const NESTING_MAX = 500

/** A pattern that cannot be run keeps the whole schema from being used: who compiles it is told there. */
function patternOf(source: string): Pattern | null {
  try {
    return compilePattern(source)
  } catch (error) {
    if (error instanceof PatternRefusal) return null
    throw error
  }
}

type Schema = { readonly [keyword: string]: unknown }

class Walk {
  readonly #places: SchemaPlaces
  readonly #path: readonly string[]
  readonly #arrays: 'through' | 'stop'
  /** By step; `null` while the answer is being found: a schema that comes back to itself adds nothing. */
  readonly #answers: Map<object, Said | null>[]

  constructor(places: SchemaPlaces, path: readonly string[], arrays: 'through' | 'stop') {
    this.#places = places
    this.#path = path
    this.#arrays = arrays
    this.#answers = [...path, ''].map(() => new Map())
  }

  /** What `schema`, the one for the value after `step` steps, says of the whole path. `null`: nothing new. */
  say(schema: unknown, step: number, depth: number): Said | null {
    if (!isObject(schema)) return this.#silent(step)
    const answers = this.#answers[step] as Map<object, Said | null>
    const known = answers.get(schema)
    if (known !== undefined) return known
    if (depth > NESTING_MAX || !this.#places.visit()) return this.#silent(step)
    answers.set(schema, null)
    const said = this.#sayAnew(schema, step, depth + 1)
    answers.set(schema, said)
    return said
  }

  #sayAnew(schema: Schema, step: number, depth: number): Said | null {
    // Draft 7 ignores what stands beside a reference.
    const ref = schema['$ref']
    if (typeof ref === 'string') return this.say(this.#places.resolve(ref), step, depth)
    const each = (list: unknown): (Said | null)[] =>
      Array.isArray(list) ? list.map((one) => this.say(one, step, depth)) : []
    const own = step === this.#path.length ? kindsOf(schema) : this.#below(schema, step, depth)
    const alternatives = [schema['anyOf'], schema['oneOf'], branches(schema)].filter(Array.isArray)
    return both([own, ...each(schema['allOf']), ...alternatives.map((list) => either(each(list)))])
  }

  /** At the end of the path a schema that says nothing allows any kind. */
  #silent(step: number): Said {
    return step === this.#path.length ? ANYTHING : { says: 'nothing', at: step }
  }

  #below(schema: Schema, step: number, depth: number): Said | null {
    const { kinds } = typesOf(schema)
    const arrayNamed = schema['type'] !== undefined || schema['items'] !== undefined
    const options: (Said | null)[] = []
    if (kinds & KIND.object) options.push(this.#member(schema, step, depth))
    if (kinds & KIND.array && arrayNamed) options.push(this.#element(schema, step, depth))
    return options.length === 0 ? { says: 'absent', at: step, known: [] } : either(options)
  }

  #member(schema: Schema, step: number, depth: number): Said | null {
    const name = this.#path[step] as string
    const { properties, patternProperties, additionalProperties: more } = schema
    const described: unknown[] = isObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : []
    if (isObject(patternProperties))
      for (const [pattern, schema] of Object.entries(patternProperties))
        if (this.#places.matches(pattern, name)) described.push(schema)
    if (described.length > 0) return both(described.map((schema) => this.say(schema, step + 1, depth)))
    if (more === true) return ANYTHING
    if (isObject(more)) {
      const said = this.say(more, step + 1, depth)
      return said?.says === 'nothing' ? ANYTHING : said
    }
    if (isObject(properties) || isObject(patternProperties) || more === false)
      return { says: 'absent', at: step, known: isObject(properties) ? Object.keys(properties) : [] }
    return this.#silent(step)
  }

  #element({ items, additionalItems }: Schema, step: number, depth: number): Said | null {
    if (this.#arrays === 'stop') return { says: 'array', at: step }
    const schemas = Array.isArray(items)
      ? [...(items as unknown[]), ...(isObject(additionalItems) ? [additionalItems] : [])]
      : [items]
    return either(schemas.map((schema) => this.say(schema, step, depth)))
  }
}

const ANYTHING: Said = { says: 'kinds', kinds: ANY_KIND }

/** All of them hold. What one of them describes is there, though the others do not know it. */
function both(answers: readonly (Said | null)[]): Said | null {
  const said = answers.filter((answer) => answer !== null)
  const array = said.find(({ says }) => says === 'array')
  if (array) return array
  const kinds = said.filter((answer) => answer.says === 'kinds')
  if (kinds.length > 0) return { says: 'kinds', kinds: kinds.reduce((all, one) => all & one.kinds, ANY_KIND) }
  return deepest(said)
}

/** One of them holds. */
function either(answers: readonly (Said | null)[]): Said | null {
  const said = answers.filter((answer) => answer !== null)
  const array = said.find(({ says }) => says === 'array')
  if (array) return array
  const kinds = said.filter((answer) => answer.says === 'kinds')
  if (kinds.length > 0) return { says: 'kinds', kinds: kinds.reduce((all, one) => all | one.kinds, 0) }
  return said.find(({ says }) => says === 'nothing') ?? deepest(said)
}

/** The answer that got furthest along the path; of several that got as far, the one that knows names wins, with the names of all. */
function deepest(said: readonly Said[]): Said | null {
  const rest = said.filter((answer) => answer.says === 'absent' || answer.says === 'nothing')
  const at = Math.max(...rest.map((answer) => answer.at))
  const furthest = rest.filter((answer) => answer.at === at)
  const absent = furthest.filter((answer) => answer.says === 'absent')
  if (absent.length === 0) return furthest[0] ?? null
  return { says: 'absent', at, known: [...new Set(absent.flatMap(({ known }) => known))] }
}

/** What `if` decides between, whichever way it goes. */
function branches(schema: Schema): readonly unknown[] | null {
  return schema['if'] === undefined ? null : [schema['then'] ?? true, schema['else'] ?? true]
}

const TYPES: { readonly [type: string]: number } = {
  string: KIND.text | KIND.time,
  number: KIND.integer | KIND.fraction,
  integer: KIND.integer,
  boolean: KIND.boolean,
  null: KIND.null,
  object: KIND.object,
  array: KIND.array,
}

function kindsOf(schema: Schema): Said & { says: 'kinds' } {
  let { kinds } = typesOf(schema)
  if (schema['format'] === 'date-time') kinds &= ~KIND.text
  if (Array.isArray(schema['enum'])) kinds &= valuesOf(schema['enum'])
  if (Object.hasOwn(schema, 'const')) kinds &= valuesOf([schema['const']])
  return { says: 'kinds', kinds }
}

function typesOf({ type }: Schema): { readonly kinds: number } {
  if (type === undefined) return { kinds: ANY_KIND }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type]
  return { kinds: types.reduce<number>((all, one) => all | (TYPES[String(one)] ?? 0), 0) }
}

function valuesOf(values: readonly unknown[]): number {
  return values.reduce<number>((all, value) => all | kindOf(value), 0)
}

function kindOf(value: unknown): number {
  if (value === null) return KIND.null
  if (Array.isArray(value)) return KIND.array
  if (typeof value === 'number') return Number.isInteger(value) ? KIND.integer : KIND.fraction
  return TYPES[typeof value] ?? 0
}

function own(value: Schema, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
