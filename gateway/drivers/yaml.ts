import { Composer, CST, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, stringify } from 'yaml'
import type { Alias, Document, Pair, ParsedNode, YAMLMap, YAMLSeq } from 'yaml'

/** A YAML 1.2 (core schema) or JSON text as plain JSON data, with the way back to its lines. */
export interface Yaml {
  /** `undefined` where there are errors. Objects are plain; aliased parts are shared, so treat it as read-only. */
  readonly value: unknown
  /** Where the key (or array item) that `path` ends in begins, the document's first value for `[]`; `null` where there is no such place. */
  placeOf(path: YamlPath): YamlPlace | null
  readonly errors: readonly YamlError[]
}

export type YamlPath = readonly (string | number)[]

/** Both are 1-based; columns count UTF-16 units, as editors do. */
export interface YamlPlace {
  readonly line: number
  readonly column: number
}

export interface YamlError extends YamlPlace {
  readonly message: string
}

export interface YamlLimits {
  readonly bytesMax: number
  /** How deep maps and lists may be nested. */
  readonly depthMax: number
  readonly aliasesMax: number
}

/** Enough for a large AsyncAPI document; a configuration needs far less. */
export const YAML_LIMITS: YamlLimits = { bytesMax: 1024 * 1024, depthMax: 200, aliasesMax: 1000 }

/** What aliases may blow a document up to, in nodes: beyond this they are a bomb, not a convenience. */
const EXPANDED_NODES_MAX = 100_000
/** Lexical tokens, some µs each: one MiB of brackets or empty lines has a million, one of a real document a fifth. */
const TOKENS_MAX = 300_000

/** Thrown inside this file to leave a half-made conversion; becomes one entry of `errors`. */
class YamlRefusal extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.name = 'YamlRefusal'
    this.offset = offset
  }
}

/**
 * Parses one document. Never throws and never expands an alias before knowing what that would cost. Duplicate keys,
 * tags of one's own, several documents, numbers that JSON has not, and keys named `__proto__` are errors.
 */
export function parseYaml(text: string, limits: Partial<YamlLimits> = {}): Yaml {
  const { bytesMax, depthMax, aliasesMax } = { ...YAML_LIMITS, ...limits }
  const bytes = Buffer.byteLength(text)
  if (bytes > bytesMax)
    return failed([{ ...START, message: `the text has ${bytes} bytes, more than the ${bytesMax} allowed` }])
  const lines = new LineCounter()
  const placeAt = (offset: number): YamlPlace => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    const document = compose(text, lines, depthMax, aliasesMax)
    const broken = [...document.errors, ...document.warnings]
    if (broken.length > 0) return failed(broken.map((e) => ({ ...placeAt(e.pos[0]), message: wordsOf(e.message) })))
    const value = new Converter().convert(document)
    return { value, placeOf: (path) => placeOf(document, path, placeAt), errors: [] }
  } catch (error) {
    if (error instanceof YamlRefusal) return failed([{ ...placeAt(error.offset), message: error.message }])
    // The composer recurses on its own; a shape that still overruns the stack is refused like any other depth.
    if (error instanceof RangeError) return failed([{ ...START, message: 'the text is nested too deeply' }])
    throw error
  }
}

/** Plain JSON data as YAML 1.2 that readers of YAML 1.1 take for the same; without anchors, whatever is shared. */
export function renderYaml(value: unknown): string {
  return stringify(value, {
    aliasDuplicateObjects: false,
    lineWidth: LINE_CHARS,
    blockQuote: 'literal',
    compat: 'yaml-1.1',
  })
}

const LINE_CHARS = 120

const START: YamlPlace = { line: 1, column: 1 }

function failed(errors: readonly YamlError[]): Yaml {
  return { value: undefined, placeOf: () => null, errors }
}

function wordsOf(message: string): string {
  const [first = message] = message.split('\n')
  return first.charAt(0).toLowerCase() + first.slice(1)
}

/** Depth and aliases are counted on the token stream, where nothing recurses and nothing is resolved yet. */
function compose(text: string, lines: LineCounter, depthMax: number, aliasesMax: number): Document.Parsed {
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  let aliases = 0
  let lexemes = 0
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > TOKENS_MAX) throw new YamlRefusal(offset, `the text has more than the ${TOKENS_MAX} tokens allowed`)
    if (CST.tokenType(lexeme) === 'alias' && ++aliases > aliasesMax)
      throw new YamlRefusal(offset, `the text has more than the ${aliasesMax} aliases allowed`)
    tokens.push(...parser.next(lexeme))
    if (depthOf(parser) > depthMax)
      throw new YamlRefusal(offset, `the text is nested deeper than the ${depthMax} levels allowed`)
    offset = parser.offset
  }
  tokens.push(...parser.end())
  // Duplicate keys are found by the converter: the library compares every pair of keys of a map.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    stringKeys: false,
  })
  const documents = [...composer.compose(tokens, true, text.length)]
  const [first, second] = documents
  if (second) throw new YamlRefusal(second.range[0], 'the text holds several documents; keep one')
  return first as Document.Parsed
}

