/** What a bare kafkajs consumer makes of a topic, in a process of its own: reads it from the beginning, counts, and does nothing else. */
import { Kafka, logLevel } from 'kafkajs'
import { nowMicros } from './payload.ts'

export interface ReadOrder {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly records: number
}

export interface ReadReport {
  readonly records: number
  /** Of values. */
  readonly bytes: number
  /** From the first fetch until the last record: who joins a group waits, and that is no reading. */
  readonly ms: number
}

async function read({ brokers, topic, records }: ReadOrder): Promise<ReadReport> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `read-${process.pid}-${nowMicros()}`, allowAutoTopicCreation: false })
  const found = { records: 0, bytes: 0 }
  let begun = 0
  consumer.on(consumer.events.FETCH_START, () => (begun ||= nowMicros()))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const report = await new Promise<ReadReport>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    const eachBatch: Parameters<typeof consumer.run>[0] = {
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) found.bytes += value?.byteLength ?? 0
        found.records += batch.messages.length
        if (found.records >= records) resolve({ ...found, ms: (nowMicros() - begun) / 1000 })
      },
    }
    consumer.run(eachBatch).catch(reject)
  })
  await consumer.disconnect()
  return report
}

process.on('disconnect', () => process.exit())
process.on('message', (order: ReadOrder) => {
  read(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
