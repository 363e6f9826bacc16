import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../gateway/package.ts'
import { FAULTS } from './oracle.ts'
import type { Fault } from './fault.ts'
import { ALL_FAULTS } from './faults.ts'
import type { Outcome } from './stage.ts'

/** What all seeds of one fault came to. */
export interface Row {
  readonly fault: Fault
  readonly outcomes: readonly Outcome[]
  /** Runs in which anything was found. */
  readonly failed: number
}

const PAGE = join(packageRoot, 'docs/reliability.md')
const BEGIN = '<!-- written by `npm run chaos -- --write` -->'
const END = '<!-- end -->'
const HEAD = ['fault', 'what is done', 'seeds', 'failed', ...FAULTS, 'records', 'gaps', 'connections']

/** Puts rows into the page's table, in place of older ones of the same faults. */
export function writeReport(rows: readonly Row[], page = PAGE): void {
  const text = readFileSync(page, 'utf8')
  const [before, rest] = halves(text, BEGIN)
  const [old, after] = halves(rest, END)
  const lines = new Map(
    old.split('\n').flatMap((line) => (line.startsWith('| `') ? [[nameIn(line), line] as const] : [])),
  )
  for (const row of rows) lines.set(row.fault.name, lineOf(row))
  const table = ALL_FAULTS.flatMap(({ name }) => lines.get(name) ?? [])
  const rule = `| ${HEAD.map(() => '---').join(' | ')} |`
  writeFileSync(page, [before + BEGIN, '', `| ${HEAD.join(' | ')} |`, rule, ...table, '', END + after].join('\n'))
}

function halves(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`the page lacks ${mark}`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

function nameIn(line: string): string {
  return line.slice(3, line.indexOf('`', 3))
}

function lineOf({ fault, outcomes, failed }: Row): string {
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, one) => total + of(one), 0)
  const found = FAULTS.map((kind) => sum(({ counts }) => counts[kind]))
  const seen = [sum(({ records }) => records), sum(({ gaps }) => gaps), sum(({ connections }) => connections)]
  return `| ${[`\`${fault.name}\``, fault.what, outcomes.length, failed, ...found, ...seen].join(' | ')} |`
}
