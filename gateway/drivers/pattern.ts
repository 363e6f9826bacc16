import { parsePattern, PatternRefusal } from './patternSyntax.ts'
import type { Assertion, PatternNode, Symbol } from './patternSyntax.ts'

/** A compiled `pattern`: `test` takes time in proportion to the text, whatever the pattern is. */
export interface Pattern {
  test(text: string): boolean
  /** The pattern as it was written: ajv tells the patterns of a schema apart by it. */
  toString(): string
}

/**
 * Compiles an ECMAScript regular expression to an automaton (Thompson's construction, run as a lazily built DFA), so
 * that a record cannot make a document's pattern backtrack for hours (CWE-1333). What needs backtracking by its nature
 * (lookaround, back references) or more than `STEPS_MAX` steps is refused: throws `PatternRefusal`.
 */
export function compilePattern(source: string): Pattern {
  const { root, symbols, unicode } = parsePattern(source)
  return new Automaton(source, assemble(root), symbols, unicode)
}

export { PatternRefusal }

/** Steps of the program; counted repeats are written out, so `x{1000}` alone is too many. */
const STEPS_MAX = 600
/** Cached positions of the DFA; beyond them the cache starts anew, and the time stays linear. */
const STATES_MAX = 500
/** Cached classes of characters beyond ASCII. */
const CLASSES_MAX = 2_000

type Step =
  | { readonly op: 'symbol'; readonly symbol: number }
  | { readonly op: 'assert'; readonly assertion: Assertion }
  | { readonly op: 'fork'; to: number[] }
  | { readonly op: 'match' }

function assemble(root: PatternNode): readonly Step[] {
  const steps: Step[] = []
  const add = <S extends Step>(step: S): S => {
    if (steps.length >= STEPS_MAX) throw new PatternRefusal('it repeats too much: write smaller repeat counts')
    steps.push(step)
    return step
  }
  const emit = (node: PatternNode): void => {
    if (node.kind === 'symbol') add({ op: 'symbol', symbol: node.symbol })
    else if (node.kind === 'assert') add({ op: 'assert', assertion: node.assertion })
    else if (node.kind === 'sequence') node.parts.forEach(emit)
    else if (node.kind === 'choice') emitChoice(node.options)
    else emitRepeat(node)
  }
  const emitChoice = (options: readonly PatternNode[]): void => {
    const fork = add({ op: 'fork', to: [] as number[] })
    const ends = options.map((option) => {
      fork.to.push(steps.length)
      emit(option)
      return add({ op: 'fork', to: [] as number[] })
    })
    for (const end of ends) end.to.push(steps.length)
  }
  const emitRepeat = ({ body, min, max }: Extract<PatternNode, { kind: 'repeat' }>): void => {
    for (let i = 0; i < min; i++) emit(body)
    const forks: { to: number[] }[] = []
    for (let i = min; i < (max === Infinity ? min + 1 : max); i++) {
      const fork = add({ op: 'fork', to: [steps.length + 1] })
      forks.push(fork)
      emit(body)
      if (max === Infinity) add({ op: 'fork', to: [steps.indexOf(fork)] })
    }
    for (const fork of forks) fork.to.push(steps.length)
  }
  emit(root)
  add({ op: 'match' })
  return steps
}

/** Where a run stands: the steps reached, and what the assertions need to know of the character before. */
interface State {
  readonly steps: readonly number[]
  readonly atStart: boolean
  readonly afterWord: boolean
  /** By class of the next character; `true` is a match, whatever follows. */
  readonly next: (State | true | undefined)[]
  atEnd: boolean | undefined
}

/** Characters that no symbol of the pattern tells apart. */
interface CharClass {
  readonly id: number
  readonly symbols: readonly boolean[]
  readonly isWord: boolean
}

