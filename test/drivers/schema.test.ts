import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileSchema, SchemaError } from '../../gateway/drivers/schema.ts'

const payload = { strict: false }
const own = { strict: true }

describe('schema', () => {
  it('a value that keeps the schema gives null, one that breaks it says where and why', () => {
    const validate = compileSchema(
      { type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } },
      payload,
    )
    assert.equal(validate({ a: ['x'] }), null)
    assert.deepEqual(validate({ a: ['x', 1] }), [
      { pointer: '/a/1', keyword: 'type', message: 'must be string', params: { type: 'string' } },
    ])
  })

  it('our own schemas tell every breach and take no unknown keyword, payloads may hold any', () => {
    const schema = { type: 'object', required: ['a', 'b'] }
    assert.equal(compileSchema(schema, own)({})?.length, 2)
    assert.equal(compileSchema(schema, payload)({})?.length, 1)
    assert.throws(() => compileSchema({ reqired: ['a'] }, own), isError('schema-invalid', /unknown keyword/))
    assert.equal(compileSchema({ 'x-note': 1, discriminator: 'a', format: 'our-own' }, payload)('x'), null)
  })

  it('formats are checked, and hostile texts cost them nothing', () => {
    const validate = compileSchema({ type: 'string', format: 'date-time' }, payload)
    assert.equal(validate('2026-11-22T15:00:00Z'), null)
    assert.equal(validate('yesterday')?.[0]?.keyword, 'format')
    const hostile = [
      'a'.repeat(300_000),
      `http://${'a@'.repeat(150_000)}`,
      ':'.repeat(300_000),
      '/%'.repeat(150_000),
      `1.${'1'.repeat(300_000)}`,
    ]
    for (const format of [
      'email',
      'uri',
      'url',
      'uri-reference',
      'uri-template',
      'hostname',
      'ipv6',
      'duration',
      'json-pointer',
      'byte',
    ]) {
      const check = compileSchema({ type: 'string', format }, payload)
      for (const text of hostile) assertQuick(() => void check(text))
    }
  })

  it('each pattern of a schema is its own', () => {
    const properties = { a: { pattern: '^a' }, b: { pattern: '^b' } }
    const validate = compileSchema({ properties, patternProperties: { '^x-': { type: 'string' } } }, payload)
    assert.equal(validate({ a: 'a', b: 'b', 'x-y': '1' }), null)
    assert.equal(validate({ a: 'a', b: 'a' })?.[0]?.pointer, '/b')
    assert.equal(validate({ 'x-y': 1 })?.[0]?.pointer, '/x-y')
  })

  it('a pattern that needs backtracking is a fault of the schema', () => {
    assert.throws(() => compileSchema({ pattern: '(?=a)b' }, payload), isError('unsafe-pattern', /ahead or behind/))
  })

  it('nothing is fetched: a reference out of the schema is a fault', () => {
    assert.throws(() => compileSchema({ $ref: 'http://127.0.0.1:9/x' }, payload), isError('schema-invalid', /resolve/))
    assert.throws(() => compileSchema({ type: 'strng' }, payload), isError('schema-invalid', /type/))
  })

  it("one id in two schemas stands in nobody's way", () => {
    assert.equal(compileSchema({ $id: 'urn:weir:x', type: 'string' }, payload)('a'), null)
    assert.equal(compileSchema({ $id: 'urn:weir:x', type: 'number' }, payload)(1), null)
  })

  it('data too deep for a recursive schema is a breach, not a crash', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/definitions/node' } } }
    const validate = compileSchema({ $ref: '#/definitions/node', definitions: { node } }, payload)
    let value = {}
    for (let i = 0; i < 200_000; i++) value = { next: value }
    assert.equal(validate(value)?.[0]?.keyword, 'depth')
    assert.equal(validate({ next: { next: {} } }), null)
  })

  it('what objects inherit satisfies no requirement', () => {
    const validate = compileSchema({ type: 'object', required: ['toString'] }, payload)
    assert.equal(validate({})?.[0]?.keyword, 'required')
  })
})

function isError(code: SchemaError['code'], message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof SchemaError && error.code === code && message.test(error.message)
}

/** Generous, since the machine may be busy; backtracking over these texts takes minutes. */
function assertQuick(run: () => void): void {
  const { user } = process.cpuUsage()
  run()
  const ms = process.cpuUsage().user / 1000 - user / 1000
  assert.ok(ms < 500, `took ${ms} ms of CPU`)
}
