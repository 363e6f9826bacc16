import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keptOf, project, type Kept } from '../../gateway/stream/projection.ts'

describe('projection', () => {
  it('keeps the members at the paths, in their order, and all below them', () => {
    const json = '{"id":1,"geometry":{"type":"Point","coordinates":[1,2]},"c":{"d":{"e":[]}}}'
    assert.equal(projected(json, 'geometry.coordinates,id'), '{"id":1,"geometry":{"coordinates":[1,2]}}')
    assert.equal(projected(json, 'c'), '{"c":{"d":{"e":[]}}}')
    assert.equal(projected(json, 'nowhere'), '{}')
    assert.equal(projected(json, 'geometry,geometry.type'), '{"geometry":{"type":"Point","coordinates":[1,2]}}')
    assert.equal(projected(json, 'geometry.type,geometry'), '{"geometry":{"type":"Point","coordinates":[1,2]}}')
  })

  it('sees through arrays, and says null where a path goes on but the value has no members', () => {
    assert.equal(projected('[{"a":1,"b":2},[{"a":3}],4,null]', 'a'), '[{"a":1},[{"a":3}],null,null]')
    assert.equal(projected('{"a":5,"b":null,"c":"x"}', 'a.x,b.x,c.x'), '{"a":null,"b":null,"c":null}')
    assert.equal(projected(' null ', 'a'), 'null')
    assert.equal(projected('true', 'a'), 'null')
  })

  it('numbers and strings survive letter by letter', () => {
    const json = '{"a":[9007199254740993, 1.50e+02 ,-0],"b":"\\u0041\\/é","c":1E400}'
    assert.equal(projected(json, 'a,b,c'), '{"a":[9007199254740993, 1.50e+02 ,-0],"b":"\\u0041\\/é","c":1E400}')
  })

  it('a member is known by what its name means, not by how it is spelt, and any name is only a name', () => {
    assert.equal(projected('{"\\u0061\\"":1,"b":2}', 'a"'), '{"\\u0061\\"":1}')
    assert.equal(projected('{"é":1,"😀":2}', '😀'), '{"😀":2}')
    assert.equal(projected('{"__proto__":{"a":1},"constructor":2}', 'toString'), '{}')
    assert.equal(projected('{"__proto__":{"a":1,"b":2}}', '__proto__.a'), '{"__proto__":{"a":1}}')
  })

  it('a member that comes twice comes twice', () => {
    assert.equal(projected('{"a":1,"b":0,"a":{"x":2}}', 'a'), '{"a":1,"a":{"x":2}}')
    assert.equal(projected('{"a":1,"a":{"x":2,"y":3}}', 'a.x'), '{"a":null,"a":{"x":2}}')
  })

  it('gives what selecting from the parsed text gives, and what is kept letter by letter', () => {
    fc.assert(
      fc.property(texts, paths, (text, paths) => {
        const kept = keptOf(paths)
        const result = Buffer.from(project(Buffer.from(text.written), kept)).toString()
        assert.equal(result, select(text, kept))
        assert.deepEqual(JSON.parse(result), chosen(JSON.parse(text.written), kept))
      }),
      { numRuns: 2_000 },
    )
  })

  it('a hundred thousand levels cost no stack, whether they are kept, left out or gone through', () => {
    const deep = (open: string, close: string): string => open.repeat(100_000) + close.repeat(100_000)
    const arrays = deep('[', ']')
    const objects = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    assert.equal(projected(`{"a":${arrays},"b":1}`, 'b'), '{"b":1}')
    assert.equal(projected(`{"a":${objects},"b":1}`, 'a'), `{"a":${objects}}`)
    assert.equal(projected(arrays, 'a'), arrays)
    assert.equal(projected(`{"a":${arrays}}`, 'a.b'), `{"a":${arrays}}`)
  })

  it('a result that is longer than the payload is whole', () => {
    const ones = `[${'1,'.repeat(9_999)}1]`
    assert.equal(projected(ones, 'a'), `[${'null,'.repeat(9_999)}null]`)
  })

  it('text that is cut off is a fault, not an endless loop', () => {
    for (const text of ['{', '[1', '{"a"', '{"a":', '[{"a":[', '{"a":"x']) {
      let result = ''
      const run = (): void => void (result = projected(text, 'a.b'))
      assert.throws(run, RangeError, `${text} → ${result}`)
    }
  })
})

function projected(json: string, fields: string): string {
  const kept = keptOf(fields.split(',').map((path) => path.split('.')))
  return Buffer.from(project(Buffer.from(json), kept)).toString()
}

/** JSON as somebody wrote it: the text, and its parts where there are any. */
type Text =
  | { readonly written: string; readonly elements: readonly Text[] }
  | { readonly written: string; readonly members: readonly (readonly [key: Key, value: Text])[] }
  | { readonly written: string }
interface Key {
  readonly name: string
  readonly written: string
}

const NAMES = ['a', 'b', 'c', '', 'é"', '\\', '__proto__', '}']
const blank = fc.constantFrom('', '', '', ' ', '\t ', '  ')
const keys: fc.Arbitrary<Key> = fc.tuple(fc.constantFrom(...NAMES), fc.boolean()).map(([name, escaped]) => ({
  name,
  written: escaped
    ? `"${name
        .split('')
        .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('')}"`
    : JSON.stringify(name),
}))
const numbers = fc.constantFrom(
  '0',
  '-0',
  '1.50',
  '1e5',
  '2E+03',
  '9007199254740993',
  '-1.0e-7',
  '123456789012345678901234567890',
)
const strings = fc.oneof(
  fc.string().map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\"]}"', '"\\\\"', '"\\u005c"', '"{[,:"', '"\\\\\\""', '"\\/"'),
)
const { texts } = fc.letrec<{ texts: Text }>((tie) => ({
  texts: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.oneof(numbers, strings, fc.constantFrom('true', 'false', 'null')).map((written) => ({ written })),
    fc.tuple(fc.array(fc.tuple(blank, tie('texts'), blank), { maxLength: 4 }), blank).map(([parts, empty]) => ({
      written: `[${parts.length === 0 ? empty : parts.map(([before, { written }, after]) => before + written + after).join()}]`,
      elements: parts.map(([, value]) => value),
    })),
    fc
      .tuple(fc.array(fc.tuple(blank, keys, blank, blank, tie('texts'), blank), { maxLength: 5 }), blank)
      .map(([parts, empty]) => ({
        written: `{${parts.length === 0 ? empty : parts.map(([a, key, b, c, value, d]) => a + key.written + b + ':' + c + value.written + d).join()}}`,
        members: parts.map(([, key, , , value]) => [key, value] as const),
      })),
  ),
}))
const paths = fc.array(fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 5,
})

/** The expected text. */
function select(text: Text, kept: Kept | true): string {
  if (kept === true) return text.written
  if ('elements' in text) return `[${text.elements.map((element) => select(element, kept)).join()}]`
  if (!('members' in text)) return 'null'
  const members = text.members.flatMap(([key, value]) => {
    const below = kept.members.get(key.name)
    return below === undefined ? [] : [`${key.written}:${select(value, below)}`]
  })
  return `{${members.join()}}`
}

/** The expected value. */
function chosen(value: unknown, kept: Kept | true): unknown {
  if (kept === true) return value
  if (Array.isArray(value)) return value.map((element) => chosen(element, kept))
  if (typeof value !== 'object' || value === null) return null
  const members = Object.entries(value).filter(([name]) => kept.members.has(name))
  return Object.fromEntries(
    members.map(([name, member]) => [name, chosen(member, kept.members.get(name) as Kept | true)]),
  )
}
