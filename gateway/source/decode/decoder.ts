import type { Stream } from '../../catalog/plan.ts'
import { parseAvro } from '../../drivers/avro/parse.ts'
import { compileSchema } from '../../drivers/schema.ts'
import type { Decode } from '../../stream/view.ts'
import { avroDecoder } from './avro.ts'
import { jsonDecoder } from './json.ts'

/** What makes JSON of a stream's payloads. */
export function decoderOf({ schema, encoding }: Pick<Stream, 'schema' | 'encoding'>, recordBytesMax: number): Decode {
  if (encoding.kind === 'avro') return avroDecoder(parseAvro(encoding.schema), encoding.framing, recordBytesMax)
  return jsonDecoder(schema === null ? null : compileSchema(schema, { strict: false }), recordBytesMax)
}
