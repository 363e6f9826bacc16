import { Ajv } from 'ajv'
import type { ErrorObject, Options } from 'ajv'
import formatsModule from 'ajv-formats'
import { compilePattern, PatternRefusal } from './pattern.ts'

/** Checks one value: `null` where it keeps the schema, else what it breaks. Never throws. */
export type Validator = (value: unknown) => readonly Breach[] | null

export interface Breach {
  /** JSON Pointer into the value, `''` for the whole. */
  readonly pointer: string
  /** The keyword of JSON Schema that is broken, or `depth` where the value is nested too deeply to be checked. */
  readonly keyword: string
  /** Follows the name of the place: "must be string". */
  readonly message: string
  readonly params: { readonly [name: string]: unknown }
}

export interface SchemaOptions {
  /** `true` for schemas of our own: unknown keywords and formats are faults, and every breach is told, not only the first. */
  readonly strict: boolean
}

/** The schema itself cannot be used. */
export class SchemaError extends Error {
  readonly code: 'unsafe-pattern' | 'schema-invalid'
  constructor(code: SchemaError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SchemaError'
    this.code = code
  }
}

/**
 * Compiles a JSON Schema (draft 7) that refers only to itself: nothing is ever fetched. The schema is not changed, and
 * nothing of it is kept beyond the validator. Patterns run in linear time. Throws `SchemaError`.
 */
export function compileSchema(schema: object | boolean, options: SchemaOptions): Validator {
  const ajv = new Ajv(optionsFor(options))
  addFormats(ajv)
  boundFormats(ajv)
  try {
    const check = ajv.compile(schema)
    return (value) => {
      try {
        return check(value) ? null : (check.errors ?? []).map(breachOf)
      } catch (error) {
        return [tooDeep(error)]
      }
    }
  } catch (error) {
    throw asSchemaError(error)
  }
}

// Under NodeNext the CommonJS default export is typed as the module itself.
const addFormats = formatsModule as unknown as (ajv: Ajv) => Ajv

type RegExpEngine = NonNullable<NonNullable<Options['code']>['regExp']>

const linearPatterns: RegExpEngine = Object.assign((source: string) => compilePattern(source), { code: 'linear' })

function optionsFor({ strict }: SchemaOptions): Options {
  return {
    strict,
    allErrors: strict,
    // Else a required `toString` would be satisfied by the one that every object inherits.
    ownProperties: true,
    allowUnionTypes: true,
    // `anyOf` of two `required`s says "at least one of", though the properties are described further up.
    strictRequired: false,
    logger: false,
    addUsedSchema: false,
    code: { regExp: linearPatterns },
  }
}

/** Longest text that a format's regular expression looks at: they are the library's, and not all of them are linear. */
const FORMAT_CHARS_MAX = 2_048

function boundFormats(ajv: Ajv): void {
  for (const [name, format] of Object.entries(ajv.formats))
    if (format instanceof RegExp)
      ajv.addFormat(name, { type: 'string', validate: (text) => text.length <= FORMAT_CHARS_MAX && format.test(text) })
}

function breachOf({ instancePath, keyword, message, params }: ErrorObject): Breach {
  return { pointer: instancePath, keyword, message: message ?? `breaks ${keyword}`, params }
}

/** A recursive schema recurses with the data; running out of stack says something of the data, not of us. */
function tooDeep(error: unknown): Breach {
  const reason = error instanceof RangeError ? 'is nested too deeply to be checked' : 'could not be checked'
  return { pointer: '', keyword: 'depth', message: reason, params: {} }
}

function asSchemaError(error: unknown): SchemaError {
  const cause = { cause: error }
  if (error instanceof PatternRefusal) return new SchemaError('unsafe-pattern', error.message, cause)
  return new SchemaError('schema-invalid', error instanceof Error ? error.message : String(error), cause)
}