function depthOf(parser: Parser): number {
  let depth = 0
  for (const token of parser.stack)
    if (token.type === 'block-map' || token.type === 'block-seq' || token.type === 'flow-collection') depth++
  return depth
}

type Node = ParsedNode | null | undefined

/** Nodes to JSON data, each anchor once. */
class Converter {
  readonly #anchors = new Map<string, { value: unknown; nodes: number } | 'open'>()
  #nodes = 0

  convert(document: Document.Parsed): unknown {
    return this.#value(document.contents)
  }

  #value(node: Node): unknown {
    if (node === null || node === undefined) return null
    if (isAlias(node)) return this.#alias(node)
    if (node.anchor === undefined) return this.#plain(node)
    const before = this.#nodes
    this.#anchors.set(node.anchor, 'open')
    const value = this.#plain(node)
    this.#anchors.set(node.anchor, { value, nodes: this.#nodes - before })
    return value
  }

  #alias(node: Alias.Parsed): unknown {
    const at = startOf(node)
    const anchor = this.#anchors.get(node.source)
    if (anchor === undefined) throw new YamlRefusal(at, `the alias *${node.source} has no anchor before it`)
    if (anchor === 'open') throw new YamlRefusal(at, `the alias *${node.source} stands inside its own anchor`)
    this.#nodes += anchor.nodes
    if (this.#nodes > EXPANDED_NODES_MAX)
      throw new YamlRefusal(at, `aliases blow the text up to more than ${EXPANDED_NODES_MAX} values`)
    return anchor.value
  }

  #plain(node: Exclude<Node, null | undefined>): unknown {
    this.#nodes++
    if (isMap(node)) return this.#map(node)
    if (isSeq(node)) return (node as unknown as YAMLSeq).items.map((item) => this.#value(item as Node))
    if (!isScalar(node)) throw new YamlRefusal(startOf(node), 'this kind of value is not JSON')
    if (typeof node.value === 'number' && !Number.isFinite(node.value))
      throw new YamlRefusal(startOf(node), `${node.source} is not a number in JSON`)
    return node.value
  }

  #map(map: YAMLMap): { [key: string]: unknown } {
    const result: { [key: string]: unknown } = {}
    for (const pair of map.items) {
      const { key, at } = keyOf(pair)
      if (key === '__proto__') throw new YamlRefusal(at, 'a key may not be named __proto__')
      if (Object.hasOwn(result, key)) throw new YamlRefusal(at, `the key ${JSON.stringify(key)} is there twice`)
      result[key] = this.#value(pair.value as Node)
    }
    return result
  }
}

function keyOf(pair: Pair): { key: string; at: number } {
  const node = pair.key as Node
  if (!isScalar(node)) throw new YamlRefusal(startOf(node), 'a key must be a plain word or a string')
  // As in JSON, `200:` is the key "200"; the source keeps `1.0` and `0x10` as they were written.
  const key = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  return { key, at: startOf(node) }
}

function startOf(node: Node): number {
  return node?.range[0] ?? 0
}

function placeOf(document: Document.Parsed, path: YamlPath, placeAt: (offset: number) => YamlPlace): YamlPlace | null {
  let place: Node = document.contents
  let at = startOf(place)
  for (const step of path) {
    const node = resolve(place, document)
    const found = isMap(node) ? childOfMap(node, String(step)) : childOfSeq(node, Number(step))
    if (found === null) return null
    place = found.value
    at = found.at
  }
  return placeAt(at)
}

function resolve(node: Node, document: Document.Parsed): Node {
  return isAlias(node) ? (node.resolve(document) as Node) : node
}

function childOfMap(map: YAMLMap, key: string): { value: Node; at: number } | null {
  for (const pair of map.items) {
    const own = keyOf(pair)
    if (own.key === key) return { value: pair.value as Node, at: own.at }
  }
  return null
}

function childOfSeq(node: Node, index: number): { value: Node; at: number } | null {
  if (!isSeq(node) || !(index in node.items)) return null
  const value = (node as unknown as YAMLSeq).items[index] as Node
  return { value, at: startOf(value) }
}
