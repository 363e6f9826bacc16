import { isObject, listAt, memberOf, objectAt, textAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import { follow } from './refs.ts'

/** A parameter of a channel of either AsyncAPI generation, in one shape, with where it stands in the document. */
export interface Parameter {
  readonly name: string
  readonly path: Path
  readonly description: string | null
  readonly examples: readonly string[]
  /** `null`: any. */
  readonly values: readonly string[] | null
  /** ECMAScript, not anchored, as JSON Schema has it. */
  readonly pattern: string | null
  readonly default: string | null
  /** A runtime expression: where in a message the value stands. */
  readonly location: string | null
}

/** AsyncAPI 3 says what is allowed in the parameter itself, AsyncAPI 2 in its `schema`. */
export function parametersOf(root: JsonObject, channel: JsonObject, path: Path): readonly Parameter[] {
  return Object.entries(objectAt(channel, 'parameters')).map(([name, raw]) => {
    const { value, path: at } = follow(root, raw, [...path, 'parameters', name])
    const schema = follow(root, memberOf(value, 'schema'), at).value
    return {
      name,
      path: at,
      description: textAt(value, 'description') ?? textAt(schema, 'description'),
      location: textAt(value, 'location'),
      ...allowed(isObject(schema) ? schema : value),
    }
  })
}

type Allowed = Pick<Parameter, 'values' | 'pattern' | 'default' | 'examples'>

/** What a value of a type looks like as text, since in an address everything is text. */
const PATTERNS: { readonly [type: string]: string } = {
  integer: '^-?(?:0|[1-9][0-9]*)$',
  number: '^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$',
  boolean: '^(?:true|false)$',
}

function allowed(schema: unknown): Allowed {
  const [values, examples] = [listAt(schema, 'enum').map(textOf), listAt(schema, 'examples').map(textOf)]
  const standard = memberOf(schema, 'default')
  return {
    values: values.length === 0 ? null : values,
    pattern: PATTERNS[textAt(schema, 'type') ?? ''] ?? textAt(schema, 'pattern'),
    default: standard === undefined ? null : textOf(standard),
    examples,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
