/** A system that the tests talk to, and how to be rid of it. */
export interface Service {
  /** What the tests need to reach it: brokers by comma, or a URL. */
  readonly value: string
  /** Processes of ours; none where somebody else runs it. */
  readonly pids: readonly number[]
  /** Resolves when it is gone; rejects where it could not be stopped. Does nothing where it is not ours. */
  stop(): Promise<void>
}

export type ServiceName = 'kafka' | 'redis' | 'postgres'

export const SERVICE_NAMES: readonly ServiceName[] = ['kafka', 'redis', 'postgres']

/** The environment variable that names each service: from outside to the runner, and from the runner to the tests. */
export const VARIABLES: { readonly [name in ServiceName]: string } = {
  kafka: 'WEIR_TEST_KAFKA_BROKERS',
  redis: 'WEIR_TEST_REDIS_URL',
  postgres: 'WEIR_TEST_POSTGRES_URL',
}
