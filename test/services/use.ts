import { type ServiceName, VARIABLES } from './service.ts'

/**
 * What a test file uses of the shared services. Importing one of these is how a file says what it needs: the runner reads the
 * imports (services/needs.ts), starts just that, and runs the file after the pure ones. A suite that kills or freezes
 * brokers takes its own from `startKafka` instead.
 *
 * The services are shared by all files of a run: names of topics, keys and schemas must be the test's own.
 */

/** host:port of each broker of the shared cluster. */
export function kafkaBrokers(): string[] {
  return variable('kafka').split(',')
}

/** redis://…; keys are shared with other files: use a prefix of your own. */
export function redisUrl(): string {
  return variable('redis')
}

/** postgres://…; make a schema of your own and drop it. */
export function postgresUrl(): string {
  return variable('postgres')
}

function variable(service: ServiceName): string {
  const value = process.env[VARIABLES[service]]
  if (value) return value
  throw new Error(
    `${VARIABLES[service]} is not set: run \`npm test -- <file>\`, or see \`npm run services\` in CONTRIBUTING.md`,
  )
}
