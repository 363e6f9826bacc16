import { Kafka, logLevel } from 'kafkajs'
import { until } from '../../test/integration/support/until.ts'

const CREATE_MS_MAX = 60_000
/**
 * The first entry in the index of a log touches a file that is mapped, and some file systems take tens of milliseconds for that: of a thousand topics that
 * fill at the same pace all have theirs in the same second, and the broker stands still for half a minute.
 */
const MANY = [{ name: 'index.interval.bytes', value: String(2 ** 30) }]

/** Topics of this run that are still there, by their brokers: none of them outlives it. */
const left = new Map<string, Set<string>>()

/** They are deleted at the latest when the run ends; whoever makes them says so before. */
export function registerTopics(brokers: readonly string[], topics: readonly string[]): void {
  const key = brokers.join(',')
  const known = left.get(key) ?? new Set<string>()
  left.set(key, known)
  for (const topic of topics) known.add(topic)
}

export async function createTopics(brokers: readonly string[], topics: readonly string[]): Promise<void> {
  registerTopics(brokers, topics)
  const configEntries = topics.length > 1 ? MANY : []
  const wanted = topics.map((topic) => ({ topic, numPartitions: 1, configEntries }))
  await asAdmin(brokers, async (admin) => {
    // Its own wait for leaders fails where a broker does not know the topic yet.
    await admin.createTopics({ topics: wanted, waitForLeaders: false, timeout: CREATE_MS_MAX })
    const ready = async (): Promise<boolean> => {
      const found = await admin.fetchTopicMetadata({ topics: [...topics] })
      return found.topics.every(({ partitions }) => partitions.length > 0 && partitions.every((one) => one.leader >= 0))
    }
    await until('the topics to have leaders', () => ready().catch(() => false), CREATE_MS_MAX)
  })
}

/** All that are left, or those of one prefix. */
export async function deleteTopics(prefix = ''): Promise<void> {
  for (const [key, topics] of left) {
    const going = [...topics].filter((topic) => topic.startsWith(prefix))
    for (const topic of going) topics.delete(topic)
    if (going.length > 0) await asAdmin(key.split(','), (admin) => deleteThose(admin, going))
  }
}

type Admin = ReturnType<Kafka['admin']>

/** Some may never have been made: of workers that delivered nothing. */
async function deleteThose(admin: Admin, going: readonly string[]): Promise<void> {
  const there = new Set(await admin.listTopics())
  const topics = going.filter((topic) => there.has(topic))
  if (topics.length > 0) await admin.deleteTopics({ topics, timeout: 60_000 })
}

async function asAdmin(brokers: readonly string[], act: (admin: Admin) => Promise<unknown>): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, requestTimeout: 120_000 })
  const admin = kafka.admin()
  await admin.connect()
  try {
    await act(admin)
  } finally {
    await admin.disconnect()
  }
}
