import type { Mutation } from './mutation.ts'

/** Breaks what is read from a log. */
export const SOURCE: readonly Mutation[] = [
  {
    name: 'aborted records are delivered',
    file: 'gateway/source/kafka/batches.ts',
    from: 'const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)',
    to: 'const waiting = aborted.slice(0, 0)',
    tests: ['source/kafka/batches'],
  },
  {
    name: 'a line break of a payload ends its event or line',
    file: 'gateway/source/decode/json.ts',
    from: 'const json = onOneLine(value)',
    to: 'const json = value',
    tests: ['source/decode/json', 'transport/framing'],
  },
  {
    name: 'a partition that is polled no longer is not forgotten',
    file: 'gateway/drivers/kafka/fetch-session.ts',
    from: 'if (this.#told.size === wanted) return forgotten',
    to: 'return forgotten',
    tests: ['drivers/kafka/fetch-session'],
  },
  {
    name: 'a fetch that was not answered counts as answered',
    file: 'gateway/drivers/kafka/fetch-session.ts',
    from: 'this.#end()\n      throw error',
    to: 'throw error',
    tests: ['drivers/kafka/fetch-session'],
  },
  {
    name: 'a partition of a session stays where it was first read',
    file: 'gateway/drivers/kafka/fetch-session.ts',
    from: 'if (told.fetchOffset === place.fetchOffset && told.leaderEpoch === place.leaderEpoch) continue',
    to: 'continue',
    tests: ['drivers/kafka/fetch-session'],
  },
  {
    name: 'each topic writes the epochs down by itself',
    file: 'gateway/source/kafka/epoch-file.ts',
    from: 'const asked = this.#waiting\n      this.#waiting = []',
    to: 'const asked = this.#waiting.splice(0, 1)',
    tests: ['source/kafka/epoch-file'],
  },
]
