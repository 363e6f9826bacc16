import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isFault, isSelector, parseQuery, type Query } from '../../gateway/drivers/query.ts'

const LIMITS = { charsMax: 2_048, comparisonsMax: 32, valuesMax: 200 }
/** Large enough that the parser itself meets what is thrown at it. */
const OPEN = { charsMax: 1_000_000, comparisonsMax: 1_000_000, valuesMax: 1_000_000 }

describe('query', () => {
  it('and binds closer than or, and parentheses before both', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((selector) => ({ selector, operator: '==' as const, values: ['1'] }))
    assert.deepEqual(read('a==1,b==1;c==1'), { any: [a, { all: [b, c] }] })
    assert.deepEqual(read('a==1;b==1,c==1'), { any: [{ all: [a, b] }, c] })
    assert.deepEqual(read('(a==1,b==1);c==1'), { all: [{ any: [a, b] }, c] })
    assert.deepEqual(read('a==1 and (b==1 and c==1)'), { all: [a, b, c] })
    assert.deepEqual(read(' a==1 or b==1 '), { any: [a, b] })
  })

  it('every operator is known by all its spellings', () => {
    const spelt = '== != =gt= > =ge= >= =lt= < =le= <= =in= =out='.split(' ')
    const operators = spelt.map((written) => (read(`a${written}1`) as { operator: string }).operator)
    assert.equal(operators.join(' '), '== != =gt= =gt= =ge= =ge= =lt= =lt= =le= =le= =in= =out=')
  })

  it('values are taken letter by letter: stars, dots, signs and times need no quotes, blanks do', () => {
    assert.deepEqual(valuesOf('a==*b*'), ['*b*'])
    assert.deepEqual(valuesOf('a=ge=2026-11-22T15:00:00+01:00'), ['2026-11-22T15:00:00+01:00'])
    assert.deepEqual(valuesOf('a==-1.5e3'), ['-1.5e3'])
    assert.deepEqual(valuesOf(`a=="quarry blast"`), ['quarry blast'])
    assert.deepEqual(valuesOf(String.raw`a=in=('it\'s', "say \"no\"", "\\", c\d)`), ["it's", 'say "no"', '\\', 'c\\d'])
    assert.deepEqual(valuesOf('a==""'), [''])
  })

  it('a fault says what and where, in words of its own', () => {
    const faults: readonly (readonly [string, RegExp])[] = [
      ['', /^it is empty$/],
      [' \t', /^it is empty$/],
      ['a', /^it ends too early$/],
      ['a==', /^it ends too early$/],
      ['a==1;', /^it ends too early$/],
      ['(a==1', /^a parenthesis is not closed$/],
      ['a=="x', /^the quote at character 4 is not closed$/],
      ['a==1)', /^«\)» at character 5 does not belong there$/],
      ['a=1', /^«=» at character 2 does not belong there; equal is written ==$/],
      ['a==1;;b==2', /^«;» at character 6 does/],
      ['a==b c', /^«c» at character 6 does not belong there; a value with blanks in it needs quotes/],
      ['a=gte=1', /^there is no operator «=gte=» \(did you mean =ge=\?\); there are == != =gt= =ge=/],
      ['a=regex=1', /^there is no operator «=regex=»; there are/],
      ['a=gt=(1,2)', /^=gt= compares with one value, not with a list/],
      ['a=in=()', /^«\)» at character 7 does/],
      ['"a"==1', /^«"» at character 1 does/],
      ['a~b', /^«~» at character 2 does/],
    ]
    for (const [text, fault] of faults) assert.match(faultOf(text), fault, text)
  })

  it('limits are named, and what is just at them is read', () => {
    const many = (n: number): string => Array.from({ length: n }, () => 'a==1').join(';')
    assert.ok(!isFault(parseQuery(many(32), LIMITS)))
    assert.equal(faultOf(many(33)), 'it has more than 32 comparisons')
    const list = (n: number): string => `a=in=(${Array.from({ length: n }, (_, i) => i).join()})`
    assert.ok(!isFault(parseQuery(list(200), LIMITS)))
    assert.equal(faultOf(list(201)), '=in= has 201 values; at most 200 are read')
    assert.ok(!isFault(parseQuery(`a==${'x'.repeat(2_045)}`, LIMITS)))
    assert.equal(faultOf(`a==${'x'.repeat(2_046)}`), 'it has 2049 characters; at most 2048 are read')
  })

  it('a fault repeats no more than a word of the text, and no control characters', () => {
    for (const text of [`a==b ${'x'.repeat(2_000)}`, `a=${'x'.repeat(2_000)}=1`, `a==b \u0000\u001b[2J`]) {
      const fault = faultOf(text)
      assert.ok(fault.length < 250, fault)
      assert.doesNotMatch(fault, /\p{Cc}/u)
    }
  })

  it('any text is read or refused, never thrown at', () => {
    const pieces = fc.constantFrom(
      ...`a b == = ! != =in= =gt= =x= ( ) ; , and or " ' \\ ~ < > * é 1`.split(' '),
      ' ',
      '\n',
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => void parseQuery(text, LIMITS)),
      { numRuns: 3_000 },
    )
  })

  it('ten thousand parentheses, quotes or backslashes cost neither stack nor time', () => {
    const n = 10_000
    const hostile = [
      '('.repeat(n),
      ')'.repeat(n),
      `${'('.repeat(n)}a==1${')'.repeat(n)}`,
      '\\"'.repeat(n),
      `a=="${'\\'.repeat(n)}`,
      'a==1;('.repeat(300),
    ]
    for (const text of hostile) {
      const ms = quickestMs(() => {
        parseQuery(text, LIMITS)
        parseQuery(text, { ...OPEN, comparisonsMax: 32 })
      })
      assert.ok(ms < 50, `${text.slice(0, 10)}…: ${ms} ms`)
    }
    const nested = `${'('.repeat(500)}a==1${')'.repeat(500)}`
    assert.deepEqual(read(nested), { selector: 'a', operator: '==', values: ['1'] })
  })

  it('what a filter can name is what comes back as its selector', () => {
    const names = fc.string({
      minLength: 1,
      maxLength: 4,
      unit: fc.constantFrom(...`ab.-_é*$@"'();,=!~<> \n`.split('')),
    })
    fc.assert(
      fc.property(names, (name) => {
        const query = parseQuery(`${name}==1`, LIMITS)
        const named = !isFault(query) && 'selector' in query && query.selector === name
        assert.equal(named, isSelector(name))
      }),
    )
  })
})

function read(text: string): Query {
  const query = parseQuery(text, LIMITS)
  assert.ok(!isFault(query), JSON.stringify(query))
  return query
}

function valuesOf(text: string): readonly string[] {
  const query = read(text)
  assert.ok('values' in query)
  return query.values
}

function faultOf(text: string): string {
  const query = parseQuery(text, LIMITS)
  assert.ok(isFault(query), `read: ${text}`)
  return query.fault
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
