import { dirname, join } from 'node:path/posix'
import { lineOf, type Scanned } from './scan.ts'

/** One place where a file names another module. */
export interface Import {
  /** As written; null where it is computed and nobody can tell. */
  readonly specifier: string | null
  /** Erased by the compiler: `import type`, `export type`. Not `import { type X }`, which still loads the module. */
  readonly typeOnly: boolean
  /** Names between the braces, without `type` and `as …`; empty for the other forms. */
  readonly names: readonly string[]
  readonly line: number
}

/**
 * Static, re-exporting, dynamic, required, and by `new URL('./worker.js', import.meta.url)`. Each pattern ends just before the
 * quote of the specifier.
 */
const FORMS: readonly RegExp[] = [
  /(?<![\w$.])(?:import|export)\s+(?<type>type\s+)?(?:[\w$]+\s*,\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{(?<names>[^{}]*)\}|[\w$]+)\s*from\s*(?=['"])/g,
  /(?<![\w$.])import\s*(?=['"])/g,
  /(?<![\w$.])import\s*\(\s*/g,
  /(?<![\w$.])require(?:\.resolve)?\s*\(\s*/g,
  /(?<![\w$.])new\s+URL\s*\(\s*(?=['"`][^'"`]*['"`]\s*,\s*import\.meta\.url)/g,
  /(?<![\w$.])import\.meta\.resolve\s*\(\s*/g,
]

export function importsOf(source: Scanned): Import[] {
  const found = FORMS.flatMap((form) => [...source.code.matchAll(form)].map((match) => toImport(source, match)))
  return found.sort((a, b) => a.line - b.line)
}

function toImport(source: Scanned, match: RegExpExecArray): Import {
  const names = (match.groups?.['names'] ?? '').split(',').map(bareName)
  return {
    specifier: literalAt(source, match.index + match[0].length),
    typeOnly: match.groups?.['type'] !== undefined,
    names: names.filter((name) => name !== ''),
    line: lineOf(source.text, match.index),
  }
}

function bareName(item: string): string {
  return item
    .replace(/^\s*(?:type\s+)?/, '')
    .replace(/\s+as\s[^]*$/, '')
    .trim()
}

function literalAt({ text, code }: Scanned, at: number): string | null {
  const quote = code[at] ?? ''
  if (!`'"\``.includes(quote) || quote === '') return null
  const end = code.indexOf(quote, at + 1)
  // A template with `${` in it shows code between its quotes.
  return end < 0 || code.slice(at + 1, end).trim() !== '' ? null : text.slice(at + 1, end)
}

/** The path from the repository's root of a relative import, as a source file; null for packages and built-in modules. */
export function resolveFrom(path: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  return join(dirname(path), specifier).replace(/\.js$/, '.ts')
}

/** `@scope/name` or `name` of a package; null for files and Node's own modules. */
export function packageOf(specifier: string): string | null {
  if (/^(?:\.|\/|node:|file:|data:)/.test(specifier)) return null
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
