import type { Dialect } from './eventStreams.ts'
import { recordLine, type Control } from './framing.ts'

/** The endless answer as lines of JSON: a record a line, and what is not a record as the frame that a WebSocket would get. */
export const NDJSON: Dialect = {
  name: 'ndjson',
  contentType: 'application/x-ndjson; charset=utf-8',
  raw: false,
  record: recordLine,
  control: line,
  position: (cursor) => line({ type: 'position', cursor }),
  /** A line has no place for a time to come back: that is in the advice of `closing`. */
  opening: (cursor) => line({ type: 'position', cursor }),
  /**
   * A space before the next line: white space around a value is part of a JSON text (RFC 8259 §2), so every parser takes it.
   * An empty line would be shorter to explain, but parsers only MAY skip one: `JSON.parse` and `json.loads` in a loop over
   * lines throw. Holding back the line break itself would starve those who read chunk by chunk.
   */
  push: Buffer.from(' '),
  turnDown: (reply, refusal, headers) => reply.problem(refusal, headers),
}

function line(control: Control): Uint8Array {
  return Buffer.from(`${JSON.stringify(control)}\n`)
}
