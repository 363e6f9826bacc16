import { inspect } from 'node:util'

/** What a test process tells the runner, one JSON text a line. */
export interface Told {
  readonly kind: 'start' | 'pass' | 'fail'
  readonly name: string
  /** 0 is the file's top level. */
  readonly nesting: number
  readonly suite: boolean
  readonly ms?: number
  readonly left?: 'skipped' | 'todo'
  /** node:test's failureType: testCodeFailure, subtestsFailed, hookFailed, … */
  readonly failure?: string
  /** Inspected, with its stack. */
  readonly error?: string
}

/** A node:test reporter that writes `Told` lines. */
export async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const line = toLine(event)
    if (line) yield `${JSON.stringify(line)}\n`
  }
}

interface TestEvent {
  readonly type: string
  readonly data?: {
    readonly name?: string
    readonly nesting?: number
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly details?: { readonly type?: string; readonly duration_ms?: number; readonly error?: TestError }
  }
}

interface TestError extends Error {
  readonly failureType?: string
}

function toLine({ type, data }: TestEvent): Told | null {
  const kind = KINDS[type]
  if (!kind || !data) return null
  const { name = '', nesting = 0, details, skip, todo } = data
  return {
    kind,
    name,
    nesting,
    suite: details?.type === 'suite',
    ...(details?.duration_ms !== undefined && { ms: details.duration_ms }),
    ...(given(skip) ? { left: 'skipped' } : given(todo) ? { left: 'todo' } : {}),
    ...(details?.error && failureOf(details.error)),
  }
}

/** A test that is skipped without a reason has the reason `true`, one by `{ skip: '' }` an empty text. */
function given(reason: string | boolean | undefined): boolean {
  return reason !== undefined && reason !== false
}

function failureOf(error: TestError): Pick<Told, 'failure' | 'error'> {
  const cause = error.cause ?? error
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 6, breakLength: 120 })
  return { failure: error.failureType ?? 'unknown', error: text }
}

const KINDS: { readonly [type: string]: Told['kind'] } = {
  'test:dequeue': 'start',
  'test:pass': 'pass',
  'test:fail': 'fail',
}
