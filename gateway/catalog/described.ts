import { compilePattern } from '../drivers/pattern.ts'
import { isObject, listAt, memberOf, objectAt, stepsOf, valueAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { withSubschemas } from './keywords.ts'
import type { JsonSchema } from './plan.ts'

/** In one place. */
export const EXAMPLES_MAX = 5
const EXAMPLE_CHARS_MAX = 16 * 1024

/**
 * What of a value a self-contained schema describes: members that it names, and none beyond them. An example was mostly copied out of
 * a real record, with all that the team's own tools had put there.
 */
export class Described {
  readonly #root: JsonSchema

  constructor(root: JsonSchema) {
    this.#root = root
  }

  /** `undefined` where nothing of it is described, or it is too long to be shown. */
  of(value: unknown, schema: JsonSchema = this.#root): unknown {
    return (JSON.stringify(value)?.length ?? 0) > EXAMPLE_CHARS_MAX ? undefined : this.#keep([schema], value)
  }

  /** As `of`, the first few. */
  ofEach(values: readonly unknown[], schema?: JsonSchema): readonly unknown[] {
    return values.flatMap((value) => this.of(value, schema) ?? []).slice(0, EXAMPLES_MAX)
  }

  #keep(schemas: readonly JsonSchema[], value: unknown): unknown {
    const places = this.#placesOf(schemas)
    if (places.size === 0) return undefined
    if (Array.isArray(value))
      return value.flatMap((item, i) => {
        const kept = this.#keep(
          [...places].flatMap((place) => itemsAt(place, i)),
          item,
        )
        return kept === undefined ? [] : [kept]
      })
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) => {
        const kept = this.#keep(
          [...places].flatMap((place) => membersAt(place, name)),
          member,
        )
        return kept === undefined ? [] : [[name, kept]]
      }),
    )
  }

  /** All that is said of one place, references and alternatives followed. Each once: they may refer in circles. */
  #placesOf(schemas: readonly JsonSchema[]): ReadonlySet<JsonObject> {
    const places = new Set<JsonObject>()
    const visit = (schema: unknown): void => {
      if (schema === true) return void places.add(ANYTHING)
      if (!isObject(schema) || places.has(schema)) return
      const { $ref: ref } = schema
      if (typeof ref === 'string') return visit(valueAt(this.#root, stepsOf(ref) ?? []))
      places.add(schema)
      for (const keyword of ['allOf', 'anyOf', 'oneOf']) for (const one of listAt(schema, keyword)) visit(one)
      for (const keyword of ['then', 'else']) if (isObject(schema[keyword])) visit(schema[keyword])
    }
    for (const schema of schemas) visit(schema)
    return places
  }
}

const ANYTHING: JsonObject = {}

function membersAt(place: JsonObject, name: string): readonly JsonSchema[] {
  const named = memberOf(objectAt(place, 'properties'), name)
  const matching = Object.entries(objectAt(place, 'patternProperties'))
    .filter(([pattern]) => compilePattern(pattern).test(name))
    .map(([, schema]) => schema)
  const found = [...(named === undefined ? [] : [named]), ...matching]
  const rest = place['additionalProperties']
  // `true` and `{}` allow what they do not describe.
  if (found.length === 0 && isObject(rest) && Object.keys(rest).length > 0) return [rest]
  return found as JsonSchema[]
}

function itemsAt(place: JsonObject, i: number): readonly JsonSchema[] {
  const { items, additionalItems } = place
  const schema = Array.isArray(items) ? (items[i] ?? additionalItems) : items
  return isObject(schema) || schema === true ? [schema] : []
}

/** The schema with nothing in its own examples and defaults but what it describes. */
export function withDescribedValues(root: JsonSchema): JsonSchema {
  const described = new Described(root)
  const shown = (schema: JsonSchema): JsonSchema => {
    if (!isObject(schema)) return schema
    const { examples, default: standard, ...rest } = withSubschemas(schema, shown)
    const good = Array.isArray(examples) ? described.ofEach(examples, schema) : []
    const usual = standard === undefined ? undefined : described.of(standard, schema)
    return { ...rest, ...(usual !== undefined && { default: usual }), ...(good.length > 0 && { examples: good }) }
  }
  return shown(root)
}
