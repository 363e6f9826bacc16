import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileSchema } from '../../../gateway/drivers/schema.ts'
import { jsonDecoder } from '../../../gateway/source/decode/json.ts'
import { NO_HEADERS, type Record } from '../../../gateway/stream/record.ts'

const BYTES_MAX = 1024

describe('JSON payloads', () => {
  const recordOf = (value: Uint8Array | null): Record => ({
    partition: 0,
    offset: 0,
    time: 0,
    key: null,
    value,
    headers: NO_HEADERS,
  })
  const check = compileSchema(
    { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    { strict: false },
  )
  const decode = (value: Uint8Array | string | null, decoder = jsonDecoder(null, BYTES_MAX)): string => {
    const payload = decoder(recordOf(typeof value === 'string' ? Buffer.from(value) : value))
    return 'invalid' in payload ? `invalid: ${payload.invalid}` : Buffer.from(payload.json).toString('utf8')
  }

  it('arrive as they were produced: numbers, order of keys, white space, escapes', () => {
    for (const text of [
      '{"b":1.0,"a":12345678901234567890,"b":2}',
      ' [ 1e400 ,\t-0 ] ',
      '"\\u2028\\ud800"',
      'null',
      'true',
    ])
      assert.equal(decode(text), text)
  })

  it('line breaks between tokens become spaces, one for one; the produced bytes are not changed', () => {
    const value = Buffer.from('{\r\n"a":\n"b\\n"\r}')
    assert.equal(decode(value), '{  "a": "b\\n" }')
    assert.equal(value.toString(), '{\r\n"a":\n"b\\n"\r}')
  })

  it('whatever is valid JSON stays the same value on one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', '\n', '\r\n\t'), (value, gap) => {
        const text = JSON.stringify(value, null, gap.replace('\r\n', '\n'))
        const found = decode(text, jsonDecoder(null, 1 << 20))
        assert.doesNotMatch(found, /[\r\n]/)
        assert.deepEqual(JSON.parse(found), JSON.parse(text))
      }),
    )
  })

  it('a tombstone is null and breaks no schema', () =>
    assert.equal(decode(null, jsonDecoder(check, BYTES_MAX)), 'null'))

  it('what cannot be sent says why, and the first reason counts', () => {
    const decoder = jsonDecoder(check, BYTES_MAX)
    for (const [value, reason] of [
      ['', 'not-json'],
      ['{"n":1', 'not-json'],
      ['{"n":1} {"n":2}', 'not-json'],
      ['{"n":NaN}', 'not-json'],
      ['"\n"', 'not-json'],
      ['"\0"', 'not-json'],
      ['\ufeff{"n":1}', 'not-json'],
      [Buffer.from([0x22, 0xff, 0x22]), 'not-utf8'],
      [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not-utf8'],
      [Buffer.from([0xff, 0x7b]), 'not-utf8'],
      ['{}', 'schema'],
      ['{"n":"1"}', 'schema'],
      ['[]', 'schema'],
      [Buffer.alloc(BYTES_MAX + 1, 0xff), 'too-big'],
    ] as const) {
      assert.equal(decode(value, decoder), `invalid: ${reason}`, JSON.stringify(value))
    }
  })

  it('a value of just the size that is allowed is allowed', () => {
    const text = `"${'x'.repeat(BYTES_MAX - 2)}"`
    assert.equal(decode(text), text)
    assert.equal(decode(`"${'x'.repeat(BYTES_MAX - 1)}"`), 'invalid: too-big')
  })

  it('nesting without measure is refused or passed, never thrown', () => {
    const deep = compileSchema(
      {
        $ref: '#/definitions/node',
        definitions: { node: { type: ['object', 'array'], items: { $ref: '#/definitions/node' } } },
      },
      { strict: false },
    )
    const text = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    for (const decoder of [jsonDecoder(null, 1 << 20), jsonDecoder(deep, 1 << 20)])
      assert.match(decode(text, decoder), /^(\[|invalid: )/)
  })
})
