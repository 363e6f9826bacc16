import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'
import type { JsonSchema } from './plan.ts'

const AS_SCHEMA: ReadonlySet<string> = new Set([
  'not',
  'if',
  'then',
  'else',
  'additionalProperties',
  'additionalItems',
  'contains',
  'propertyNames',
])
const AS_SCHEMAS: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf'])
const AS_SCHEMA_MAP: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependencies', 'definitions'])

/**
 * What partners may read of a schema: JSON Schema (draft 7), and no word beyond it. Extensions, comments and links are the
 * team's own, and whatever a later specification adds is not shown before somebody has looked at it.
 */
const SHOWN: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'examples', 'readOnly', 'writeOnly', 'deprecated'],
  ...['type', 'enum', 'const', 'format', 'contentEncoding', 'contentMediaType'],
  ...['multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'],
  ...['maxLength', 'minLength', 'pattern', 'items', 'maxItems', 'minItems', 'uniqueItems'],
  ...['maxProperties', 'minProperties', 'required', ...AS_SCHEMA, ...AS_SCHEMAS, 'properties', 'patternProperties'],
  'dependencies',
])

export function isShown(keyword: string): boolean {
  return SHOWN.has(keyword)
}

/** What stands under a keyword: schemas, in one form or another, or data. */
export function standsFor(keyword: string, value: unknown): 'schema' | 'schemas' | 'map' | 'data' {
  if (AS_SCHEMA.has(keyword)) return 'schema'
  if (AS_SCHEMAS.has(keyword)) return 'schemas'
  if (keyword === 'items') return Array.isArray(value) ? 'schemas' : 'schema'
  return AS_SCHEMA_MAP.has(keyword) && isObject(value) ? 'map' : 'data'
}

/** The schema with `change` made of each schema right within it; what is data stays as it is. */
export function withSubschemas(schema: JsonObject, change: (inner: JsonSchema) => unknown): JsonObject {
  const changed = (inner: unknown): unknown => (isObject(inner) || typeof inner === 'boolean' ? change(inner) : inner)
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      switch (standsFor(keyword, value)) {
        case 'schema':
          return [keyword, changed(value)]
        case 'schemas':
          return [keyword, Array.isArray(value) ? value.map(changed) : value]
        case 'map':
          return [keyword, Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, changed(one)]))]
        case 'data':
          return [keyword, value]
      }
    }),
  )
}
