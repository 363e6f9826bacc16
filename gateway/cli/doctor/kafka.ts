import type { Config } from '../../config.ts'
import { KafkaError } from '../../drivers/kafka/errors.ts'
import type { KafkaProbe, Reached } from '../../drivers/kafka/probe.ts'
import type { System } from './examination.ts'
import { kafkaVerdict } from './kafkaRemedy.ts'
import { topicVerdicts, type NamedTopic } from './topics.ts'
import { usageTopicVerdicts } from './usageTopic.ts'
import { away, fail, ok, warn, type Verdict } from './verdict.ts'

/** One cluster, and what is wanted of it. */
export interface Wanted {
  readonly name: string
  readonly settings: Config['clusters'][string]
  /** Settled once the documents have been read. */
  readonly topics: Promise<readonly NamedTopic[]>
  /** Usage goes through this topic here; null: not here. */
  readonly usageTopic: string | null
  /** Whether the usage topic could be made. Rejects with the brokers' reason. */
  readonly rehearseUsageTopic: () => Promise<void>
}

export async function examineCluster(system: System, probe: KafkaProbe, wanted: Wanted): Promise<void> {
  const { name, topics, usageTopic } = wanted
  let reached: readonly Reached[] = []
  const letIn = await system.check('brokers', async () => {
    reached = await probe.seeds()
    return seedVerdicts(reached, name)
  })
  // One broker that is away leaves the others to be looked at.
  if (!letIn && reached.every(({ error }) => error !== null)) return
  await system.check('advertised', async () => advertisedVerdicts(await probe.advertised(), wanted, probe))
  const named = await topics
  const asked = { probe, cluster: name, principal: principalOf(wanted.settings) }
  if (named.length > 0)
    await system.check(
      'topics',
      guarded(name, () => topicVerdicts(named, asked)),
    )
  if (usageTopic === null) return
  const usage = { ...asked, topic: usageTopic, rehearse: wanted.rehearseUsageTopic }
  await system.check(
    'usage-topic',
    guarded(name, () => usageTopicVerdicts(usage)),
  )
}

function guarded(name: string, look: () => Promise<readonly Verdict[]>): () => Promise<readonly Verdict[]> {
  return async () => {
    try {
      return await look()
    } catch (error) {
      if (error instanceof KafkaError) return [kafkaVerdict(error, name, 'a broker')]
      throw error
    }
  }
}

function seedVerdicts(reached: readonly Reached[], name: string): readonly Verdict[] {
  const failed = reached.flatMap(({ address, error }) => (error === null ? [] : [{ address, error }]))
  const verdicts = failed.map(({ address, error }) => kafkaVerdict(error, name, address))
  const good = reached.filter(({ error }) => error === null).map(({ address }) => address)
  if (good.length === 0) return verdicts
  return [ok(`${good.join(', ')} ${good.length === 1 ? 'lets' : 'let'} us in`), ...verdicts.map(lessened)]
}

/** Others can be asked: the gateway serves. */
function lessened({ message, fix }: Verdict): Verdict {
  return warn(message, fix ?? '')
}

function advertisedVerdicts(reached: readonly Reached[], { name, settings }: Wanted, probe: KafkaProbe): Verdict[] {
  const verdicts = reached.flatMap(({ address, error }): Verdict[] => {
    if (error === null) return []
    const { message, unreachable } = kafkaVerdict(error, name, address)
    const fix =
      "set that broker's advertised.listeners to an address that works from here, for the listener that we dial (KIP-103)"
    const told = `the cluster sends us to a broker that does not serve us there: ${message}`
    return [unreachable ? away(told, fix) : fail(told, fix)]
  })
  const count = `${reached.length} ${reached.length === 1 ? 'broker' : 'brokers'}`
  const login = settings.sasl === null ? '' : `, logged in by ${settings.sasl.mechanism}`
  const tls = settings.ssl === false ? '' : ', over TLS'
  if (verdicts.length > 0) return verdicts
  return [ok(`${count}${releaseOf(probe.fetchVersion)}, each reached where it advertises itself${tls}${login}`)]
}

/** The oldest release that speaks a version of Fetch: brokers do not tell their own. */
const RELEASES: readonly (readonly [fetchVersion: number, release: string])[] = [
  [18, '4.1'],
  [17, '3.9'],
  [16, '3.7'],
  [15, '3.5'],
  [13, '3.1'],
  [12, '2.7'],
  [11, '2.3'],
]

function releaseOf(fetchVersion: number | null): string {
  const found = RELEASES.find(([version]) => fetchVersion !== null && fetchVersion >= version)
  return found === undefined ? '' : `, Kafka ${found[1]} or newer`
}

/** As Kafka names whoever logs in by a password; null where a certificate or a token says it. */
function principalOf({ sasl }: Wanted['settings']): string | null {
  return sasl === null || sasl.username === null ? null : `User:${sasl.username}`
}
