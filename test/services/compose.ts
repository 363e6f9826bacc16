import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { sleep, systemClock } from '../../gateway/clock.ts'
import { packageRoot } from '../../gateway/package.ts'
import { runToEnd } from './child.ts'
import type { Found } from './find.ts'
import { brokersKnownTo } from './kafka.ts'
import { freePorts } from './scratch.ts'
import type { ServiceName } from './service.ts'

const FILE = join(packageRoot, 'test/services/compose.yaml')
const START_SECONDS_MAX = 240
const KAFKA_MS_MAX = 60_000

/** Whether a container engine answers; a `docker` command alone says nothing. */
export function composeAnswers(): boolean {
  const answers = (args: readonly string[]): boolean =>
    spawnSync('docker', args, { stdio: 'ignore', timeout: 15_000 }).status === 0
  return answers(['info']) && answers(['compose', 'version'])
}

/** All of them in one compose project of this process, on free ports; stopping one removes the project with all its data. */
export async function startComposed(names: readonly ServiceName[]): Promise<Found[]> {
  composer({})(['pull', '--quiet', ...names])
  const [kafka, redis, postgres] = (await freePorts(3)) as [number, number, number]
  const ports = { WEIR_KAFKA_PORT: kafka, WEIR_REDIS_PORT: redis, WEIR_POSTGRES_PORT: postgres }
  const compose = composer(ports)
  const down = (): void => void compose(['down', '--volumes', '--timeout', '0'])
  // A run that is ended by a signal has no time for promises; `down` twice is harmless.
  process.once('exit', down)
  try {
    compose(['up', '--detach', '--wait', '--wait-timeout', String(START_SECONDS_MAX), ...names])
    if (names.includes('kafka')) await untilKafkaAnswers(`127.0.0.1:${kafka}`)
  } catch (error) {
    down()
    throw error
  }
  const values = {
    kafka: `127.0.0.1:${kafka}`,
    redis: `redis://127.0.0.1:${redis}`,
    postgres: `postgres://weir@127.0.0.1:${postgres}/postgres`,
  }
  const stop = async (): Promise<void> => {
    process.off('exit', down)
    down()
  }
  return names.map((name) => ({ name, value: values[name], pids: [], from: 'container engine (compose.yaml)', stop }))
}

/** Its health check sees the socket only. */
async function untilKafkaAnswers(address: string): Promise<void> {
  const deadline = systemClock.monotonic() + KAFKA_MS_MAX
  while ((await brokersKnownTo(address)) === 0) {
    if (systemClock.monotonic() > deadline) throw new Error(`Kafka in its container does not answer at ${address}`)
    await sleep(systemClock, 100)
  }
}

function composer(ports: { readonly [name: string]: number }): (args: readonly string[]) => string {
  const env = {
    ...process.env,
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
  }
  const project = `weir-test-${process.pid}`
  return (args) => runToEnd('docker', ['compose', '--project-name', project, '--file', FILE, ...args], { env })
}
