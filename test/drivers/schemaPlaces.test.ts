import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ANY_KIND, KIND, SchemaPlaces, type Said } from '../../gateway/drivers/schemaPlaces.ts'

const STRING = KIND.text | KIND.time
const NUMBER = KIND.integer | KIND.fraction
const of = (kinds: number): Said => ({ says: 'kinds', kinds })
const ANYTHING = of(ANY_KIND)

describe('schema places', () => {
  it('the kinds of a place are what type, format, enum and const leave', () => {
    const kinds: readonly (readonly [schema: object, kinds: number])[] = [
      [{ type: 'string' }, STRING],
      [{ type: 'string', format: 'date-time' }, KIND.time],
      [{ type: 'string', format: 'date' }, STRING],
      [{ type: ['integer', 'null'] }, KIND.integer | KIND.null],
      [{ type: 'number' }, NUMBER],
      [{ enum: ['a', null] }, STRING | KIND.null],
      [{ enum: [1, 2.5] }, NUMBER],
      [{ const: 3 }, KIND.integer],
      [{ const: true }, KIND.boolean],
      [{ type: ['string', 'number'], enum: ['a', 'b'] }, STRING],
      [{ type: 'string', format: 'date-time', enum: ['2026-01-01T00:00:00Z'] }, KIND.time],
      [{ allOf: [{ type: 'string' }, { format: 'date-time' }] }, KIND.time],
      [{ allOf: [{ type: 'number' }, { type: ['integer', 'string'] }] }, KIND.integer],
      [{ anyOf: [{ type: 'integer' }, { type: 'number' }] }, NUMBER],
      [{ oneOf: [{ type: 'string' }, { type: 'null' }] }, STRING | KIND.null],
      [{ type: 'string', anyOf: [{ minLength: 1 }, { maxLength: 2 }] }, STRING],
      [decided({ type: 'integer' }, { type: 'string' }), STRING | KIND.integer],
      [decided({ type: 'integer' }), ANY_KIND],
      [{ $ref: '#/definitions/text', type: 'number' }, STRING],
      [{ $ref: '#/definitions/nowhere' }, ANY_KIND],
      [{}, ANY_KIND],
    ]
    for (const [schema, expected] of kinds) {
      const root = { properties: { a: schema }, definitions: { text: { type: 'string' } } }
      assert.deepEqual(at(root, 'a'), of(expected), JSON.stringify(schema))
    }
  })

  it('a described member is there, whichever part of the schema describes it', () => {
    const x = { properties: { x: { type: 'boolean' } } }
    const roots = [
      x,
      { $ref: '#/definitions/x', definitions: { x } },
      { allOf: [{ properties: { y: {} } }, x] },
      { properties: { y: {} }, allOf: [{ required: ['y'] }, { anyOf: [x, { properties: { z: {} } }] }] },
      { properties: { y: {} }, anyOf: [{ required: ['x'] }], ...decided(x) },
      { patternProperties: { '^x': { type: 'boolean' } } },
      { properties: { y: {} }, additionalProperties: { type: 'boolean' } },
      { anyOf: [{ type: 'null' }, x, { type: 'object' }] },
    ]
    for (const root of roots) assert.deepEqual(at(root, 'x'), of(KIND.boolean), JSON.stringify(root))
  })

  it('what is not described is absent where members are described or closed, and open where nothing is said', () => {
    const known = { properties: { a: {}, b: {} } }
    assert.deepEqual(at(known, 'x'), { says: 'absent', at: 0, known: ['a', 'b'] })
    assert.deepEqual(at({ properties: { a: known } }, 'a.x.y'), { says: 'absent', at: 1, known: ['a', 'b'] })
    assert.deepEqual(at({ allOf: [known, { properties: { c: {} } }] }, 'x'), {
      says: 'absent',
      at: 0,
      known: ['a', 'b', 'c'],
    })
    assert.deepEqual(at({ additionalProperties: false }, 'x'), { says: 'absent', at: 0, known: [] })
    assert.deepEqual(at({ properties: { a: { type: 'string' } } }, 'a.x'), { says: 'absent', at: 1, known: [] })
    assert.deepEqual(at({ patternProperties: { '^a': {} } }, 'x'), { says: 'absent', at: 0, known: [] })
    assert.deepEqual(at({ type: 'object' }, 'x'), { says: 'nothing', at: 0 })
    assert.deepEqual(at(known, 'a.x'), { says: 'nothing', at: 1 })
    assert.deepEqual(at({ anyOf: [known, { type: 'object' }] }, 'x'), { says: 'nothing', at: 0 })
    assert.deepEqual(at({ allOf: [known, { type: 'object' }] }, 'x'), { says: 'absent', at: 0, known: ['a', 'b'] })
    assert.deepEqual(at({ properties: { a: {} }, allOf: [{ properties: { b: {} } }] }, 'a.x'), {
      says: 'nothing',
      at: 1,
    })
    assert.deepEqual(at({ ...known, additionalProperties: true }, 'x.y'), ANYTHING)
    assert.deepEqual(at({ ...known, additionalProperties: {} }, 'x.y'), ANYTHING)
    assert.deepEqual(at(true, 'x'), { says: 'nothing', at: 0 })
  })

  it('names that objects inherit are described by nobody', () => {
    assert.deepEqual(at({ properties: {} }, 'constructor'), { says: 'absent', at: 0, known: [] })
    const odd = JSON.parse('{"properties":{"__proto__":{"type":"null"}}}') as object
    assert.deepEqual(at(odd, '__proto__'), of(KIND.null))
    assert.deepEqual(at({ properties: { a: { $ref: '#/constructor' } } }, 'a'), ANYTHING)
  })

  it('below an array there are its elements, or that is told, as asked', () => {
    const x = { properties: { x: { type: 'integer' } } }
    const arrays = [
      { type: 'array', items: x },
      { items: [{}, x] },
      { items: [], additionalItems: x },
      { items: { items: x } },
    ]
    for (const array of arrays) {
      assert.deepEqual(at({ properties: { a: array } }, 'a.x'), of(KIND.integer), JSON.stringify(array))
      assert.deepEqual(at({ properties: { a: array } }, 'a.x', 'stop'), { says: 'array', at: 1 })
    }
    assert.deepEqual(at({ type: 'array', items: x }, 'y'), { says: 'absent', at: 0, known: ['x'] })
    assert.deepEqual(at({ type: ['array', 'object'], ...x }, 'x', 'stop'), { says: 'array', at: 0 })
    assert.deepEqual(at(x, 'x', 'stop'), of(KIND.integer))
  })

  it('schemas that come back to themselves are walked once', () => {
    const tree = {
      type: 'object',
      properties: { v: { type: 'string' }, next: { $ref: '#' } },
      additionalProperties: false,
    }
    assert.deepEqual(at(tree, 'next.next.next.v'), of(STRING))
    assert.deepEqual(at(tree, 'next.next.w'), { says: 'absent', at: 2, known: ['v', 'next'] })
    const circle = {
      anyOf: [{ $ref: '#' }, { type: 'array', items: { $ref: '#' } }, { properties: { v: { type: 'string' } } }],
    }
    assert.deepEqual(at(circle, 'v'), of(STRING))
    const text = { anyOf: [{ type: 'string' }, { $ref: '#/definitions/text' }] }
    assert.deepEqual(at({ properties: { v: text }, definitions: { text } }, 'v'), of(STRING))
    assert.deepEqual(at({ $ref: '#' }, 'v'), { says: 'nothing', at: 0 })
  })

  it('the most branched and most nested schemas cost bounded time and no stack', () => {
    const branches = Array.from({ length: 5_000 }, () => ({ properties: { x: { $ref: '#' } } }))
    let nested: object = { properties: { x: { $ref: '#' } } }
    for (let i = 0; i < 3_000; i++) nested = { allOf: [nested] }
    const path = Array.from({ length: 100 }, () => 'x').join('.')
    for (const root of [{ anyOf: branches }, nested]) {
      const ms = quickestMs(() => {
        const places = new SchemaPlaces(root)
        for (let i = 0; i < 100; i++) assert.notEqual(places.at(path.split('.'), 'through').says, 'absent')
      })
      assert.ok(ms < 500, `${ms} ms`)
    }
  })
})

function at(root: object | boolean, path: string, arrays: 'through' | 'stop' = 'through'): Said {
  return new SchemaPlaces(root).at(path.split('.'), arrays)
}

function decided(whenTrue: object, otherwise?: object): object {
  const branches = new Map<string, object>([
    ['if', { const: 1 }],
    ['then', whenTrue],
  ])
  if (otherwise) branches.set('else', otherwise)
  return Object.fromEntries(branches)
}

/** CPU of the quickest of five runs, ms: what else the machine does only ever adds. */
function quickestMs(run: () => void): number {
  const runs = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1_000
  })
  return Math.min(...runs)
}
