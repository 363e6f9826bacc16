import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import avsc, { type Schema } from 'avsc'
import fc from 'fast-check'
import { jsonSchemaOf } from '../../../gateway/catalog/avroSchema.ts'
import { parseAvro } from '../../../gateway/drivers/avro/parse.ts'
import { AvroError } from '../../../gateway/drivers/avro/type.ts'
import { compileSchema } from '../../../gateway/drivers/schema.ts'
import { avroDecoder, type AvroFraming } from '../../../gateway/source/decode/avro.ts'
import { NO_HEADERS } from '../../../gateway/stream/record.ts'

const BYTES_MAX = 64 * 1024

describe('Avro payloads', () => {
  const decoded = (
    schema: unknown,
    value: Uint8Array | null,
    framing: AvroFraming = 'plain',
    bytesMax = BYTES_MAX,
  ): string => {
    const payload = avroDecoder(
      parseAvro(schema),
      framing,
      bytesMax,
    )({ partition: 0, offset: 0, time: 0, key: null, value, headers: NO_HEADERS })
    return 'invalid' in payload ? `invalid: ${payload.invalid}` : Buffer.from(payload.json).toString('utf8')
  }
  const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
  const FLIGHT = {
    type: 'record',
    name: 'Flight',
    namespace: 'air',
    doc: 'One flight.',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'delay', type: ['null', 'int'], default: null },
      { name: 'state', type: { type: 'enum', name: 'State', symbols: ['ON_TIME', 'LATE'] } },
      {
        name: 'legs',
        type: { type: 'array', items: { type: 'record', name: 'Leg', fields: [{ name: 'to', type: 'string' }] } },
      },
      { name: 'codes', type: { type: 'map', values: 'long' } },
      { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 2 } },
      { name: 'next', type: ['null', 'Flight'], default: null },
    ],
  }

  it('become JSON: unions are their value, bytes are base64, a record within itself goes on', () => {
    const value = {
      ...{
        id: 'a"\n',
        delay: { int: -3 },
        state: 'LATE',
        legs: [{ to: 'SFO' }, { to: 'JFK' }],
        codes: { x: 7 },
        hash: hex('00ff'),
      },
      next: {
        'air.Flight': { id: 'b', delay: null, state: 'ON_TIME', legs: [], codes: {}, hash: hex('0000'), next: null },
      },
    }
    const bytes = avsc.Type.forSchema(FLIGHT as Schema, { wrapUnions: true }).toBuffer(value)
    assert.equal(
      decoded(FLIGHT, bytes),
      '{"id":"a\\"\\n","delay":-3,"state":"LATE","legs":[{"to":"SFO"},{"to":"JFK"}],"codes":{"x":7},"hash":"AP8=",' +
        '"next":{"id":"b","delay":null,"state":"ON_TIME","legs":[],"codes":{},"hash":"AAA=","next":null}}',
    )
  })

  it('whole numbers keep all their digits, to the ends of 64 bits', () => {
    for (const [bytes, text] of [
      ['00', '0'],
      ['01', '-1'],
      ['feffffffffffff1f', '9007199254740991'],
      ['80808080808080 20', '9007199254740992'],
      ['feffffffffffffffff01', '9223372036854775807'],
      ['ffffffffffffffffff01', '-9223372036854775808'],
    ] as const)
      assert.equal(decoded('long', hex(bytes)), text, bytes)
    assert.equal(decoded('long', hex('ffffffffffffffffff7f')), 'invalid: undecodable')
    assert.equal(decoded('int', hex('8080808010')), 'invalid: undecodable')
  })

  it('a float is written as short as it can be, and what JSON cannot say is null', () => {
    const float = (value: number): Buffer => {
      const bytes = Buffer.alloc(4)
      bytes.writeFloatLE(value)
      return bytes
    }
    for (const [value, text] of [
      [0.1, '0.1'],
      [16_777_217, '16777216'],
      [-0.25, '-0.25'],
      [Number.NaN, 'null'],
      [Infinity, 'null'],
    ] as const)
      assert.equal(decoded('float', float(value)), text)
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (value) => Math.fround(JSON.parse(decoded('float', float(value))) as number) === value,
      ),
    )
  })

  it('logical types have the forms that people read, times with all their digits', () => {
    const long = (value: bigint): Buffer => {
      let rest = (value << 1n) ^ (value >> 63n)
      const bytes: number[] = []
      for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
      return Buffer.from([...bytes, Number(rest)])
    }
    for (const [type, logicalType, bytes, text] of [
      ['int', 'date', long(19_000n), '"2022-01-08"'],
      ['int', 'date', long(-1n), '"1969-12-31"'],
      ['long', 'timestamp-millis', long(1_000n), '"1970-01-01T00:00:01.000Z"'],
      ['long', 'timestamp-millis', long(-1n), '"1969-12-31T23:59:59.999Z"'],
      ['long', 'timestamp-micros', long(1_517_363_399_650_123n), '"2018-01-31T01:49:59.650123Z"'],
      ['int', 'time-millis', long(3_723_004n), '"01:02:03.004"'],
      ['long', 'time-micros', long(86_399_999_999n), '"23:59:59.999999"'],
      ['string', 'uuid', Buffer.from('\u00021', 'latin1'), '"1"'],
    ] as const)
      assert.equal(decoded({ type, logicalType }, bytes), text)
    const decimal = { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 }
    for (const [bytes, text] of [
      ['04 ff85', '"-1.23"'],
      ['02 05', '"0.05"'],
      ['00', '"0.00"'],
      ['04 3039', '"123.45"'],
      ['04 30', 'invalid: undecodable'],
    ] as const)
      assert.equal(decoded(decimal, hex(bytes)), text)
    assert.equal(
      decoded({ type: 'long', logicalType: 'timestamp-millis' }, long(9_000_000_000_000_000_000n)),
      'invalid: undecodable',
    )
    assert.equal(decoded({ type: 'int', logicalType: 'time-millis' }, long(86_400_000n)), 'invalid: undecodable')
  })

  it('a tombstone is null; one larger than allowed, written or read, is too big', () => {
    assert.equal(decoded('string', null), 'null')
    assert.equal(decoded('bytes', Buffer.concat([hex('c801'), Buffer.alloc(100)]), 'plain', 101), 'invalid: too-big')
    assert.equal(decoded('bytes', Buffer.concat([hex('c801'), Buffer.alloc(100)]), 'plain', 110), 'invalid: too-big')
    assert.equal(decoded('bytes', Buffer.concat([hex('c801'), Buffer.alloc(100)]), 'plain', 200).length, 138)
  })

  it('behind an id of the schema they are read, and without one they are not', () => {
    assert.equal(decoded('int', hex('00 00000007 04'), 'confluent'), '2')
    assert.equal(decoded('int', hex('04'), 'confluent'), 'invalid: undecodable')
    assert.equal(decoded('int', hex('00 000000'), 'confluent'), 'invalid: undecodable')
  })

  it('what another encoder wrote comes out as it went in, and as its JSON Schema says', () => {
    fc.assert(
      fc.property(fc.letrec(arbitrary)['any'] as fc.Arbitrary<Schema>, (anonymous) => {
        const schema = { type: 'record', name: 'Root', fields: [{ name: 'value', type: anonymous }] } as Schema
        const type = avsc.Type.forSchema(structuredClone(schema), { wrapUnions: true })
        const check = compileSchema(jsonSchemaOf(parseAvro(schema)), { strict: false })
        for (let i = 0; i < 5; i++) {
          const value = type.random()
          const found: unknown = JSON.parse(decoded(schema, type.toBuffer(value), 'plain', 1 << 24))
          assert.deepEqual(found, JSON.parse(JSON.stringify(plain(value))))
          assert.deepEqual(check(found), null)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('damaged bytes never throw, never take long, and never give more than they hold', () => {
    const type = avsc.Type.forSchema(FLIGHT as Schema, { wrapUnions: true })
    const decode = avroDecoder(parseAvro(FLIGHT), 'plain', BYTES_MAX)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.nat(),
        (changes, cut) => {
          const bytes = Buffer.from(type.toBuffer(type.random()))
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          const value = bytes.subarray(0, bytes.length - (cut % bytes.length))
          const began = performance.now()
          const payload = decode({ partition: 0, offset: 0, time: 0, key: null, value, headers: NO_HEADERS })
          assert.ok('invalid' in payload || typeof JSON.parse(Buffer.from(payload.json).toString()) === 'object')
          assert.ok(performance.now() - began < 1_000)
        },
      ),
      { numRuns: 2_000 },
    )
    assert.equal(decoded({ type: 'array', items: 'int' }, hex('feffffffffffffffff01')), 'invalid: undecodable')
    assert.equal(decoded(FLIGHT, Buffer.from('{"id":"this is JSON"}')), 'invalid: undecodable')
    assert.equal(decoded('int', hex('0404')), 'invalid: undecodable')
    const list = { type: 'record', name: 'L', fields: [{ name: 'n', type: ['null', 'L'] }] }
    assert.equal(decoded(list, Buffer.concat([Buffer.alloc(5_000, 2), hex('00')])), 'invalid: undecodable')
  })

  it('a schema that cannot be used is refused in words', () => {
    for (const [schema, words] of [
      [{ type: 'record', name: 'A', fields: [{ name: 'b', type: 'Missing' }] }, /Missing/],
      [{ type: 'array', items: 'null' }, /take no bytes/],
      [{ type: 'enum', name: 'E', symbols: ['a', 'a'] }, /symbol/],
      [42, /./],
      [null, /./],
    ] as const)
      assert.throws(
        () => parseAvro(schema),
        (error) => error instanceof AvroError && words.test(error.message),
      )
  })
})

/** Names are unique in a schema; the library's random values do the rest. */
let names = 0
const arbitrary = (tie: fc.LetrecTypedTie<{ any: unknown; named: unknown }>) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'boolean', 'int', 'double', 'string', 'bytes'),
    tie('named'),
  ),
  named: fc.oneof(
    fc.array(tie('any'), { maxLength: 3 }).map((types) => ({
      type: 'record',
      name: `R${names++}`,
      fields: [{ name: 'first', type: 'string' }, ...types.map((type, i) => ({ name: `f${i}`, type }))],
    })),
    tie('any').map((items) => ({ type: 'array', items: items === 'null' ? 'int' : items })),
    tie('any').map((values) => ({ type: 'map', values })),
    fc.constantFrom('int', 'string', 'double', 'bytes').map((type) => ['null', type]),
  ),
})

/** As partners get it: unions unwrapped, bytes in base64. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const unwrapped = (value as { unwrap?: () => unknown }).unwrap
  const entries = Object.entries(value)
  if (typeof unwrapped === 'function' && entries.length === 1) return plain(entries[0]?.[1])
  return Object.fromEntries(entries.map(([name, member]) => [name, plain(member)]))
}
