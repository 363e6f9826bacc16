import type { Message } from './channels.ts'
import type { RecordKind } from './plan.ts'

/** Examples of a message that are kept; the first ones. */
const EXAMPLES_MAX = 5
/** Size of an example as JSON; a larger one shows nobody anything, and would stand in every Plan. */
const EXAMPLE_BYTES_MAX = 16 * 1024

/** What partners are told of a stream's messages. */
export function recordKindsOf(messages: readonly Message[]): readonly RecordKind[] {
  return messages.map(({ name, title, summary, description, examples }) => {
    const small = examples.filter(({ payload }) => Buffer.byteLength(JSON.stringify(payload)) <= EXAMPLE_BYTES_MAX)
    const shown = small.slice(0, EXAMPLES_MAX).map(({ name, summary, payload }) => ({ name, summary, payload }))
    return { name, title, summary, description, examples: shown }
  })
}
