import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Kafka, logLevel, type ISocketFactory, type ITopicConfig, type Producer, type SASLOptions } from 'kafkajs'
import type { Clock } from '../../clock.ts'
import { openTokens } from './bearer.ts'
import type { KafkaConfig, Sasl } from './cluster.ts'
import { tlsOptionsNow } from './tls.ts'

export interface OutgoingMessage {
  readonly key: string
  readonly headers: { readonly [name: string]: string }
  readonly value: Buffer
}

/** Writes to one topic: all in-sync replicas have what was sent (acks=all), none of it twice by a retry (idempotent). */
export interface KafkaProducer {
  /** In order; messages of one key come into one partition. Rejects where the brokers did not take them: some of them may be there. */
  send(messages: readonly OutgoingMessage[]): Promise<void>
  close(): Promise<void>
}

export interface TopicSettings {
  readonly topic: string
  /** For a topic that is not there yet. */
  readonly partitions: number
  readonly configs: { readonly [name: string]: string }
}

const REQUEST_MS_MAX = 10_000
const CONNECT_MS_MAX = 5_000
/** Its own retries stay short: whoever sends here tries again, and tells. */
const RETRIES = 2

/** Connects when first used, and anew after a failure: an idempotent producer that lost an answer cannot go on. */
export function openProducer(config: KafkaConfig, topic: TopicSettings, clock: Clock): KafkaProducer {
  return new LazyProducer(clientOf(config, clock), topic)
}

/**
 * Whether a topic could be made, by asking for just that: none is. Rejects with the brokers' reason; resolves also where it is there
 * already.
 */
export async function rehearseTopic(config: KafkaConfig, topic: TopicSettings, clock: Clock): Promise<void> {
  const admin = clientOf(config, clock).admin()
  await admin.connect()
  try {
    // Its wait would be for a topic that is never there.
    await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [asKafkajsHasIt(topic)] })
  } catch (error) {
    const [first] = (error as { readonly errors?: readonly Error[] }).errors ?? []
    throw first ?? error
  } finally {
    await admin.disconnect()
  }
}

class LazyProducer implements KafkaProducer {
  readonly #client: Kafka
  readonly #settings: TopicSettings
  #producer: Promise<Producer> | null = null
  #closed = false

  constructor(client: Kafka, settings: TopicSettings) {
    this.#client = client
    this.#settings = settings
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#closed) throw new Error('the producer is closed')
    const { topic } = this.#settings
    this.#producer ??= this.#connect()
    const mine = this.#producer
    try {
      const producer = await mine
      await producer.send({ topic, acks: -1, timeout: REQUEST_MS_MAX, messages: messages.map((one) => ({ ...one })) })
    } catch (error) {
      if (this.#producer === mine) this.#producer = null
      await mine.then((producer) => producer.disconnect()).catch(() => undefined)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#producer?.then((producer) => producer.disconnect()).catch(() => undefined)
  }

  async #connect(): Promise<Producer> {
    await this.#createTopic()
    const producer = this.#client.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
    await producer.connect()
    return producer
  }

  /** Where it is there already, or only others may make topics, nothing is changed. */
  async #createTopic(): Promise<void> {
    const { topic } = this.#settings
    const admin = this.#client.admin()
    await admin.connect()
    try {
      const known = await admin.listTopics()
      if (known.includes(topic)) return
      await admin.createTopics({ topics: [asKafkajsHasIt(this.#settings)], waitForLeaders: true })
    } finally {
      await admin.disconnect()
    }
  }
}

/** With as many replicas as the brokers make where nothing is said. */
function asKafkajsHasIt({ topic, partitions, configs }: TopicSettings): ITopicConfig {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  return { topic, numPartitions: partitions, replicationFactor: -1, configEntries }
}

function clientOf({ clientId, brokers, ssl = false, sasl }: KafkaConfig, clock: Clock): Kafka {
  return new Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: CONNECT_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    logLevel: logLevel.NOTHING,
    retry: { retries: RETRIES, initialRetryTime: 100 },
    socketFactory: socketsBy(ssl),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl, clock) }),
  })
}

/** Certificates are read at each dial, so that renewed ones count. */
function socketsBy(ssl: NonNullable<KafkaConfig['ssl']>): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const socket =
      ssl === false
        ? connectTcp({ host, port }, onConnect)
        : connectTls({ host, port, ...tlsOptionsNow(ssl, host) }, onConnect)
    return socket.setKeepAlive(true, 60_000)
  }
}

function saslOf(sasl: Sasl, clock: Clock): SASLOptions {
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl }
  const tokens = openTokens(sasl, clock)
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: (await tokens.token()).value }) }
}
