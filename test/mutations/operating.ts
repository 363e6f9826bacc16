import type { Mutation } from './mutation.ts'

/** Breaks what operators and those at a prompt rely on. */
export const OPERATING: readonly Mutation[] = [
  {
    name: 'the log has what a driver keeps in its error, password and all',
    file: 'gateway/log.ts',
    from: 'chain.map(({ stack, message }) => stack ?? message)',
    to: "chain.map((one) => `${one.stack ?? ''}${JSON.stringify(one)}`)",
    tests: ['cli/secrets'],
  },
  {
    name: 'a password in the query of an address is taken from the file that people read',
    file: 'gateway/config/secretUrl.ts',
    from: '/password/i',
    to: '/passwd/i',
    tests: ['config'],
  },
  {
    name: 'a hidden product is told to who mistypes its name',
    file: 'gateway/assembly/gate.ts',
    from: 'return noSuchStream(product, stream, visible(identity))',
    to: 'return noSuchStream(product, stream, catalog().products)',
    tests: ['cli/didYouMean'],
  },
  {
    name: 'a month of a consumer whom nobody knows is an empty report',
    file: 'gateway/cli/usage.ts',
    from: 'if (strangers.length > 0)',
    to: 'if (strangers.length > 9)',
    tests: ['cli/commands'],
  },
  {
    name: 'reports call consumers by no name',
    file: 'gateway/billing/report.ts',
    from: "names.get(line.consumer ?? '')",
    to: "names.get('')",
    tests: ['config/keys'],
  },
  {
    name: 'a recording is not found by the name of its channel',
    file: 'gateway/catalog/files.ts',
    from: '.toLowerCase() === streamId)',
    to: ' === streamId)',
    tests: ['catalog/catalog'],
  },
]
