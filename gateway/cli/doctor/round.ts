import { join } from 'node:path'
import { kafkaConfigOf } from '../../assembly/kafkaConfig.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Problem } from '../../config/problem.ts'
import type { KafkaLimits } from '../../drivers/kafka/cluster.ts'
import { KafkaProbe } from '../../drivers/kafka/probe.ts'
import { rehearseTopic } from '../../drivers/kafka/producer.ts'
import { RedisProbe } from '../../drivers/redis/probe.ts'
import { USAGE_TOPIC } from '../../usage/kafkaSink.ts'
import type { Edge } from '../edge.ts'
import { examineData } from './data.ts'
import { examineDocuments, examineProblems, type Read } from './documents.ts'
import { Examination, type Outcome, type System } from './examination.ts'
import type { Facts } from './facts.ts'
import { examineIssuer } from './issuers.ts'
import { examineCluster } from './kafka.ts'
import { examineLimits, examineMachine, firstLineOf } from './machine.ts'
import { examinePorts } from './ports.ts'
import { examineRedis } from './redis.ts'
import { namedTopics } from './topics.ts'
import { fail, ok } from './verdict.ts'

const KAFKA_LIMITS: KafkaLimits = { connectMsMax: 3000, requestMsMax: 4000, hedgeMs: 500 }
const REDIS_LIMITS = { connectMsMax: 3000, commandMsMax: 2000 }

/** Where the configuration cannot be read there is only the machine to look at. */
export async function examineBroken(edge: Edge, problems: readonly Problem[], facts: Facts): Promise<Outcome> {
  const examination = new Examination(edge.clock)
  examination.look('machine', (system) => examineMachine(system, facts, edge.clock.now()))
  examination.look('configuration', (system) => examineProblems(system, problems))
  return await examination.end(edge.stop)
}

/** Everything that a gateway of this configuration needs. */
export async function examine(edge: Edge, read: Read, facts: Facts): Promise<Outcome> {
  const { config, clock } = read
  const examination = new Examination(clock)
  const catalog = new Promise<Catalog | null>((resolve) => {
    examination.look('machine', async (system) => {
      await examineMachine(system, facts, clock.now())
      await examineLimits(system, config, facts)
    })
    examination.look('configuration', async (system) => resolve(await examineDocuments(system, read)))
  })
  examination.look('ports', (system) => examinePorts(system, config))
  examination.look('data', (system) => examineData(system, config))
  if (config.embedded) {
    examination.look('kafka', (system) => absent(system, 'no cluster is configured: the embedded log plays recordings'))
  }
  for (const name of Object.keys(config.clusters)) {
    examination.look(`kafka ${name}`, (system) => lookAtCluster(system, name, read, catalog))
  }
  examination.look('redis', (system) => lookAtRedis(system, read))
  examination.look('database', (system) => lookAtDatabase(system, read))
  for (const [i, issuer] of config.access.issuers.entries()) {
    examination.look(`issuer ${issuer.issuer}`, (system) => examineIssuer(system, issuer, i))
  }
  return await examination.end(edge.stop)
}

async function absent(system: System, message: string): Promise<void> {
  await system.check('absent', async () => ok(message))
}

async function lookAtCluster(
  system: System,
  name: string,
  { config, cwd, clock }: Read,
  catalog: Promise<Catalog | null>,
): Promise<void> {
  const kafka = kafkaConfigOf(config, name)
  const { cluster, topic } = config.usage
  const probe = new KafkaProbe(kafka, KAFKA_LIMITS, clock)
  try {
    await examineCluster(system, probe, {
      name,
      settings: config.clusters[name] as (typeof config.clusters)[string],
      topics: catalog.then((read) => (read === null ? [] : namedTopics(read, name, cwd))),
      usageTopic: cluster === name ? topic : null,
      rehearseUsageTopic: () => rehearseTopic(kafka, { topic, ...USAGE_TOPIC }, clock),
    })
  } finally {
    probe.close()
  }
}

async function lookAtRedis(system: System, { config, clock }: Read): Promise<void> {
  const url = config.redis.url?.reveal()
  if (url === undefined) return absent(system, 'no Redis is configured: allowances are counted in one process')
  const probe = new RedisProbe(url, REDIS_LIMITS, clock)
  try {
    await examineRedis(system, probe, url)
  } finally {
    probe.close()
  }
}

/** Its library is a binary for this machine, too: where it does not load, all the rest is told nevertheless. */
async function lookAtDatabase(system: System, { config, clock }: Read): Promise<void> {
  const loading = import('./database.ts')
  const loads = await system.check('library', async () => {
    try {
      await loading
      return []
    } catch (error) {
      const why = firstLineOf(error)
      return fail(`the library of databases does not load: ${why}`, 'run npm ci on this very system, with this Node')
    }
  })
  if (!loads) return
  const url = config.database.url?.reveal() ?? null
  const { examineDatabase } = await loading
  await examineDatabase(system, { url, file: join(config.dataDir, 'ledger.db'), clock })
}
