import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseYaml } from '../../gateway/drivers/yaml.ts'

const REFUSED: readonly (readonly [what: string, text: string, message: RegExp, line: number])[] = [
  ['a duplicate key', 'a: 1\nb: 2\na: 3', /"a" is there twice/, 3],
  ['a number and a text that are one key in JSON', '1: a\n"1": b', /"1" is there twice/, 2],
  ['a tag of its own', 'a: 1\nb: !run x', /unresolved tag: !run/, 2],
  ['several documents', 'a: 1\n---\nb: 2', /several documents/, 2],
  ['an alias without an anchor', 'a: *b', /no anchor/, 1],
  ['an alias inside its own anchor', 'a: &a [*a]', /inside its own anchor/, 1],
  ['what is no number in JSON', 'a: .nan', /not a number in JSON/, 1],
  ['a list as a key', '? [1]\n: 2', /plain word or a string/, 1],
  ['a key named __proto__', 'a:\n  __proto__: {b: 1}', /__proto__/, 2],
  ['a broken text', 'a: [1', /flow sequence/, 1],
]

describe('yaml', () => {
  it('YAML 1.2 core and JSON with tabs become plain data', () => {
    assert.deepEqual(parseYaml('a: yes\nb: 012\nc: ~\nd: 2020-01-01\n200: x\n<<: y').value, {
      a: 'yes',
      b: 12,
      c: null,
      d: '2020-01-01',
      '200': 'x',
      '<<': 'y',
    })
    assert.deepEqual(parseYaml('{\n\t"a": [1,\n\t\t{"b": null}]\n}').value, { a: [1, { b: null }] })
    assert.equal(parseYaml('').value, null)
  })

  it('every place is found again by its path, through aliases too', () => {
    const yaml = parseYaml('a:\n  b: 1\n  c: [1,\n    x]\nd: &d\n  e: 2\nf: *d\n')
    assert.deepEqual(yaml.value, { a: { b: 1, c: [1, 'x'] }, d: { e: 2 }, f: { e: 2 } })
    const lines = [[], ['a'], ['a', 'c'], ['a', 'c', 1], ['f'], ['f', 'e']].map((path) => yaml.placeOf(path)?.line)
    assert.deepEqual(lines, [1, 1, 3, 4, 7, 6])
    assert.deepEqual(parseYaml('{"a": 1,\n  "b": [true, x]}').placeOf(['b', 1]), { line: 2, column: 15 })
    assert.equal(yaml.placeOf(['a', 'z']), null)
    assert.equal(yaml.placeOf(['a', 'b', 'c']), null)
  })

  for (const [what, text, message, line] of REFUSED) {
    it(`${what} is refused with its line`, () => {
      const { value, errors } = parseYaml(text)
      assert.equal(value, undefined)
      assert.match(errors[0]?.message ?? '', message)
      assert.equal(errors[0]?.line, line)
    })
  }

  it('an alias bomb is refused without being expanded', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${Array(10)
          .fill(i === 0 ? 'x' : `*a${i - 1}`)
          .join()}]`,
    )
    assert.match(parseYaml(levels.join('\n')).errors[0]?.message ?? '', /blow the text up/)
    assert.match(parseYaml(levels.join('\n'), { aliasesMax: 50 }).errors[0]?.message ?? '', /50 aliases/)
  })

  it('nesting of every kind is refused before anything recurses', () => {
    const nested = ['['.repeat(5000), '{a: '.repeat(5000), '- '.repeat(5000), '? '.repeat(5000)]
    nested.push(Array.from({ length: 1200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'))
    for (const text of nested) assert.match(parseYaml(text).errors[0]?.message ?? '', /deeper than the 200 levels/)
    assert.deepEqual(parseYaml('[[[1]]]', { depthMax: 3 }).errors, [])
    assert.equal(parseYaml('[[[[1]]]]', { depthMax: 3 }).errors.length, 1)
  })

  it('too many bytes and too many tokens are refused', () => {
    assert.match(parseYaml('a'.repeat(2_000_000)).errors[0]?.message ?? '', /2000000 bytes/)
    assert.match(parseYaml('é'.repeat(6), { bytesMax: 11 }).errors[0]?.message ?? '', /12 bytes/)
    assert.match(parseYaml(`[${'1,'.repeat(500_000)}]`).errors[0]?.message ?? '', /tokens/)
  })

  it('keys that objects inherit are data like any other', () => {
    const { value } = parseYaml('constructor: 1\ntoString: 2')
    assert.deepEqual(Object.entries(value as object), [
      ['constructor', 1],
      ['toString', 2],
    ])
  })
})
