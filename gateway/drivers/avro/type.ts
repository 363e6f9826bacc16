/** An Avro schema, read: names are resolved, so that a record within itself is a circle. */
export type AvroType = Primitive | Fixed | Enum | ArrayOf | MapOf | RecordOf | UnionOf

interface Primitive {
  readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'
  readonly logical?: Logical
}
interface Fixed {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
  readonly logical?: Logical
}
interface Enum {
  readonly kind: 'enum'
  readonly name: string
  readonly doc: string | null
  readonly symbols: readonly string[]
}
interface ArrayOf {
  readonly kind: 'array'
  readonly items: AvroType
}
interface MapOf {
  readonly kind: 'map'
  readonly values: AvroType
}
export interface RecordOf {
  readonly kind: 'record'
  readonly name: string
  readonly doc: string | null
  readonly fields: readonly Field[]
}
interface Field {
  readonly name: string
  readonly doc: string | null
  readonly type: AvroType
}
interface UnionOf {
  readonly kind: 'union'
  readonly branches: readonly AvroType[]
}

/** What a plain type stands for, where it is one that we write in a form of its own (Avro 1.11 §Logical Types). */
export type Logical =
  | { readonly name: 'date' | 'uuid' }
  | { readonly name: 'timestamp' | 'time'; readonly digits: 3 | 6 }
  | { readonly name: 'decimal'; readonly scale: number }

/** The schema cannot be used; the message says why. */
export class AvroError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AvroError'
  }
}
