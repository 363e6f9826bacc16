import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fieldsOf } from '../../gateway/portal/fields.ts'
import type { FilterField, JsonSchema } from '../../gateway/catalog/plan.ts'

describe('fields of a stream', () => {
  const list = (schema: JsonSchema, filterable: readonly FilterField[] = []) => fieldsOf({ schema, filterable }).list
  const types = (schema: JsonSchema) => Object.fromEntries(list(schema).map(({ name, type }) => [name, type]))

  it('each member has its place, type, words, bounds, example, and whether one may filter by it', () => {
    const magnitude = {
      type: ['number', 'null'],
      'x-unit': 'Mw',
      description: 'Size.',
      minimum: -0.5,
      maximum: 1000,
      examples: [null, 6.4],
    }
    const schema = { type: 'object', required: ['magnitude'], properties: { magnitude, note: {} } }
    assert.deepEqual(list(schema, [{ name: 'magnitude', path: ['magnitude'], type: 'number' }]), [
      {
        name: 'magnitude',
        type: 'number or null',
        unit: 'Mw',
        description: 'Size.',
        rules: ['-0.5 to 1,000'],
        example: '6.4',
        required: true,
        filterable: true,
      },
      {
        name: 'note',
        type: 'any',
        unit: null,
        description: null,
        rules: [],
        example: null,
        required: false,
        filterable: false,
      },
    ])
  })

  it('members of members, of lists, behind references, of parts and of variants have their paths', () => {
    const schema = {
      allOf: [{ properties: { a: { type: 'object', properties: { b: { type: 'integer' } } } } }],
      anyOf: [{ properties: { c: { $ref: '#/definitions/C' } } }, { properties: { d: { const: 'x' } } }],
      properties: {
        list: { type: 'array', items: { type: 'object', properties: { e: { format: 'date', type: 'string' } } } },
      },
      definitions: { C: { type: 'object', properties: { f: { enum: ['x', 'y', null] } } } },
    }
    assert.deepEqual(types(schema), {
      list: 'list of object',
      'list[].e': 'date',
      a: 'object',
      'a.b': 'integer',
      c: 'object',
      'c.f': 'string or null',
      d: 'string',
    })
  })

  it('a member of one variant alone is optional, and one that is always there is not', () => {
    const schema = {
      required: ['both'],
      properties: { both: {} },
      oneOf: [{ required: ['one'], properties: { one: {} } }],
    }
    assert.deepEqual(
      list(schema).map(({ name, required }) => [name, required]),
      [
        ['both', true],
        ['one', false],
      ],
    )
  })

  it('a reference’s own words beat those of what it refers to', () => {
    const schema = {
      properties: { a: { allOf: [{ $ref: '#/definitions/A' }], description: 'mine' } },
      definitions: { A: { type: 'string', description: 'theirs', maxLength: 3 } },
    }
    assert.deepEqual(
      list(schema).map(({ type, description, rules }) => [type, description, rules]),
      [['string', 'mine', ['at most 3 characters']]],
    )
  })

  it('a schema within itself ends where it begins again', () => {
    const schema = {
      properties: { name: { type: 'string' }, child: { $ref: '#' }, list: { type: 'array', items: { $ref: '#' } } },
    }
    assert.deepEqual(Object.keys(types(schema)), ['name', 'child', 'list'])
    assert.deepEqual(list({ $ref: '#' }), [])
    assert.deepEqual(
      list({ properties: { a: { $ref: '#/definitions/__proto__' }, b: { $ref: 'http://x' } } }).length,
      2,
    )
  })

  it('many, deep and widely shared members are bounded, and that there are more is told', () => {
    const wide = { properties: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`m${i}`, {}])) }
    const bounded = fieldsOf({ schema: wide, filterable: [] })
    assert.deepEqual([bounded.list.length, bounded.more], [300, true])
    let deep: JsonSchema = {}
    for (let i = 0; i < 50; i++) deep = { properties: { d: deep } }
    assert.equal(fieldsOf({ schema: deep, filterable: [] }).more, true)
    const shared: { [name: string]: JsonSchema } = { s0: {} }
    for (let i = 1; i < 30; i++) {
      const ref = { $ref: `#/definitions/s${i - 1}` }
      shared[`s${i}`] = { anyOf: Array.from({ length: 20 }, () => ref), properties: { a: ref, b: ref } }
    }
    const began = process.cpuUsage()
    const bomb = fieldsOf({ schema: { $ref: '#/definitions/s29', definitions: shared }, filterable: [] })
    const { user } = process.cpuUsage(began)
    assert.ok(bomb.more)
    assert.ok(user < 500_000, `${user} µs`)
  })

  it('long values and many choices are cut', () => {
    const { rules, example } = list({
      properties: { a: { enum: Array.from({ length: 100 }, (_, i) => i), examples: ['x'.repeat(1_000)] } },
    })[0] ?? { rules: [], example: '' }
    assert.deepEqual(rules, ['one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 88 more'])
    assert.equal(example?.length, 61)
  })
})
