import { topicsOf } from '../../assembly/topics.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { shortPath } from '../../config.ts'
import { KAFKA_CODE, KafkaError } from '../../drivers/kafka/errors.ts'
import type { PermittedTopic } from '../../drivers/kafka/permits.ts'
import type { KafkaProbe } from '../../drivers/kafka/probe.ts'
import { nearest } from '../../drivers/nearest.ts'
import { kafkaVerdict } from './kafkaRemedy.ts'
import { away, fail, ok, warn, type Verdict } from './verdict.ts'

/** A topic that a stream reads. */
export interface NamedTopic {
  readonly topic: string
  /** `earthquakes/events` */
  readonly stream: string
  /** The document that names it, as it may be shown. */
  readonly file: string
}

export interface Asked {
  readonly probe: Pick<KafkaProbe, 'topics' | 'read' | 'settings' | 'mayProduce'>
  readonly cluster: string
  /** As Kafka names us; null: not known. */
  readonly principal: string | null
}

/** Of one cluster; what is beyond is not looked at. */
const TOPICS_MAX = 500
/** Of those that are well, which share a line. */
const FAULTS_SHOWN_MAX = 20

/** The topics that are known by name, of the streams that read from a cluster. */
export function namedTopics(catalog: Catalog, cluster: string, cwd: string): readonly NamedTopic[] {
  return catalog.products.flatMap((product) =>
    product.streams.flatMap((one) => {
      const entry = catalog.stream(product.id, one.id)
      if (entry?.cluster !== cluster) return []
      const file = shortPath(entry.file, cwd)
      const named = topicsOf(one).filter((topic) => !topic.includes('{'))
      return named.map((topic) => ({ topic, stream: `${product.id}/${one.id}`, file }))
    }),
  )
}

/** Whether each is there, has leaders, and can be read. */
export async function topicVerdicts(named: readonly NamedTopic[], asked: Asked): Promise<readonly Verdict[]> {
  const looked = named.slice(0, TOPICS_MAX)
  const told = await asked.probe.topics([...new Set(looked.map(({ topic }) => topic))])
  const known = new Map(told.map((one) => [one.name, one]))
  const missing = told.some(({ code }) => isMissing(code))
  const all = missing ? (await asked.probe.topics(null)).map(({ name }) => name) : []
  const verdicts = await Promise.all(looked.map((one) => topicVerdict(one, known.get(one.topic), all, asked)))
  const faults = verdicts.filter(({ status }) => status !== 'ok')
  const left = faults.length - FAULTS_SHOWN_MAX
  const rest = left > 0 ? [fail(`${left} more topics have such faults`, 'mend these first')] : []
  const beyond = named.length - looked.length
  const unseen = beyond > 0 ? [warn(`${beyond} more topics were not looked at`, 'nothing, if the others are well')] : []
  return [...goodOnes(looked, verdicts), ...faults.slice(0, FAULTS_SHOWN_MAX), ...rest, ...unseen]
}

/** One line for each stream. */
function goodOnes(looked: readonly NamedTopic[], verdicts: readonly Verdict[]): readonly Verdict[] {
  const byStream = new Map<string, string[]>()
  for (const [i, { status, message }] of verdicts.entries()) {
    const { stream } = looked[i] as NamedTopic
    if (status === 'ok') byStream.set(stream, [...(byStream.get(stream) ?? []), message])
  }
  return [...byStream].map(([stream, [first = '', ...more]]) =>
    ok(`${stream}: ${first}${more.length === 0 ? '' : `, and ${more.length} more topics`}`),
  )
}

async function topicVerdict(
  { topic, stream, file }: NamedTopic,
  found: PermittedTopic | undefined,
  all: readonly string[],
  asked: Asked,
): Promise<Verdict> {
  if (found === undefined || isMissing(found.code)) {
    const near = nearest(topic, all)
    const message = `there is no topic ${topic}, which ${stream} reads`
    if (near === null) return fail(message, `create it, or correct the topic in ${file}`)
    return fail(`${message}; there is ${near}`, `write ${near} as the topic in ${file}, or create ${topic}`)
  }
  const verdict = await readVerdict(found, stream, asked)
  return verdict.status === 'ok' ? settingsVerdict(verdict, found, asked) : verdict
}

function isMissing(code: number): boolean {
  return code === KAFKA_CODE.unknownTopicOrPartition || code === KAFKA_CODE.invalidTopic
}

/** Whether a topic that is there, or may be, can be read. */
export async function readVerdict(found: PermittedTopic, reader: string, asked: Asked): Promise<Verdict> {
  const { name, code, partitions, operations } = found
  if (code === KAFKA_CODE.topicDenied) {
    const message = `we may not see topic ${name}, which ${reader} reads, or it is not there`
    return fail(message, grant(asked, name, ['Describe', 'Read']))
  }
  if (code !== KAFKA_CODE.none && code !== KAFKA_CODE.leaderNotAvailable) {
    return fail(`the brokers say nothing of topic ${name} (Kafka error ${code})`, "look into the brokers' logs")
  }
  const leaderless = partitions.filter(({ leader }) => leader < 0).map(({ partition }) => partition)
  const led = partitions.find(({ leader }) => leader >= 0)
  if (led === undefined || leaderless.length > 0) {
    const which = `${leaderless.length} of ${partitions.length} partitions of ${name} have no leader (${leaderless.slice(0, 10).join(', ')})`
    return away(`${which}: what ${reader} has there cannot be read`, 'start the brokers that hold them')
  }
  if (operations !== null && !operations.has('read')) return notReadable(name, reader, asked)
  return await fetchVerdict(found, led, reader, asked)
}

async function fetchVerdict(
  { name, partitions }: PermittedTopic,
  { partition, leader }: PermittedTopic['partitions'][number],
  reader: string,
  asked: Asked,
): Promise<Verdict> {
  try {
    const code = await asked.probe.read(name, partition, leader)
    if (code === KAFKA_CODE.topicDenied) return notReadable(name, reader, asked)
    if (code !== 0) return fail(`topic ${name} cannot be read (Kafka error ${code})`, "look into the brokers' logs")
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return kafkaVerdict(error, asked.cluster, `topic ${name}`)
  }
  return ok(`topic ${name} can be read, ${partitions.length} ${partitions.length === 1 ? 'partition' : 'partitions'}`)
}

function notReadable(name: string, reader: string, asked: Asked): Verdict {
  return fail(`we may see topic ${name}, which ${reader} reads, and may not read it`, grant(asked, name, ['Read']))
}

/** The line for whoever keeps the access rules. */
export function grant({ principal }: Asked, topic: string, operations: readonly string[]): string {
  const who = principal ?? 'User:…'
  const what = operations.map((one) => `--operation ${one}`).join(' ')
  return `allow it: kafka-acls.sh --add --allow-principal '${who}' ${what} --topic ${topic}`
}

export const UNCLEAN = 'unclean.leader.election.enable'

/** Settings are the owner's: where they are not shown to us, that is all there is to say. */
async function settingsVerdict(well: Verdict, { name }: PermittedTopic, { probe }: Asked): Promise<Verdict> {
  const { code, configs } = await probe.settings(name, [UNCLEAN])
  if (code !== 0) return ok(`${well.message} (its settings are not shown to us)`)
  if (configs.get(UNCLEAN) !== 'true') return well
  return warn(
    `topic ${name} may get a leader that lacks records (${UNCLEAN}): who was away meanwhile is not told which`,
    `set ${UNCLEAN}=false on it (docs/reliability.md says why)`,
  )
}
