/** One way to break a promise: a text of the source that is replaced, and the tests that must go red for it. */
export interface Mutation {
  /** What the broken gateway does. */
  readonly name: string
  readonly file: string
  /** Stands once in the file. */
  readonly from: string
  readonly to: string
  /** Below test/, without `.test.ts`, the cheapest first; of the services they may need Redis alone, which is up in no time. */
  readonly tests: readonly string[]
}
