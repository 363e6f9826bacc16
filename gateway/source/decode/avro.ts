import { isUtf8 } from 'node:buffer'
import type { AvroType, Logical, RecordOf } from '../../drivers/avro/type.ts'
import type { Decode, Payload } from '../../stream/view.ts'
import { AvroReader, Undecodable } from './avroReader.ts'

const TOMBSTONE: Payload = { json: Buffer.from('null') }

/** Where the payload begins: at once, or behind the magic byte and four bytes of id that serializers with a registry put first. */
export type AvroFraming = 'plain' | 'confluent'
const HEAD_BYTES: { readonly [framing in AvroFraming]: number } = { plain: 0, confluent: 5 }

/**
 * Payloads in Avro's binary form, written by just this schema, as JSON (docs/decisions/0012-avro.md). `raw` gets the bytes as they were produced. What the
 * schema does not fit, or fits only partly, is `undecodable`; there is nothing left to check then.
 */
export function avroDecoder(type: AvroType, framing: AvroFraming, recordBytesMax: number): Decode {
  const write = writerOf(type)
  const head = HEAD_BYTES[framing]
  return ({ value }) => {
    if (value === null) return TOMBSTONE
    if (value.byteLength > recordBytesMax) return { invalid: 'too-big' }
    if (head > 0 && value[0] !== 0) return { invalid: 'undecodable' }
    try {
      const reader = new AvroReader(value, head)
      const text = write(reader)
      if (reader.left !== 0) return { invalid: 'undecodable' }
      const json = Buffer.from(text)
      return json.byteLength > recordBytesMax ? { invalid: 'too-big' } : { json, produced: value }
    } catch (error) {
      if (error instanceof Undecodable) return { invalid: 'undecodable' }
      throw error
    }
  }
}

/** Reads one value and writes it as JSON. */
type Write = (reader: AvroReader) => string

/** Values within values; a circle in the schema would let a record of 1 MB nest a million deep. */
const DEPTH_MAX = 200

function writerOf(root: AvroType): Write {
  const known = new Map<AvroType, Write>()
  const of = (type: AvroType): Write => {
    const made = known.get(type)
    if (made) return made
    // A circle finds this one, which by then is made.
    known.set(type, (reader) => (known.get(type) as Write)(reader))
    const write = make(type, of)
    known.set(type, write)
    return write
  }
  return of(root)
}

function make(type: AvroType, of: (type: AvroType) => Write): Write {
  if ('logical' in type && type.logical) return logical(type, type.logical)
  switch (type.kind) {
    case 'record':
      return record(type, of)
    case 'array':
      return array(of(type.items))
    case 'map':
      return map(of(type.values))
    case 'union': {
      const branches = type.branches.map(of)
      return (reader) => at(branches, reader.int())(reader)
    }
    case 'enum': {
      const symbols = type.symbols.map((symbol) => JSON.stringify(symbol))
      return (reader) => at(symbols, reader.int())
    }
    case 'fixed':
      return (reader) => base64(reader.take(type.size))
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

const PRIMITIVES: {
  readonly [kind in Extract<AvroType, { logical?: Logical }>['kind'] as Exclude<kind, 'fixed'>]: Write
} = {
  null: () => 'null',
  boolean: (reader) => {
    const byte = reader.byte()
    if (byte > 1) throw new Undecodable()
    return byte === 1 ? 'true' : 'false'
  },
  int: (reader) => String(reader.int()),
  long: (reader) => String(reader.long()),
  float: (reader) => single(reader.float()),
  double: (reader) => JSON.stringify(reader.double()),
  bytes: (reader) => base64(reader.take(reader.count())),
  string: (reader) => JSON.stringify(text(reader)),
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Undecodable()
  return found
}

function record({ fields }: RecordOf, of: (type: AvroType) => Write): Write {
  const members = fields.map(({ name, type }, i) => ({
    head: `${i > 0 ? ',' : ''}${JSON.stringify(name)}:`,
    write: of(type),
  }))
  return nested((reader) => {
    let json = '{'
    for (const { head, write } of members) json += head + write(reader)
    return `${json}}`
  })
}

function array(item: Write): Write {
  return nested((reader) => {
    let json = ''
    for (let count = reader.block(); count > 0; count = reader.block())
      for (let i = 0; i < count; i++) json += (json === '' ? '' : ',') + item(reader)
    return `[${json}]`
  })
}

function map(value: Write): Write {
  return nested((reader) => {
    let json = ''
    for (let count = reader.block(); count > 0; count = reader.block())
      for (let i = 0; i < count; i++)
        json += `${json === '' ? '' : ','}${JSON.stringify(text(reader))}:${value(reader)}`
    return `{${json}}`
  })
}

function nested(write: Write): Write {
  return (reader) => {
    if (++reader.depth > DEPTH_MAX) throw new Undecodable()
    const json = write(reader)
    reader.depth--
    return json
  }
}

function text(reader: AvroReader): string {
  const bytes = reader.take(reader.count())
  if (!isUtf8(bytes)) throw new Undecodable()
  return bytes.toString('utf8')
}

function base64(bytes: Buffer): string {
  return `"${bytes.toString('base64')}"`
}

/** The shortest text that is this float again: 0.1, not 0.10000000149011612. JSON has no NaN and no infinities: `null`. */
function single(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  for (let digits = FLOAT_DIGITS_MIN; digits < FLOAT_DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return JSON.stringify(short)
  }
  return JSON.stringify(value)
}

const FLOAT_DIGITS_MIN = 6
const FLOAT_DIGITS_MAX = 10

const DAY_MS = 86_400_000
const SECOND_MS = 1_000

function logical(type: AvroType, kind: Logical): Write {
  const whole = (reader: AvroReader): number | bigint => (type.kind === 'int' ? reader.int() : reader.long())
  switch (kind.name) {
    case 'uuid':
      return PRIMITIVES.string
    case 'date':
      return (reader) => `"${iso(reader.int() * DAY_MS).slice(0, -'T00:00:00.000Z'.length)}"`
    case 'timestamp':
      return (reader) => `"${instant(BigInt(reader.long()), kind.digits)}"`
    case 'time':
      return (reader) => `"${timeOfDay(whole(reader), kind.digits)}"`
    case 'decimal':
      return (reader) => `"${decimal(reader.take(type.kind === 'fixed' ? type.size : reader.count()), kind.scale)}"`
  }
}

/** What lies beyond the calendar of JavaScript is no time of anyone's. */
function iso(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) throw new Undecodable()
  return date.toISOString()
}

function instant(units: bigint, digits: 3 | 6): string {
  const perSecond = 10n ** BigInt(digits)
  const fraction = ((units % perSecond) + perSecond) % perSecond
  const seconds = Number((units - fraction) / perSecond)
  return `${iso(seconds * SECOND_MS).slice(0, -'.000Z'.length)}.${String(fraction).padStart(digits, '0')}Z`
}

function timeOfDay(units: number | bigint, digits: 3 | 6): string {
  const perSecond = 10 ** digits
  if (typeof units !== 'number' || units < 0 || units >= (DAY_MS / SECOND_MS) * perSecond) throw new Undecodable()
  const clock = iso(Math.floor(units / perSecond) * SECOND_MS).slice('1970-01-01T'.length, -'.000Z'.length)
  return `${clock}.${String(units % perSecond).padStart(digits, '0')}`
}

/** Two's complement, highest byte first; all its digits. */
function decimal(bytes: Buffer, scale: number): string {
  const unsigned = bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`)
  const value = BigInt.asIntN(8 * bytes.length, unsigned)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  const sign = value < 0n ? '-' : ''
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
