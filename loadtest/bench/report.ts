import type { Judged } from './again.ts'
import { COLUMNS, valueOf, type Column, type Figure } from './figure.ts'

/** What a run found, as it is printed and written. */
export interface Findings {
  readonly machine: string
  readonly ratios: readonly Judged[]
  readonly figures: readonly Figure[]
}

/** Markdown tables: the ratios, then what they are made of. */
export function textOf({ machine, ratios, figures }: Findings): string {
  const tables = [ratioTable(ratios), ...groupsOf(figures).map(figureTable)]
  return `${machine}\n\n${tables.join('\n\n')}\n`
}

function ratioTable(ratios: readonly Judged[]): string {
  const rows = ratios.map(({ name, value, second, band, budget, reach, verdict }) => [
    name,
    second === null ? value.toFixed(2) : `${value.toFixed(2)}, then ${second.toFixed(2)}`,
    `±${(band * 100).toFixed(0)} %`,
    budget === null ? '' : String(budget),
    reach === null ? '' : String(reach),
    verdict === 'free' ? '' : verdict,
  ])
  return table(['ratio', 'value', 'band', 'budget', 'reach', ''], rows)
}

function figureTable(figures: readonly Figure[]): string {
  const columns = Object.keys(figures[0]?.values ?? {}) as Column[]
  const rows = figures.map((one) => [
    one.of,
    one.arm,
    ...columns.map((column) => valueOf(one, column).toFixed(COLUMNS[column][1])),
  ])
  return table(['measured', 'arm', ...columns.map((column) => COLUMNS[column][0])], rows)
}

/** One table for all that have the same columns. */
function groupsOf(figures: readonly Figure[]): readonly (readonly Figure[])[] {
  const groups = new Map<string, Figure[]>()
  for (const figure of figures) {
    const key = Object.keys(figure.values).join()
    const group = groups.get(key)
    if (group) group.push(figure)
    else groups.set(key, [figure])
  }
  return [...groups.values()]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
