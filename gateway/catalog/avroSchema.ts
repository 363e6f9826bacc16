import type { AvroType, Logical } from '../drivers/avro/type.ts'
import type { JsonSchema } from './plan.ts'

/** The JSON Schema (draft 7) of what partners get of an Avro type: just what source/decode/avro.ts writes. Named types within stand under `definitions`. */
export function jsonSchemaOf(root: AvroType): JsonSchema {
  const schemas = new Schemas(root)
  const schema = schemas.write(root)
  const { definitions } = schemas
  return Object.keys(definitions).length === 0 ? schema : { ...schema, definitions }
}

type Written = { readonly [keyword: string]: unknown }

class Schemas {
  readonly definitions: { [name: string]: JsonSchema } = {}
  readonly #root: AvroType
  readonly #names = new Map<AvroType, string>()

  constructor(root: AvroType) {
    this.#root = root
  }

  of(type: AvroType): Written {
    if (type === this.#root) return { $ref: '#' }
    if (type.kind !== 'record') return this.write(type)
    const known = this.#names.get(type)
    if (known !== undefined) return { $ref: `#/definitions/${known}` }
    this.#names.set(type, type.name)
    this.definitions[type.name] = this.write(type)
    return { $ref: `#/definitions/${type.name}` }
  }

  write(type: AvroType): Written {
    if ('logical' in type && type.logical) return logicalSchema(type.logical)
    switch (type.kind) {
      case 'record':
        return {
          type: 'object',
          ...(type.doc !== null && { description: type.doc }),
          required: type.fields.map(({ name }) => name),
          properties: Object.fromEntries(
            type.fields.map(({ name, doc, type: own }) => [name, described(this.of(own), doc)]),
          ),
        }
      case 'array':
        return { type: 'array', items: this.of(type.items) }
      case 'map':
        return { type: 'object', additionalProperties: this.of(type.values) }
      case 'union':
        return this.#union(type.branches)
      case 'enum':
        return { type: 'string', enum: [...type.symbols], ...(type.doc !== null && { description: type.doc }) }
      case 'fixed':
        return { type: 'string', contentEncoding: 'base64' }
      case 'null':
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'bytes':
      case 'string':
        return PRIMITIVES[type.kind]
    }
  }

  /** `["null", X]`, by far the most, reads best as X that may be null. */
  #union(branches: readonly AvroType[]): Written {
    const others = branches.filter(({ kind }) => kind !== 'null')
    const [only] = others
    const written = only && others.length === 1 && branches.length === 2 ? this.of(only) : null
    if (written !== null && Array.isArray(written['type'])) return written
    if (written !== null && typeof written['type'] === 'string' && !('enum' in written))
      return { ...written, type: [written['type'], 'null'] }
    return { anyOf: branches.map((branch) => this.of(branch)) }
  }
}

/** What stands beside a reference is ignored (draft 7 §8.3), so the words go round it. */
function described(schema: Written, doc: string | null): Written {
  if (doc === null) return schema
  return '$ref' in schema ? { allOf: [schema], description: doc } : { ...schema, description: doc }
}

const PRIMITIVES: {
  readonly [kind in 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string']: Written
} = {
  null: { type: 'null' },
  boolean: { type: 'boolean' },
  int: { type: 'integer' },
  long: { type: 'integer' },
  // What JSON cannot say, NaN and the infinities, is null.
  float: { type: ['number', 'null'] },
  double: { type: ['number', 'null'] },
  bytes: { type: 'string', contentEncoding: 'base64' },
  string: { type: 'string' },
}

function logicalSchema(logical: Logical): Written {
  switch (logical.name) {
    case 'date':
      return { type: 'string', format: 'date' }
    case 'uuid':
      return { type: 'string', format: 'uuid' }
    case 'timestamp':
      return { type: 'string', format: 'date-time' }
    // Without a zone, which the format `time` asks for.
    case 'time':
      return { type: 'string', pattern: String.raw`^\d{2}:\d{2}:\d{2}\.\d+$` }
    case 'decimal':
      return { type: 'string', pattern: String.raw`^-?\d+(\.\d+)?$` }
  }
}
