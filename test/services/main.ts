import { spawnSync } from 'node:child_process'
import { type Found, findServices } from './find.ts'
import { SERVICE_NAMES, VARIABLES } from './service.ts'

/**
 * `npm run -s services`: Kafka (one broker), Redis and PostgreSQL for single test files. Prints a line
 * `export WEIR_TEST_…=…` for each and keeps them until a signal; with a command behind `--` it runs that with the variables set and ends
 * with its exit code.
 */
async function main(command: readonly string[]): Promise<number> {
  const services = await findServices(SERVICE_NAMES)
  for (const { name, from } of services) console.error(`${name}: ${from}`)
  try {
    return command.length > 0 ? runWith(services, command) : await keep(services)
  } finally {
    await Promise.all(services.map((service) => service.stop()))
  }
}

function runWith(services: readonly Found[], [command, ...args]: readonly string[]): number {
  const variables = services.map(({ name, value }) => [VARIABLES[name], value] as const)
  const env = { ...process.env, ...Object.fromEntries(variables) }
  return spawnSync(command as string, args, { stdio: 'inherit', env }).status ?? 1
}

async function keep(services: readonly Found[]): Promise<number> {
  for (const { name, value } of services) console.log(`export ${VARIABLES[name]}=${value}`)
  console.error('ready; ctrl-c ends them')
  const pids = setInterval(() => {}, 60_000)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  clearInterval(pids)
  return 0
}

process.exitCode = await main(process.argv.slice(2).filter((arg, at) => at > 0 || arg !== '--'))