class Automaton implements Pattern {
  readonly #source: string
  readonly #steps: readonly Step[]
  readonly #symbols: readonly Symbol[]
  readonly #unicode: boolean
  readonly #classBySignature = new Map<string, CharClass>()
  readonly #ascii: CharClass[] = []
  readonly #beyond = new Map<number, CharClass>()
  #states = new Map<string, State>()

  constructor(source: string, steps: readonly Step[], symbols: readonly Symbol[], unicode: boolean) {
    this.#source = source
    this.#steps = steps
    this.#symbols = symbols
    this.#unicode = unicode
    for (let c = 0; c < 128; c++) this.#ascii.push(this.#classify(c))
  }

  toString(): string {
    return this.#source
  }

  test(text: string): boolean {
    let state = this.#state([], true, false)
    for (let i = 0; i < text.length; i++) {
      let c = text.charCodeAt(i)
      if (c >= 0xd800 && this.#unicode) {
        c = text.codePointAt(i) as number
        if (c > 0xffff) i++
      }
      const charClass = c < 128 ? (this.#ascii[c] as CharClass) : this.#classBeyond(c)
      const next = state.next[charClass.id] ?? this.#advance(state, charClass)
      if (next === true) return true
      state = next
    }
    return (state.atEnd ??= this.#reach(state, null).matched)
  }

  #advance(state: State, charClass: CharClass): State | true {
    const { matched, symbols } = this.#reach(state, charClass)
    const after = symbols.filter((at) => charClass.symbols[(this.#steps[at] as { symbol: number }).symbol])
    const next =
      matched ||
      this.#state(
        after.map((at) => at + 1),
        false,
        charClass.isWord,
      )
    state.next[charClass.id] = next
    return next
  }

  /** The symbol steps that can be reached without reading on; a search may also begin here, hence step 0. */
  #reach(state: State, ahead: CharClass | null): { matched: boolean; symbols: number[] } {
    const seen = new Set<number>([...state.steps, 0])
    const symbols: number[] = []
    for (const at of seen) {
      const step = this.#steps[at] as Step
      if (step.op === 'match') return { matched: true, symbols: [] }
      if (step.op === 'symbol') symbols.push(at)
      else if (step.op === 'fork') for (const to of step.to) seen.add(to)
      else if (holds(step.assertion, state, ahead)) seen.add(at + 1)
    }
    return { matched: false, symbols }
  }

  #state(steps: number[], atStart: boolean, afterWord: boolean): State {
    const sorted = [...new Set(steps)].sort((a, b) => a - b)
    const key = `${atStart ? '^' : ''}${afterWord ? 'w' : ''}${sorted.join()}`
    const known = this.#states.get(key)
    if (known) return known
    // States of the dropped cache that are still referred to work on; they are only no longer shared.
    if (this.#states.size >= STATES_MAX) this.#states = new Map()
    const state: State = { steps: sorted, atStart, afterWord, next: [], atEnd: undefined }
    this.#states.set(key, state)
    return state
  }

  #classBeyond(c: number): CharClass {
    const known = this.#beyond.get(c)
    if (known) return known
    if (this.#beyond.size >= CLASSES_MAX) this.#beyond.clear()
    const charClass = this.#classify(c)
    this.#beyond.set(c, charClass)
    return charClass
  }

  #classify(c: number): CharClass {
    const char = this.#unicode ? String.fromCodePoint(c) : String.fromCharCode(c)
    const symbols = this.#symbols.map((symbol) => symbol(char))
    const isWord = /^\w$/.test(char)
    const signature = symbols.map(Number).join('') + (isWord ? 'w' : '')
    const known = this.#classBySignature.get(signature)
    if (known) return known
    const charClass = { id: this.#classBySignature.size, symbols, isWord }
    this.#classBySignature.set(signature, charClass)
    return charClass
  }
}

function holds(assertion: Assertion, state: State, ahead: CharClass | null): boolean {
  if (assertion === 'start') return state.atStart
  if (assertion === 'end') return ahead === null
  const boundary = state.afterWord !== (ahead?.isWord ?? false)
  return boundary === (assertion === 'word-boundary')
}
