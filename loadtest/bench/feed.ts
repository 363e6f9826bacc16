import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'
import { startPace, type Pace } from './pace.ts'
import { nowMicros, payloadOf } from './payload.ts'
import { kindOf, type Shape } from './shape.ts'
import { createTopics } from './topics.ts'

/** Records of one request where a topic is filled. */
const FILL_BATCH = 1_000

/** Writes what a shape asks for into its topics, at its own times, whatever becomes of it. */
export class Feed {
  readonly #shape: Shape
  readonly #topics: readonly string[]
  readonly #producer: Producer
  readonly #counts: number[]
  readonly #pending = new Set<Promise<unknown>>()
  #pace: Pace | null = null
  #sent = 0
  #told = 0
  #failure: Error | null = null

  private constructor(shape: Shape, topics: readonly string[], producer: Producer) {
    this.#shape = shape
    this.#topics = topics
    this.#producer = producer
    this.#counts = topics.map(() => 0)
  }

  /** Makes the topics. */
  static async open(shape: Shape, brokers: readonly string[], topics: readonly string[]): Promise<Feed> {
    await createTopics(brokers, topics)
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, requestTimeout: 120_000 })
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    return new Feed(shape, topics, producer)
  }

  /** Writes so many records as fast as it can; `stop` does not tell of them. */
  async fill(records: number): Promise<void> {
    for (let left = records; left > 0; left -= FILL_BATCH) {
      await this.#send(Math.min(left, FILL_BATCH), nowMicros())
    }
    this.#told = this.#sent
  }

  start(burstsPerSecond: number): void {
    this.#pace = startPace(burstsPerSecond, (_tick, due) => this.#burst(due))
  }

  /** Answers how many went out since the last time; all of them are in the log then. */
  async stop(): Promise<number> {
    this.#pace?.stop()
    await Promise.all(this.#pending)
    if (this.#failure !== null) throw this.#failure
    const since = this.#sent - this.#told
    this.#told = this.#sent
    return since
  }

  async close(): Promise<void> {
    this.#pace?.stop()
    await this.#producer.disconnect()
  }

  #burst(due: number): void {
    const sending = this.#send(this.#shape.burst, due)
      .catch((error: unknown) => (this.#failure ??= error as Error))
      .finally(() => this.#pending.delete(sending))
    this.#pending.add(sending)
  }

  #send(records: number, due: number): Promise<unknown> {
    const lanes = new Map<number, { value: string; partition: number }[]>()
    for (let i = 0; i < records; i++) {
      const lane = this.#sent % this.#topics.length
      const value = payloadOf(this.#counts[lane]!++, due, kindOf(this.#shape, this.#sent++), this.#shape.bytes)
      const messages = lanes.get(lane)
      if (messages) messages.push({ value, partition: 0 })
      else lanes.set(lane, [{ value, partition: 0 }])
    }
    const topicMessages = [...lanes].map(([lane, messages]) => ({ topic: this.#topics[lane] as string, messages }))
    return this.#producer.sendBatch({ topicMessages, acks: 1 })
  }
}
