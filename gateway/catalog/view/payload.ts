import { isObject, objectAt } from '../json.ts'
import type { JsonObject } from '../json.ts'
import { withSubschemas } from '../keywords.ts'
import type { JsonSchema, Stream } from '../plan.ts'
import { refTo, type Components } from './components.ts'

/** Puts a stream's payload schema, and what it refers to, among the components; a reference to it, or `null` where it is any JSON. */
export function payloadIn(components: Components, { id, schema }: Stream): JsonObject | null {
  if (schema === null) return null
  const definitions = Object.entries(objectAt(schema, 'definitions'))
  const whole = components.reserve('schemas', `${id}.payload`)
  // All names first: they refer to each other, in circles too.
  const names = new Map(
    definitions.map(([name]) => [`#/definitions/${name}`, components.reserve('schemas', `${whole}.${lastOf(name)}`)]),
  )
  const moved = (inner: JsonSchema): JsonSchema => {
    if (!isObject(inner)) return inner
    const { $ref: ref, definitions: _, ...rest } = inner
    // `#` is the root.
    return typeof ref === 'string' ? refTo('schemas', names.get(ref) ?? whole) : withSubschemas(rest, moved)
  }
  components.put('schemas', whole, moved(schema))
  for (const [name, definition] of definitions)
    components.put('schemas', names.get(`#/definitions/${name}`) ?? whole, moved(definition as JsonSchema))
  return refTo('schemas', whole)
}

/** Avro's full names begin with the producer's package. */
function lastOf(name: string): string {
  return name.split('.').at(-1) ?? name
}
