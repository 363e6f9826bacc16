import { compileSchema, SchemaError, type Validator } from '../drivers/schema.ts'
import type { Message } from './channels.ts'
import { Described, EXAMPLES_MAX } from './described.ts'
import type { JsonSchema, RecordExample, RecordKind } from './plan.ts'

/** What partners are told of a stream's messages. `schema` is the stream's, of all of them; without one there is no telling what an example may show. */
export function recordKindsOf(messages: readonly Message[], schema: JsonSchema | null): readonly RecordKind[] {
  const examples = schema === null ? null : new Examples(schema)
  return messages.map(({ name, title, summary, description, examples: given }) => ({
    name,
    title,
    summary,
    description,
    examples: given.flatMap((one) => examples?.shown(one) ?? []).slice(0, EXAMPLES_MAX),
  }))
}

class Examples {
  readonly #schema: JsonSchema
  readonly #described: Described
  #validate: Validator | null | undefined

  constructor(schema: JsonSchema) {
    this.#schema = schema
    this.#described = new Described(schema)
  }

  /** `null` where nothing good is left of it. */
  shown({ name, summary, payload: whole }: Message['examples'][number]): RecordExample | null {
    const payload = this.#described.of(whole)
    // Compiled on first use: most streams have no examples, and schemas take long.
    const validate = (this.#validate ??= validatorOf(this.#schema))
    return payload === undefined || validate === null || validate(payload) !== null ? null : { name, summary, payload }
  }
}

/** `null` where the schema cannot be used, which is told already. */
function validatorOf(schema: JsonSchema): Validator | null {
  try {
    return compileSchema(schema, { strict: false })
  } catch (error) {
    if (error instanceof SchemaError) return null
    throw error
  }
}
