/** The syntax tree of a regular expression, as far as an automaton can run it. */
export type PatternNode =
  | { readonly kind: 'symbol'; readonly symbol: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly body: PatternNode; readonly min: number; readonly max: number }

export type Assertion = 'start' | 'end' | 'word-boundary' | 'no-word-boundary'

/** Whether one character is meant by a literal, a class or an escape. */
export type Symbol = (char: string) => boolean

export interface PatternSyntax {
  readonly root: PatternNode
  readonly symbols: readonly Symbol[]
  /** Whether a character is a code point (flag `u`) or a UTF-16 unit. */
  readonly unicode: boolean
}

/** Why a pattern cannot be run in linear time, in words that follow "the pattern … cannot be used: ". */
export class PatternRefusal extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PatternRefusal'
  }
}

/** Groups within groups; the parser and the assembler recurse once for each. */
const GROUPS_MAX = 50
const SOURCE_CHARS_MAX = 4_096

/** Reads a pattern with the flag `u` as JSON Schema advises, or without it where it is only valid so. Throws `PatternRefusal`. */
export function parsePattern(source: string): PatternSyntax {
  if (source.length > SOURCE_CHARS_MAX) throw new PatternRefusal(`it is longer than ${SOURCE_CHARS_MAX} characters`)
  const unicode = isValid(source, 'u')
  if (!unicode && !isValid(source, '')) throw new PatternRefusal('it is no valid regular expression')
  const reader = new Reader(source, unicode)
  const root = reader.choice(0)
  return { root, symbols: reader.symbols, unicode }
}

function isValid(source: string, flags: string): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

const ASSERTIONS: { readonly [token: string]: Assertion } = {
  '^': 'start',
  $: 'end',
  '\\b': 'word-boundary',
  '\\B': 'no-word-boundary',
}

// The engine has already accepted the pattern as a whole: here it is only cut into its parts.
const QUANTIFIER = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/y
const GROUP = /\((?:\?:|\?<[^=!][^>]*>)?(?!\?)/y
const CLASS = /\[(?:\\[^]|[^\]\\])*\]/y
const ESCAPE =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|[^])/uy

class Reader {
  readonly symbols: Symbol[] = []
  readonly #symbolOf = new Map<string, number>()
  readonly #source: string
  readonly #unicode: boolean
  #at = 0

  constructor(source: string, unicode: boolean) {
    this.#source = source
    this.#unicode = unicode
  }

  choice(depth: number): PatternNode {
    if (depth > GROUPS_MAX) throw new PatternRefusal(`it nests more than ${GROUPS_MAX} groups`)
    const options = [this.#sequence(depth)]
    while (this.#take('|')) options.push(this.#sequence(depth))
    return options.length === 1 ? (options[0] as PatternNode) : { kind: 'choice', options }
  }

  #sequence(depth: number): PatternNode {
    const parts: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] as string))
      parts.push(this.#quantified(this.#term(depth)))
    return { kind: 'sequence', parts }
  }

  #term(depth: number): PatternNode {
    const char = this.#source[this.#at] as string
    if (char === '(') return this.#group(depth)
    const token = this.#token(char)
    const assertion = ASSERTIONS[token]
    if (assertion) return { kind: 'assert', assertion }
    if (/^\\(?:[1-9]|k<)/.test(token) || (token === '\\k' && this.#source[this.#at] === '<'))
      throw new PatternRefusal('it refers back to a group')
    return { kind: 'symbol', symbol: this.#symbol(token) }
  }

  #group(depth: number): PatternNode {
    if (this.#match(GROUP) === null)
      throw new PatternRefusal('it looks ahead or behind; say the same by `allOf` or `not` with a pattern each')
    const body = this.choice(depth + 1)
    this.#take(')')
    return body
  }

  #token(char: string): string {
    if (char === '\\') return this.#match(ESCAPE) ?? this.#next()
    if (char === '[') return this.#match(CLASS) ?? this.#next()
    return this.#next()
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at) as number
    const char = this.#unicode ? String.fromCodePoint(code) : (this.#source[this.#at] as string)
    this.#at += char.length
    return char
  }

  /** The engine itself says what a class or an escape means, asked one character at a time. */
  #symbol(token: string): number {
    const known = this.#symbolOf.get(token)
    if (known !== undefined) return known
    const escaped = /^[{}\]/]$/.test(token) ? `\\${token}` : token
    const engine = new RegExp(`^(?:${escaped})$`, this.#unicode ? 'u' : '')
    this.symbols.push((char) => engine.test(char))
    this.#symbolOf.set(token, this.symbols.length - 1)
    return this.symbols.length - 1
  }

  #quantified(body: PatternNode): PatternNode {
    const quantifier = this.#match(QUANTIFIER)
    if (quantifier === null) return body
    if (quantifier.startsWith('*')) return { kind: 'repeat', body, min: 0, max: Infinity }
    if (quantifier.startsWith('+')) return { kind: 'repeat', body, min: 1, max: Infinity }
    if (quantifier.startsWith('?')) return { kind: 'repeat', body, min: 0, max: 1 }
    const [, min = '0', comma, max] = /^\{(\d+)(?:(,)(\d*))?\}/.exec(quantifier) ?? []
    if (comma === undefined) return { kind: 'repeat', body, min: Number(min), max: Number(min) }
    return { kind: 'repeat', body, min: Number(min), max: max === '' ? Infinity : Number(max) }
  }

  #take(char: string): boolean {
    const taken = this.#source[this.#at] === char
    if (taken) this.#at++
    return taken
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }
}
