import { Kafka, logLevel } from 'kafkajs'

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
  const wanted = topics.map((topic) => ({ topic, numPartitions: 1 }))
  await asAdmin(brokers, (admin) => admin.createTopics({ topics: wanted, waitForLeaders: true, timeout: 60_000 }))
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
