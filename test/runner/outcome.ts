import type { Told } from './reporter.ts'

/** What became of one test file. */
export interface Outcome {
  readonly suites: readonly SuiteOutcome[]
  readonly passed: number
  readonly failures: readonly Failure[]
}

/** A top-level `describe`. */
export interface SuiteOutcome {
  readonly name: string
  /** Tests that ran, without suites and tests that only hold others. */
  readonly tests: number
  readonly ms: number
}

export interface Failure {
  /** Names from the outermost suite inward; empty for what befell the whole file. */
  readonly names: readonly string[]
  readonly error: string
}

/** Reads what a test process told; a skipped or unwritten test is a failure: the run says what holds, not what might. */
export function outcomeOf(told: readonly Told[]): Outcome {
  const named: Named[] = []
  const suites: SuiteOutcome[] = []
  for (const event of told) {
    if (event.kind === 'start') continue
    for (const inner of named) adopt(inner, event)
    named.push({ event, names: [event.name], nesting: event.nesting })
    if (event.nesting === 0) suites.push({ name: event.name, tests: countSince(named, suites), ms: event.ms ?? 0 })
  }
  const failures = named.flatMap(toFailure)
  return {
    suites,
    passed: named.filter(({ event }) => isTest(event) && event.kind === 'pass' && !event.left).length,
    failures,
  }
}

/** The tests that began and did not end, outermost first: where a process hangs. */
export function unfinished(told: readonly Told[]): string[] {
  const open: Told[] = []
  for (const event of told) {
    if (event.kind === 'start') open.push(event)
    else
      open.splice(
        open.findIndex((one) => one.name === event.name && one.nesting === event.nesting),
        1,
      )
  }
  return open.map(({ name }) => name)
}

interface Named {
  readonly event: Told
  readonly names: string[]
  /** Of the outermost name known so far. */
  nesting: number
}

/** A test is told before the suite that holds it. */
function adopt(inner: Named, outer: Told): void {
  if (inner.nesting !== outer.nesting + 1) return
  inner.names.unshift(outer.name)
  inner.nesting = outer.nesting
}

function countSince(named: readonly Named[], suites: readonly SuiteOutcome[]): number {
  const before = suites.reduce((sum, { tests }) => sum + tests, 0)
  return named.filter(({ event }) => isTest(event)).length - before
}

/** A suite that is skipped counts, or its tests would vanish unseen. */
function isTest({ suite, failure, left }: Told): boolean {
  return failure !== 'subtestsFailed' && (!suite || left !== undefined || failure !== undefined)
}

function toFailure({ event, names }: Named): Failure[] {
  if (!isTest(event)) return []
  if (event.left) return [{ names, error: `${event.left}: every test must run` }]
  return event.kind === 'fail' ? [{ names, error: event.error ?? 'failed without an error' }] : []
}
