import { KAFKA_CODE } from '../../drivers/kafka/errors.ts'
import type { PermittedTopic } from '../../drivers/kafka/permits.ts'
import { describeFault } from '../../log.ts'
import { grant, readVerdict, UNCLEAN, type Asked } from './topics.ts'
import { fail, ok, warn, type Verdict } from './verdict.ts'

interface Usage extends Asked {
  readonly topic: string
  readonly rehearse: () => Promise<void>
}

const READER = 'the ledger'
const NAMES = ['cleanup.policy', 'retention.ms', 'retention.bytes', 'min.insync.replicas', UNCLEAN] as const

/** Whether usage can be written to its topic and read back from it, and stays there. Nothing is written. */
export async function usageTopicVerdicts(usage: Usage): Promise<readonly Verdict[]> {
  const { topic, probe } = usage
  const [found] = await probe.topics([topic])
  const produce = await produceVerdict(usage)
  if (found === undefined || found.code === KAFKA_CODE.unknownTopicOrPartition) {
    return [await creationVerdict(usage), ...produce]
  }
  if (found.code === KAFKA_CODE.topicDenied) {
    const allowed = grant(usage, topic, ['Describe', 'Read', 'Write', 'Create'])
    return [fail(`we may not see topic ${topic} for usage, or it is not there`, allowed), ...produce]
  }
  const read = await readVerdict(found, READER, usage)
  if (read.status !== 'ok') return [read, ...produce]
  if (found.operations !== null && !found.operations.has('write')) {
    return [fail(`we may not write to topic ${topic}: no usage would be billed`, grant(usage, topic, ['Write']))]
  }
  if (produce.length > 0) return produce
  const settings = await settingsVerdicts(usage, found)
  return settings.length > 0 ? settings : [ok(`usage: ${read.message} and written to`)]
}

async function creationVerdict({ topic, rehearse, ...asked }: Usage): Promise<Verdict> {
  try {
    await rehearse()
    return ok(`usage: topic ${topic} is not there yet, and can be made by the first start`)
  } catch (error) {
    return fail(
      `topic ${topic} for usage is not there, and we may not make it: ${String(describeFault(error, false))}`,
      `create it (retention.ms=-1, cleanup.policy=delete), or ${grant(asked, topic, ['Create', 'Write', 'Read', 'Describe'])}`,
    )
  }
}

/** Since Kafka 2.8 who may write to any topic may do so idempotently (KIP-679). */
async function produceVerdict(usage: Usage): Promise<readonly Verdict[]> {
  const code = await usage.probe.mayProduce()
  if (code === 0) return []
  const what = 'we may not write idempotently: no usage would be billed'
  if (code !== KAFKA_CODE.clusterDenied) return [fail(`${what} (Kafka error ${code})`, "look into the brokers' logs")]
  const who = usage.principal ?? 'User:…'
  const cluster = `kafka-acls.sh --add --allow-principal '${who}' --operation IdempotentWrite --cluster`
  return [fail(what, `${grant(usage, usage.topic, ['Write'])}; before Kafka 2.8 also ${cluster}`)]
}

/** The topic is the raw proof of each bill. */
async function settingsVerdicts({ topic, probe }: Usage, found: PermittedTopic): Promise<readonly Verdict[]> {
  const { code, configs } = await probe.settings(topic, NAMES)
  if (code !== 0) return [ok(`usage: topic ${topic} can be read and written to (its settings are not shown to us)`)]
  const verdicts: Verdict[] = []
  if (configs.get('cleanup.policy') !== 'delete') {
    verdicts.push(
      fail(
        `topic ${topic} for usage is compacted: usage would vanish before it is billed`,
        'set cleanup.policy=delete on it',
      ),
    )
  }
  for (const name of ['retention.ms', 'retention.bytes'] as const) {
    const value = configs.get(name)
    if (value === '-1' || value == null) continue
    verdicts.push(
      warn(
        `topic ${topic} for usage keeps records for ${name}=${value} only: what proves a bill goes away`,
        `set ${name}=-1 on it, or export it in time`,
      ),
    )
  }
  if (configs.get(UNCLEAN) === 'true') {
    const what = `topic ${topic} for usage may get a leader that lacks records (${UNCLEAN}): usage would be lost`
    verdicts.push(warn(what, `set ${UNCLEAN}=false on it`))
  }
  const replicas = Math.min(...found.partitions.map((one) => one.replicas))
  if (replicas > 2 && configs.get('min.insync.replicas') === '1') {
    verdicts.push(
      warn(
        `topic ${topic} for usage takes a write that one broker of ${replicas} has: a lost disk loses usage`,
        'set min.insync.replicas=2 on it',
      ),
    )
  }
  return verdicts
}
