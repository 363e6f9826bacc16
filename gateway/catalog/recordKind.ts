import { compileSchema, SchemaError, type Validator } from '../drivers/schema.ts'
import type { Message } from './channels.ts'
import { Described, EXAMPLES_MAX } from './described.ts'
import type { JsonSchema, RecordExample, RecordKind } from './plan.ts'

/** What partners are told of a stream's messages. `schema` is the stream's, of all of them; without one there is no telling what an example may show. */
export function recordKindsOf(messages: readonly Message[], schema: JsonSchema | null): readonly RecordKind[] {
  const check = schema === null ? null : checkerOf(schema)
  return messages.map(({ name, title, summary, description, examples }) => {
    const shown = check === null ? [] : examples.flatMap((example) => check(example) ?? []).slice(0, EXAMPLES_MAX)
    return { name, title, summary, description, examples: shown }
  })
}

function checkerOf(schema: JsonSchema): ((example: Message['examples'][number]) => RecordExample | null) | null {
  const described = new Described(schema)
  const validate = validatorOf(schema)
  if (validate === null) return null
  return ({ name, summary, payload: whole }) => {
    const payload = described.of(whole)
    return payload === undefined || validate(payload) !== null ? null : { name, summary, payload }
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
