import { canInstall, install } from './apt.ts'
import { composeAnswers, startComposed } from './compose.ts'
import { which } from './child.ts'
import { startKafka } from './kafka.ts'
import { java, kafkaClassPath } from './kafka/jars.ts'
import { postgresFolder, startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import { type Service, type ServiceName, VARIABLES } from './service.ts'

/** A service and where it came from, in words for the person who runs the tests. */
export interface Found extends Service {
  readonly name: ServiceName
  readonly from: string
}

/**
 * Each service that is asked for, from the first place that has it: the environment, a container engine that answers, the
 * machine's own programs, and on Debian as root its packages. Rejects, with everything stopped, where one is nowhere.
 * What has to be downloaded is, before the first promise: it blocks the event loop, and nothing else may have begun.
 */
export async function findServices(names: readonly ServiceName[]): Promise<Found[]> {
  const given = names.filter((name) => process.env[VARIABLES[name]])
  const missing = names.filter((name) => !given.includes(name))
  const engine = missing.length > 0 && composeAnswers()
  const started = engine ? await startComposed(missing) : await startAll(missing)
  return [...given.map(fromEnvironment), ...started]
}

function fromEnvironment(name: ServiceName): Found {
  const value = process.env[VARIABLES[name]] as string
  return { name, value, pids: [], from: `environment variable ${VARIABLES[name]}`, stop: async () => {} }
}

async function startAll(names: readonly ServiceName[]): Promise<Found[]> {
  const from = providePrograms(names)
  if (names.includes('kafka')) kafkaClassPath()
  const results = await Promise.allSettled(names.map(async (name) => ({ name, from, ...(await START[name]()) })))
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []))
  if (failed.length === 0) return found
  await Promise.all(found.map((service) => service.stop()))
  throw new Error(failed.map((error) => error.message).join('\n'))
}

const START: { readonly [name in ServiceName]: () => Promise<Service> } = {
  kafka: async () => {
    const cluster = await startKafka()
    return { value: cluster.brokers.join(','), pids: cluster.pids(), stop: () => cluster.stop() }
  },
  redis: startRedis,
  postgres: startPostgres,
}

interface Program {
  readonly service: ServiceName
  readonly name: string
  readonly debian: string
  present(): boolean
}

const PROGRAMS: readonly Program[] = [
  { service: 'kafka', name: 'java', debian: 'default-jre-headless', present: () => which(java()) !== null },
  { service: 'kafka', name: 'mvn', debian: 'maven', present: () => which('mvn') !== null },
  { service: 'redis', name: 'redis-server', debian: 'redis-server', present: () => which('redis-server') !== null },
  { service: 'postgres', name: 'postgres', debian: 'postgresql', present: () => postgresFolder() !== null },
]

/** Java and Maven, for files that start brokers of their own. Throws where they are not there and cannot be installed. */
export function provideKafkaPrograms(): void {
  providePrograms(['kafka'])
  kafkaClassPath()
}

/** Sees to it that all programs are there; returns where they are from. */
function providePrograms(names: readonly ServiceName[]): string {
  const missing = absent(names)
  if (missing.length === 0) return "this machine's own programs"
  const packages = missing.map((program) => program.debian)
  if (!canInstall()) throw new Error(nowhere(missing))
  install(packages)
  const still = absent(names)
  if (still.length > 0) throw new Error(nowhere(still))
  return `this machine's own programs, after apt-get install ${packages.join(' ')}`
}

function absent(names: readonly ServiceName[]): Program[] {
  return PROGRAMS.filter((program) => names.includes(program.service) && !program.present())
}

function nowhere(missing: readonly Program[]): string {
  const lines = missing.map(
    ({ service, name, debian }) =>
      `${service}: ${name} is not there. Set ${VARIABLES[service]}, start a container engine, or install it (Debian: apt-get install ${debian})`,
  )
  return `The tests run on real services, and these are nowhere to be found:\n${lines.join('\n')}`
}
