import type { Mutation } from './mutation.ts'

/** Breaks how documents are judged, and what becomes of partners where they change. */
export const CATALOG: readonly Mutation[] = [
  {
    name: 'a file is taken up as soon as it is seen',
    file: 'gateway/catalog/shelf.ts',
    from: 'changed.filter(({ file }) => before.states.get(file) === now.states.get(file))',
    to: 'changed',
    tests: ['catalog/shelf'],
  },
  {
    name: 'a broken document takes its product away',
    file: 'gateway/catalog/shelf.ts',
    from: 'return newest === null || isEmpty(newest) ? null : good',
    to: 'return null',
    tests: ['catalog/shelf'],
  },
  {
    name: 'a folder that is gone takes its products along',
    file: 'gateway/catalog/shelf.ts',
    from: 'return specs.filter((spec) => unreadable.has(spec))',
    to: 'return specs.filter((spec) => unreadable.has(spec) && spec === "")',
    tests: ['catalog/shelf'],
  },
  {
    name: 'a newcomer takes the id of a product that is served',
    file: 'gateway/catalog/shelf.ts',
    from: 'return problemsOf(file, product, owner === file ? undefined : owner, clusters).length > 0 ? good : newest',
    to: 'return problemsOf(file, product, undefined, clusters).length > 0 ? good : newest',
    tests: ['catalog/shelf'],
  },
  {
    name: 'nobody who is connected learns of a new document',
    file: 'gateway/transport/admissions.ts',
    from: 'connection.republished()',
    to: 'void connection',
    tests: ['contract/coverage'],
  },
  {
    name: 'a changed stream begins anew at its end',
    file: 'gateway/transport/renewal.ts',
    from: "return { ...seen, from: { kind: 'cursor', cursor: decoded } }",
    to: 'return seen',
    tests: ['transport/renewal'],
  },
  {
    name: 'a changed stream shares the view of the old one',
    file: 'gateway/transport/seen.ts',
    from: 'JSON.stringify([stream.key, revision, form, selection.key])',
    to: 'JSON.stringify([stream.key, form, selection.key])',
    tests: ['contract/coverage'],
  },
  {
    name: 'a finding has no column',
    file: 'gateway/catalog/findings.ts',
    from: 'if (place !== null) return { file, ...place }',
    to: 'if (place !== null) return { file, line: place.line, column: 1 }',
    tests: ['cli/lint'],
  },
  {
    name: 'governance refuses nothing',
    file: 'gateway/catalog/governance.ts',
    from: "const grave = seen ? 'error' : 'warning'",
    to: "const grave = seen ? 'warning' : 'warning'",
    tests: ['cli/lint'],
  },
  {
    name: 'a line break in a document ends an annotation',
    file: 'gateway/cli/spec/report.ts',
    from: ".replaceAll('\\n', '%0A')",
    to: '',
    tests: ['cli/lint'],
  },
]
