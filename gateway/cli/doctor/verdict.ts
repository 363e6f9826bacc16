export type Status = 'ok' | 'warn' | 'fail'

/** What one look has shown. */
export interface Verdict {
  readonly status: Status
  readonly message: string
  /** What to do about it; null where it is well. */
  readonly fix: string | null
  /** A system does not answer: whatever lies behind it was not looked at. */
  readonly unreachable: boolean
}

export function ok(message: string): Verdict {
  return { status: 'ok', message, fix: null, unreachable: false }
}

/** Weir serves, and not as one would want. */
export function warn(message: string, fix: string): Verdict {
  return { status: 'warn', message, fix, unreachable: false }
}

/** Weir does not serve, or not all. */
export function fail(message: string, fix: string): Verdict {
  return { status: 'fail', message, fix, unreachable: false }
}

/** A fault of what lies elsewhere: nobody is there. */
export function away(message: string, fix: string): Verdict {
  return { status: 'fail', message, fix, unreachable: true }
}
