import type { FileOutcome } from './file.ts'

/** Of a failure's error in a line, letters. */
const WHY_LENGTH_MAX = 300

/** One line for a file that has ended. */
export function fileLine({ path, suites, failures, ms }: FileOutcome): string {
  const tests = suites.reduce((sum, suite) => sum + suite.tests, 0)
  const verdict = failures.length === 0 ? 'ok  ' : 'FAIL'
  return `${verdict} ${path}  ${tests} tests, ${duration(ms)}${failures.length > 0 ? `, ${failures.length} failed` : ''}`
}

/** Every failure with its error, file by file, and what the file printed. */
export function failureText(outcomes: readonly FileOutcome[]): string {
  return outcomes
    .filter(({ failures }) => failures.length > 0)
    .map(({ path, failures, printed }) => {
      const each = failures.map(({ names, error }) => `FAILED ${[path, ...names].join(' › ')}\n${indent(error)}`)
      const said = printed === '' ? [] : [`printed by ${path} (last lines)\n${indent(printed)}`]
      return [...each, ...said].join('\n\n')
    })
    .join('\n\n')
}

/** Each failure in a line, for who sees only the end of what was printed. */
export function failureLines(outcomes: readonly FileOutcome[]): string {
  return outcomes
    .flatMap(({ path, failures }) =>
      failures.map(({ names, error }) => {
        const why = error.replaceAll(/\s*\n\s*/g, ' ').slice(0, WHY_LENGTH_MAX)
        return `failed: ${[path, ...names.slice(-1)].join(' › ')}: ${why}`
      }),
    )
    .join('\n')
}

/** Each suite with its number of tests and its time. */
export function suiteTable(outcomes: readonly FileOutcome[]): string {
  const suites = outcomes.flatMap((outcome) => outcome.suites).sort((a, b) => a.name.localeCompare(b.name))
  const rows = [
    ['suite', 'tests', 'time'],
    ...suites.map((suite) => [suite.name, String(suite.tests), duration(suite.ms)]),
  ]
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => (row[at] as string).length)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[at] as number)))
        .join('  '),
    )
    .join('\n')
}

export function totalLine(outcomes: readonly FileOutcome[], otherFailures: number): string {
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failures.length, otherFailures)
  return `${passed} passed, ${failed} failed`
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ')
}
