import { relative } from 'node:path/posix'
import { type Import, importsOf, packageOf, resolveFrom } from './imports.ts'
import { EDGES, type Layer, LAYERS, LINES_MAX } from './layers.ts'
import { lineOf, scan, type Scanned } from './scan.ts'

/** A file of the source tree; its path is from the repository's root, with slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

export type Rule = 'layers' | 'one door' | 'time as an argument' | 'one noun a file' | 'no way around'

export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: Rule
  readonly what: string
}

/** All breaches of the house rules, in the order of the files. Pure: reads nothing but what it is given. */
export function checkHouse(files: readonly SourceFile[]): Violation[] {
  const read = files.map(({ path, text }) => {
    const source = scan(text)
    return { path, source, imports: importsOf(source) }
  })
  const ours = read.filter(({ path }) => isProduct(path))
  return [
    ...ours.flatMap(layerBreaches),
    ...doorBreaches(ours),
    ...ours.flatMap(timeBreaches),
    ...ours.flatMap(lengthBreaches),
    ...read.flatMap(detours),
  ]
}

export function describeViolation({ path, line, rule, what }: Violation): string {
  return `${path}:${line} breaks "${rule}": ${what}`
}

interface Read {
  readonly path: string
  readonly source: Scanned
  readonly imports: readonly Import[]
}

/** Tests may import everything and own real processes. */
function isProduct(path: string): boolean {
  return /^(?:gateway|plugins|client|portal)\//.test(path)
}

function layerBreaches(file: Read): Violation[] {
  const layer = layerOf(file.path)
  const breach = (line: number, what: string): Violation => ({ path: file.path, line, rule: 'layers', what })
  if (!layer) return [breach(1, 'this place has no row in test/house/layers.ts')]
  return file.imports.flatMap((one) => {
    const what = whyNot(file.path, layer, one)
    return what === null ? [] : [breach(one.line, what)]
  })
}

function whyNot(path: string, layer: Layer, { specifier, typeOnly }: Import): string | null {
  if (specifier === null) return 'the name of what is imported is computed: nobody can tell what it is'
  const target = resolveFrom(path, specifier)
  if (target === null) {
    return layer.outside === false
      ? `${layer.from} is pure and imports no packages and no modules of Node, but ${specifier}`
      : null
  }
  if (place(layer, path, target)) return null
  const shown = belowGateway(target)
  const onlyTypes = layer.types?.some((allowed) => covers(allowed, shown)) ?? false
  if (onlyTypes && typeOnly) return null
  const how = onlyTypes ? ' but its types: write `import type`' : ''
  return `${layer.from} may not import ${shown}${how}`
}

function place(layer: Layer, path: string, target: string): boolean {
  const shown = belowGateway(target)
  // Plugins do not know each other: their own place is one folder deeper.
  const own =
    layer.from === '../plugins/' && path.split('/').length > 2 ? `../${path.split('/', 2).join('/')}/` : layer.from
  return covers(own, shown) || layer.may.some((allowed) => covers(allowed, shown))
}

function covers(allowed: string, target: string): boolean {
  if (allowed === '') return !target.startsWith('..')
  return allowed.endsWith('/') ? target.startsWith(allowed) : target === allowed
}

function layerOf(path: string): Layer | undefined {
  const shown = belowGateway(path)
  return LAYERS.filter((layer) => covers(layer.from, shown)).sort((a, b) => b.from.length - a.from.length)[0]
}

function belowGateway(path: string): string {
  return relative('gateway', path)
}

/** Each package is imported by one folder: gateway/<part>, plugins/<name>, or one file that lies beside them. */
function doorBreaches(files: readonly Read[]): Violation[] {
  const doors = new Map<string, string>()
  return files.flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, line }): Violation[] => {
      const name = specifier === null ? null : packageOf(specifier)
      if (name === null) return []
      const folder = path.split('/', 2).join('/')
      const door = doors.get(name) ?? folder
      doors.set(name, door)
      return door === folder ? [] : [{ path, line, rule: 'one door', what: `${name} already comes in through ${door}` }]
    }),
  )
}

const TIME: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w$.])Date\.now\b/g, 'Date.now'],
  [/(?<![\w$.])new\s+Date\s*(?:\(\s*\)|(?![\s\w$(]))/g, 'new Date()'],
  [/(?<![\w$.])performance\.(?:now|timeOrigin)\b/g, 'performance.now'],
  [/(?<![\w$.])process\.hrtime\b/g, 'process.hrtime'],
  [/(?<![\w$.])Math\.random\b/g, 'Math.random'],
  [/(?<![\w$.])(?:globalThis\.)?(?:setTimeout|setInterval|setImmediate)\b/g, 'a timer'],
  [/(?<![\w$.])process\s*(?:\?\.|\.)\s*env\b|(?<![\w$.])process\s*\[/g, 'process.env'],
]
const TIME_MODULES = /^(?:node:)?(?:timers(?:\/promises)?|process)$/

function timeBreaches({ path, source, imports }: Read): Violation[] {
  if (EDGES.includes(path)) return []
  const breach = (line: number, name: string): Violation => {
    const what = `${name} belongs to ${EDGES.join(', ')}: take a Clock or a value`
    return { path, line, rule: 'time as an argument', what }
  }
  const modules = imports.filter(({ specifier }) => TIME_MODULES.test(specifier ?? ''))
  return [
    ...TIME.flatMap(([pattern, name]) => linesOf(source.code, pattern).map((line) => breach(line, name))),
    ...modules.map(({ line, specifier }) => breach(line, specifier ?? '')),
  ]
}

function lengthBreaches({ path, source }: Read): Violation[] {
  const lines = lineOf(source.text, source.text.trimEnd().length)
  if (lines <= LINES_MAX) return []
  return [{ path, line: LINES_MAX + 1, rule: 'one noun a file', what: `${lines} lines, ${LINES_MAX} at most` }]
}

const ANY = /(?:[:<|&,(=[]|=>|\b(?:as|extends|is|satisfies))\s*any\b(?!\s*[:(?.])|\bany\s*\[\]/g
const CLAIMS: readonly (readonly [RegExp, string])[] = [
  [/@ts-(?:ignore|expect-error|nocheck)/g, 'the compiler is told to look away'],
  [/(?:eslint|oxlint|tslint|biome)-(?:disable|ignore)/g, 'the linter is told to look away'],
  [/\b(?:TODO|FIXME|XXX|HACK)\b/g, 'unfinished work is left in a comment'],
]

function detours({ path, source }: Read): Violation[] {
  const breach =
    (what: string) =>
    (line: number): Violation => ({ path, line, rule: 'no way around', what })
  return [
    ...linesOf(source.code, ANY).map(breach('`any` switches the types off')),
    ...CLAIMS.flatMap(([pattern, what]) => linesOf(source.comments, pattern).map(breach(what))),
  ]
}

function linesOf(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => lineOf(text, match.index + match[0].length - 1))
}
