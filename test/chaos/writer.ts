import { Kafka, Partitioners, logLevel, type Message, type Producer, type ProducerConfig } from 'kafkajs'

const RETRY = { retries: 20, maxRetryTime: 500 }
let made = 0

/** Writes records that are told apart by a number, and knows what became of each. */
export class Writer {
  /** Acknowledged, in transactions committed. */
  readonly acknowledged = new Set<number>()
  readonly aborted = new Set<number>()
  readonly #begun: number[] = []
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #random: () => number
  #producer: Producer | null = null
  #uid = 0

  constructor(brokers: readonly string[], topic: string, random: () => number) {
    this.#kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: RETRY })
    this.#topic = topic
    this.#random = random
  }

  /** So many records over partitions 0 to `partitions`, each with up to `padMax` characters beside its number. */
  async write(count: number, partitions: number, padMax = 300, acks: -1 | 1 = -1): Promise<void> {
    const batch = this.#batch(count, partitions, padMax)
    const sent = await (await this.#plain()).send({ topic: this.#topic, acks, messages: batch.messages })
    // kafkajs leaves out, without a word, what goes to a partition that has no leader when it looks.
    const reached = new Set(sent.map(({ partition }) => partition))
    batch.messages.forEach(({ partition }, i) => reached.has(partition!) && this.acknowledged.add(batch.uids[i]!))
  }

  /** One transaction of so many batches in one partition, by a producer of its own name. */
  async transact(id: string, ends: readonly Ending[]): Promise<void> {
    const producer = await this.#connected({
      transactionalId: `${this.#topic}-${id}-${made++}`,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    for (const { how, partition, batches, padMax } of ends) {
      const open = await producer.transaction()
      const uids: number[] = []
      for (const count of batches) {
        const batch = this.#batch(count, 1, padMax)
        await open.send({ topic: this.#topic, messages: batch.messages.map((one) => ({ ...one, partition })) })
        uids.push(...batch.uids)
      }
      await open[how]()
      for (const uid of uids) (how === 'abort' ? this.aborted : this.acknowledged).add(uid)
    }
    await producer.disconnect()
  }

  /** When a record was handed over to be written, by `performance.now`. */
  begunAt(uid: number): number {
    return this.#begun[uid] ?? NaN
  }

  /** Forgets what it knows of the topic: kafkajs's producer notices neither new partitions nor that the topic was made anew. */
  async renew(): Promise<void> {
    await this.#producer?.disconnect()
    this.#producer = null
  }

  #batch(count: number, partitions: number, padMax: number): { readonly uids: number[]; readonly messages: Message[] } {
    const uids = Array.from({ length: count }, () => this.#uid++)
    for (const uid of uids) this.#begun[uid] = performance.now()
    const messages = uids.map((uid) => {
      const pad = 'x'.repeat(Math.floor(this.#random() * padMax))
      return { partition: Math.floor(this.#random() * partitions), value: JSON.stringify({ uid, pad }) }
    })
    return { uids, messages }
  }

  async #plain(): Promise<Producer> {
    this.#producer ??= await this.#connected({})
    return this.#producer
  }

  async #connected(config: ProducerConfig): Promise<Producer> {
    const producer = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...config })
    await producer.connect()
    return producer
  }
}

export interface Ending {
  readonly how: 'commit' | 'abort'
  readonly partition: number
  /** Records of each batch, in order. */
  readonly batches: readonly number[]
  readonly padMax: number
}
