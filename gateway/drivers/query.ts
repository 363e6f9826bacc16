import * as rsql from '@rsql/parser'
import { nearest } from './nearest.ts'

/** A filter as it was written (RSQL), read but not yet understood: selectors and values are still text. */
export type Query =
  | { readonly all: readonly Query[] }
  | { readonly any: readonly Query[] }
  | { readonly selector: string; readonly operator: Operator; readonly values: readonly string[] }

export type Operator = '==' | '!=' | '=gt=' | '=ge=' | '=lt=' | '=le=' | '=in=' | '=out='

export interface QueryLimits {
  readonly charsMax: number
  readonly comparisonsMax: number
  /** Of one `=in=` or `=out=`. */
  readonly valuesMax: number
}

/** What is wrong, in words that go on from "the filter cannot be read: ". Shows at most 40 characters of it. */
export type QueryFault = { readonly fault: string }

/**
 * Reads RSQL within limits; what is wrong with it comes back in words, positions counted from 1. `and` binds closer than `or`.
 * A backslash escapes the next character between quotes, and is an ordinary one elsewhere.
 */
export function parseQuery(text: string, limits: QueryLimits): Query | QueryFault {
  // A blank is what separates words here, but none of the blanks that `trim` knows beyond these.
  if (/^[ \n\t\r]*$/.test(text)) return { fault: 'it is empty' }
  if (text.length > limits.charsMax)
    return { fault: `it has ${text.length} characters; at most ${limits.charsMax} are read` }
  try {
    return new QueryReader(limits).read(parse(text) as Node)
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: faultOf(error.message, text) }
    throw error
  }
}

export function isFault(answer: Query | QueryFault): answer is QueryFault {
  return 'fault' in answer
}

/** Whether a filter can name this: a selector stands without quotes and cannot be escaped. */
export function isSelector(name: string): boolean {
  return /^[^"'();,=!~<> \n\t\r]+$/.test(name)
}

/** FIQL's short forms mean the same (`a>=4` is `a=ge=4`). */
const OPERATORS: { readonly [written: string]: Operator } = {
  '==': '==',
  '!=': '!=',
  '=gt=': '=gt=',
  '>': '=gt=',
  '=ge=': '=ge=',
  '>=': '=ge=',
  '=lt=': '=lt=',
  '<': '=lt=',
  '=le=': '=le=',
  '<=': '=le=',
  '=in=': '=in=',
  '=out=': '=out=',
}
const OPERATOR_NAMES = [...new Set(Object.values(OPERATORS))]

// A CommonJS module that Node cannot look into: all that it exports is under `default`.
const { parse } = (rsql as unknown as { default: { parse: (text: string) => unknown } }).default

type Node =
  | { readonly type: 'LOGIC'; readonly operator: string; readonly left: Node; readonly right: Node }
  | {
      readonly type: 'COMPARISON'
      readonly operator: string
      readonly left: { readonly selector: string }
      readonly right: { readonly value: string | readonly string[] }
    }

/** Recurses once per comparison at most, of which the text's length allows some hundreds. */
class QueryReader {
  #comparisons = 0
  readonly #limits: QueryLimits

  constructor(limits: QueryLimits) {
    this.#limits = limits
  }

  read(node: Node): Query | QueryFault {
    if (node.type === 'COMPARISON') return this.#comparison(node)
    const left = this.read(node.left)
    if (isFault(left)) return left
    const right = this.read(node.right)
    if (isFault(right)) return right
    const and = node.operator === ';' || node.operator === 'and'
    if (and) return { all: [...('all' in left ? left.all : [left]), ...('all' in right ? right.all : [right])] }
    return { any: [...('any' in left ? left.any : [left]), ...('any' in right ? right.any : [right])] }
  }

  #comparison({ operator: written, left, right }: Extract<Node, { type: 'COMPARISON' }>): Query | QueryFault {
    const { comparisonsMax, valuesMax } = this.#limits
    if (++this.#comparisons > comparisonsMax) return { fault: `it has more than ${comparisonsMax} comparisons` }
    const operator = OPERATORS[written]
    if (operator === undefined) return { fault: unknownOperator(written) }
    const values = typeof right.value === 'string' ? [right.value] : right.value
    const isList = operator === '=in=' || operator === '=out='
    if (!isList && typeof right.value !== 'string')
      return { fault: `${operator} compares with one value, not with a list; =in= and =out= take lists` }
    if (values.length > valuesMax)
      return { fault: `${operator} has ${values.length} values; at most ${valuesMax} are read` }
    return { selector: left.selector, operator, values }
  }
}

/** What other languages call them. */
const ELSEWHERE: { readonly [written: string]: Operator } = {
  '=eq=': '==',
  '=ne=': '!=',
  '=neq=': '!=',
  '=gte=': '=ge=',
  '=lte=': '=le=',
  '=nin=': '=out=',
}

function unknownOperator(written: string): string {
  const meant = ELSEWHERE[written] ?? nearest(written, OPERATOR_NAMES)
  const guess = meant === null ? '' : ` (did you mean ${meant}?)`
  return `there is no operator ${shown(written)}${guess}; there are ${OPERATOR_NAMES.join(' ')}`
}

/** The parser's own messages repeat the whole text, and count positions within parentheses by tokens. */
function faultOf(message: string, text: string): string {
  const unclosed = /^Unclosed quote '.' at position (\d+)/s.exec(message)
  if (unclosed) return `the quote at character ${unclosed[1]} is not closed`
  const place = /' at position (\d+) in "/.exec(message)
  if (/^Unexpected (?:string|character) '/.test(message) && place) return misplaced(text, Number(place[1]))
  if (message.includes('forget to close parenthesis')) return 'a parenthesis is not closed'
  return 'it ends too early'
}

function misplaced(text: string, position: number): string {
  const rest = text.slice(position - 1)
  const word = /^(?:[=!~<>]+(?:[a-z]+=)?|["'();,]|[^"'();,=!~<> \n\t\r]+)/.exec(rest)?.[0] ?? rest.slice(0, 1)
  const what = `${shown(word)} at character ${position} does not belong there`
  if (word === '=') return `${what}; equal is written ==`
  const before = text.slice(0, position - 1)
  if (/[^"'();,=!~<> \n\t\r]\s+$/.test(before) && isSelector(word))
    return `${what}; a value with blanks in it needs quotes, and in an address + is written %2B`
  return what
}

const SHOWN_CHARS_MAX = 40

/** Short and without control characters: faults are shown in errors and logs. */
function shown(word: string): string {
  const clean = word.replaceAll(/\p{Cc}/gu, '\u{fffd}')
  return `«${clean.length > SHOWN_CHARS_MAX ? `${clean.slice(0, SHOWN_CHARS_MAX)}…` : clean}»`
}
