/** One way to break a promise: a text of the source that is replaced, and the tests that must go red for it. */
export interface Mutation {
  readonly name: string
  readonly file: string
  /** Stands once in the file. */
  readonly from: string
  readonly to: string
  /** Below test/, without `.test.ts`. */
  readonly tests: readonly string[]
}

export const MUTATIONS: readonly Mutation[] = []
