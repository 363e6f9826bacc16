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
]
