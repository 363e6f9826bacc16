import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { compilePattern, PatternRefusal } from '../../gateway/drivers/pattern.ts'

const PATTERNS = [
  '^[a-z]+(-[a-z]+)*$',
  '(a+)+$',
  '^(a|b)*?c{2,3}$',
  '^\\d{4}-\\d\\d$',
  '[\\w.%+-]+@[\\w.-]+\\.[A-Za-z]{2,}',
  '\\bfoo\\b',
  '\\Bx',
  '^\\p{L}+$',
  '^[^\\]]$',
  'a{2}',
  'x*',
  '^$',
  '(?<y>a)b',
  '\\/x',
  '^.$',
  '\\u{1F600}',
  '^\\uD83D\\uDE00$',
  'a{,2}',
  '[\\-_]',
  '\\-a',
  '^(?:|a)$',
  '^(a*)*$',
  '^(a?){3}a{3}$',
  '[]',
  '[^]',
  '}',
  '^(a|ab)(c|bcd)$',
  'a\\.b',
  '\\cJ',
  '^\\s+$',
  '\\0',
  '^a|b$',
  '(^a|b)c',
  'a$|^b',
  '\\x41',
]
const TEXTS = [
  '',
  'a',
  'ab',
  'aaa',
  'aaaa',
  'c',
  'abcc',
  'abcd',
  '2020-11',
  'joe@x.com',
  'a foo b',
  'foofoo',
  'éé',
  ']',
  'x',
  'axx',
  '/x',
  '😀',
  'a{,2}',
  '-',
  '_',
  '-a',
  '}',
  '-foo-',
  'a.b',
  '\n',
  '  ',
  '\0',
  'aaab-ccc',
  'ac',
  'bc',
  'xbc',
  'A',
  '\ud83d',
]
const REFUSED: readonly (readonly [pattern: string, why: RegExp])[] = [
  ['(?=a)b', /ahead or behind/],
  ['(?!a)b', /ahead or behind/],
  ['(?<=a)b', /ahead or behind/],
  ['(?<!a)b', /ahead or behind/],
  ['(a)\\1', /back/],
  ['\\k<y>(?<y>a)', /back/],
  ['x{1000}', /repeats too much/],
  ['(?:x{30}){30}', /repeats too much/],
  ['(', /no valid/],
  ['('.repeat(60) + ')'.repeat(60), /nests/],
  ['x'.repeat(5000), /longer/],
]

describe('pattern', () => {
  it("every pattern finds what the language's own engine finds", () => {
    for (const pattern of PATTERNS) {
      const ours = compilePattern(pattern)
      const engine = engineOf(pattern)
      for (const text of TEXTS)
        assert.equal(ours.test(text), engine.test(text), `${pattern} on ${JSON.stringify(text)}`)
    }
  })

  it('so do patterns and texts made at random', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$', '(?:ab|b)')
    const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{0,}'))
    const joined = fc
      .array(piece, { maxLength: 6 })
      .map((list) => list.map(([a, q]) => (/^(?:\\b|\^|\$)$/.test(a) ? a : a + q)).join(''))
    const pattern = fc
      .tuple(joined, joined, fc.constantFrom('(X)*Y', 'X|Y', '(?:X|Y)+', 'XY'))
      .map(([x, y, shape]) => shape.replace('X', () => x).replace('Y', () => y))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '\n', 'é'), maxLength: 12 })
    fc.assert(
      fc.property(pattern, text, (p, s) => compilePattern(p).test(s) === engineOf(p).test(s)),
      { numRuns: 2000 },
    )
  })

  it('patterns that make an engine backtrack for ever take time in proportion to the text', () => {
    const before = process.cpuUsage().user
    for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a*)*b?$', 'a+a+a+a+$', '(.*)*x', '^(\\w+\\s?)*$']) {
      const compiled = compilePattern(pattern)
      compiled.test(`${'a'.repeat(200_000)}!`)
    }
    const ms = (process.cpuUsage().user - before) / 1000
    assert.ok(ms < 1500, `took ${ms} ms of CPU`)
  })

  it('a pattern with more positions than are kept stays right', () => {
    const pattern = '(?:a|b)*a(?:a|b){12}$'
    const compiled = compilePattern(pattern)
    const engine = engineOf(`^${pattern}`)
    for (let i = 0; i < 3000; i++) {
      const text = i.toString(2).padStart(14, '0').replaceAll('0', 'a').replaceAll('1', 'b')
      assert.equal(compiled.test(text), engine.test(text), text)
    }
  })

  for (const [pattern, why] of REFUSED) {
    it(`${pattern.slice(0, 20)} is refused in words`, () =>
      assert.throws(
        () => compilePattern(pattern),
        (error) => error instanceof PatternRefusal && why.test(error.message),
      ))
  }
})

function engineOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return new RegExp(pattern)
  }
}
