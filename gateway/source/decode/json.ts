import { isUtf8 } from 'node:buffer'
import type { Validator } from '../../drivers/schema.ts'
import type { Decode, Payload } from '../../stream/view.ts'

const TOMBSTONE: Payload = { json: Buffer.from('null') }
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20

/**
 * Payloads that are JSON text already: checked, and handed on byte for byte, but for line breaks where they would end a frame. `check` is `null` where the
 * product declares no schema. A tombstone is `null` and breaks no schema.
 */
export function jsonDecoder(check: Validator | null, recordBytesMax: number): Decode {
  return ({ value }) => {
    if (value === null) return TOMBSTONE
    if (value.byteLength > recordBytesMax) return { invalid: 'too-big' }
    if (!isUtf8(value)) return { invalid: 'not-utf8' }
    const parsed = parse(value)
    if (parsed === undefined) return { invalid: 'not-json' }
    if (check !== null && check(parsed) !== null) return { invalid: 'schema' }
    const json = onOneLine(value)
    return json === value ? { json } : { json, produced: value }
  }
}

/** `undefined`, which JSON cannot say, where it is no JSON. */
function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'))
  } catch {
    return undefined
  }
}

/** In valid JSON a raw line break stands only between tokens (RFC 8259 §2, §7), so a space in its place changes nothing. */
function onOneLine(value: Uint8Array): Uint8Array {
  if (!value.includes(LINE_FEED) && !value.includes(CARRIAGE_RETURN)) return value
  return value.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte))
}
