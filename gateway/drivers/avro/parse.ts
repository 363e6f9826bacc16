import avsc, { type Schema, type Type } from 'avsc'
import { AvroError, type AvroType, type Logical, type RecordOf } from './type.ts'

/** Names, defaults and references are checked by the library, whose tree is then read into ours. Throws `AvroError`. */
export function parseAvro(schema: unknown): AvroType {
  try {
    // The library writes into what it is given.
    const root = avsc.Type.forSchema(structuredClone(schema) as Schema, { wrapUnions: true, logicalTypes: LOGICAL })
    const type = new Reading().read(root)
    refuseEmptyItems(type)
    return type
  } catch (error) {
    if (error instanceof AvroError) throw error
    throw new AvroError((error as Error).message, { cause: error })
  }
}

/** Keeps what the schema says beside the type: which, and with how many digits. */
class Kept extends avsc.types.LogicalType {
  readonly said: { readonly [attribute: string]: unknown }

  constructor(schema: { readonly [attribute: string]: unknown }, opts?: object) {
    super(schema as never, opts)
    this.said = schema
  }

  override _fromValue(value: unknown): unknown {
    return value
  }

  override _toValue(value: unknown): unknown {
    return value
  }
}

const NAMES = ['date', 'time-millis', 'time-micros', 'timestamp-millis', 'timestamp-micros', 'decimal', 'uuid']
const LOGICAL = Object.fromEntries(NAMES.map((name) => [name, Kept as never]))

/** What the library's types tell beyond its typings. */
interface Told {
  readonly typeName: string
  readonly name?: string
  readonly doc?: string
  readonly size: number
  readonly symbols: readonly string[]
  readonly itemsType: Type
  readonly valuesType: Type
  readonly types: readonly Type[]
  readonly fields: readonly { readonly name: string; readonly doc?: string; readonly type: Type }[]
  readonly underlyingType: Type
  readonly said: { readonly [attribute: string]: unknown }
}

class Reading {
  readonly #known = new Map<Type, AvroType>()

  read(source: Type): AvroType {
    const known = this.#known.get(source)
    if (known) return known
    const told = source as unknown as Told
    if (told.typeName === 'record' || told.typeName === 'error') return this.#record(source, told)
    const type = this.#other(told)
    this.#known.set(source, type)
    return type
  }

  #record(source: Type, { name = '', doc, fields }: Told): AvroType {
    const own: RecordOf['fields'][number][] = []
    const record: AvroType = { kind: 'record', name, doc: doc ?? null, fields: own }
    this.#known.set(source, record)
    for (const { name: field, doc: said, type } of fields)
      own.push({ name: field, doc: said ?? null, type: this.read(type) })
    return record
  }

  #other(told: Told): AvroType {
    const { typeName, name = '', doc } = told
    if (typeName.startsWith('logical:') || told.underlyingType)
      return withLogical(this.read(told.underlyingType), told.said)
    if (typeName.startsWith('union')) return { kind: 'union', branches: told.types.map((type) => this.read(type)) }
    switch (typeName) {
      case 'array':
        return { kind: 'array', items: this.read(told.itemsType) }
      case 'map':
        return { kind: 'map', values: this.read(told.valuesType) }
      case 'enum':
        return { kind: 'enum', name, doc: doc ?? null, symbols: told.symbols }
      case 'fixed':
        return { kind: 'fixed', name, size: told.size }
      case 'null':
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'bytes':
      case 'string':
        return { kind: typeName }
      default:
        throw new AvroError(`types of the kind ${typeName} are not read`)
    }
  }
}

/** One on a type that it does not belong to is to be ignored (Avro 1.11 §Logical Types). */
function withLogical(type: AvroType, said: Told['said']): AvroType {
  const logical = logicalOf(type.kind, said)
  return logical === null ? type : ({ ...type, logical } as AvroType)
}

function logicalOf(kind: AvroType['kind'], { logicalType, scale = 0, precision }: Told['said']): Logical | null {
  switch (`${kind} ${String(logicalType)}`) {
    case 'int date':
      return { name: 'date' }
    case 'string uuid':
      return { name: 'uuid' }
    case 'int time-millis':
      return { name: 'time', digits: 3 }
    case 'long time-micros':
      return { name: 'time', digits: 6 }
    case 'long timestamp-millis':
      return { name: 'timestamp', digits: 3 }
    case 'long timestamp-micros':
      return { name: 'timestamp', digits: 6 }
    case 'bytes decimal':
    case 'fixed decimal':
      return isDecimal(scale, precision) ? { name: 'decimal', scale } : null
    default:
      return null
  }
}

const SCALE_MAX = 100

function isDecimal(scale: unknown, precision: unknown): scale is number {
  return (
    Number.isInteger(scale) && Number.isInteger(precision) && (scale as number) >= 0 && (scale as number) <= SCALE_MAX
  )
}

/** Of those a few bytes could say that there are millions, and no length of a record would bound them. */
function refuseEmptyItems(root: AvroType): void {
  const seen = new Set<AvroType>()
  const visit = (type: AvroType): void => {
    if (seen.has(type)) return
    seen.add(type)
    if (type.kind === 'array' && isEmpty(type.items, new Set()))
      throw new AvroError('an array has items that take no bytes, so nothing bounds their number')
    for (const part of partsOf(type)) visit(part)
  }
  visit(root)
}

function isEmpty(type: AvroType, within: Set<AvroType>): boolean {
  if (type.kind === 'null' || (type.kind === 'fixed' && type.size === 0)) return true
  if (type.kind !== 'record' || within.has(type)) return false
  within.add(type)
  return type.fields.every((field) => isEmpty(field.type, within))
}

function partsOf(type: AvroType): readonly AvroType[] {
  if (type.kind === 'record') return type.fields.map((field) => field.type)
  if (type.kind === 'union') return type.branches
  if (type.kind === 'array') return [type.items]
  return type.kind === 'map' ? [type.values] : []
}
