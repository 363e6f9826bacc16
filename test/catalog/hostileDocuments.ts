import { documentWith } from './support.ts'

const CIRCLE = `components:\n  schemas:\n    a: { $ref: '#/components/schemas/b' }\n    b: { $ref: '#/components/schemas/a' }`

const DEEP = 5_000

/** Documents that would harm whoever reads them, each with the code of the finding that refuses it. They do so as overlays, too. */
export const HOSTILE: readonly (readonly [what: string, text: () => string, code: string])[] = [
  ['an alias bomb', aliasBomb, 'unreadable'],
  ['5,000 levels of lists', () => `asyncapi: 3.0.0\nx: ${'['.repeat(DEEP)}${']'.repeat(DEEP)}`, 'unreadable'],
  ['5,000 levels of maps', () => `asyncapi: 3.0.0\nx: ${'{a: '.repeat(DEEP)}1${'}'.repeat(DEEP)}`, 'unreadable'],
  ['50 MB', () => `asyncapi: 3.0.0\nx: ${'y'.repeat(50_000_000)}`, 'unreadable'],
  ['a million empty lines', () => `asyncapi: 3.0.0\n${'\n'.repeat(1_000_000)}`, 'unreadable'],
  ['a key named __proto__', () => `${documentWith()}\n__proto__: { polluted: true }`, 'unreadable'],
  ['a reference to a file', () => documentWith({ payload: '{ $ref: "/etc/passwd" }' }), 'ref-external'],
  [
    'a reference to a file by its address',
    () => documentWith({ payload: '{ $ref: "file:///etc/passwd" }' }),
    'ref-external',
  ],
  ['a reference to a server', () => documentWith({ payload: '{ $ref: "http://127.0.0.1:9/a.json" }' }), 'ref-external'],
  [
    'references in a circle',
    () => documentWith({ payload: "{ $ref: '#/components/schemas/a' }", more: CIRCLE }),
    'ref-unresolved',
  ],
  [
    'a topic that climbs',
    () => documentWith({ channel: 'bindings: { kafka: { topic: ../../secrets } }' }),
    'topic-invalid',
  ],
  ['references that blow up', refBomb, 'refs-too-many'],
  ['an id that climbs', () => documentWith({ product: 'id: ../../etc' }), 'wrong-value'],
  [
    'a pattern that must backtrack',
    () => documentWith({ payload: String.raw`{ pattern: '^(a+)+\1$' }` }),
    'unsafe-pattern',
  ],
]

function aliasBomb(): string {
  const lines = Array.from(
    { length: 12 },
    (_, i) =>
      `x${i}: &x${i} [${Array(10)
        .fill(i === 0 ? '1' : `*x${i - 1}`)
        .join()}]`,
  )
  return `asyncapi: 3.0.0\n${lines.join('\n')}`
}

function refBomb(): string {
  const ref = (i: number): string => `{ $ref: '#/components/schemas/a${i}' }`
  const lines = Array.from({ length: 30 }, (_, i) => `    a${i}: { allOf: [${ref(i + 1)}, ${ref(i + 1)}] }`)
  return documentWith({ payload: ref(0), more: `components:\n  schemas:\n${lines.join('\n')}\n    a30: {}` })
}
