import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { openTokens, type TokenOptions } from './bearer.ts'
import { Connection, type Address, type ConnectionOptions } from './connection.ts'
import { Dials } from './dials.ts'
import { KafkaError } from './errors.ts'
import { firstAnswer } from './first-answer.ts'
import type { Login, PasswordSasl } from './login.ts'
import { metadata, type Metadata } from './metadata.ts'
import type { Question, Throttled } from './protocol.ts'
import type { Tls } from './tls.ts'

export type Sasl = PasswordSasl | (TokenOptions & { readonly mechanism: 'oauthbearer' })

export interface KafkaConfig {
  /** In log lines. */
  readonly name: string
  readonly clientId: string
  /** `true`: TLS with the system's authorities. */
  readonly ssl?: boolean | Tls
  readonly sasl?: Sasl
  /** `host:port` of some brokers; the others are learnt. */
  readonly brokers: readonly string[]
}

export interface KafkaLimits {
  readonly connectMsMax: number
  /** For metadata and offsets: brokers answer them from memory. */
  readonly requestMsMax: number
  /** A broker that has not answered a metadata request by then is not waited for alone. */
  readonly hedgeMs: number
}

/** The lane of short questions. */
const CONTROL = 'control'

/**
 * A Kafka cluster by its brokers' node ids. Each (broker, lane) is a connection of its own, dialled when first used,
 * because a broker answers the requests of one connection one after the other: who long-polls takes its own lane.
 */
export class KafkaCluster {
  readonly #options: ConnectionOptions
  readonly #limits: KafkaLimits
  readonly #seeds: readonly Address[]
  readonly #connections = new Map<string, Connection>()
  #nodes = new Map<number, Address>()
  #lastGood: string | null = null
  #closed = false

  constructor(config: KafkaConfig, limits: KafkaLimits, clock: Clock, log: Log) {
    const { name, clientId, ssl = false, sasl, brokers } = config
    this.#seeds = brokers.map(addressOf)
    if (this.#seeds.length === 0) throw new RangeError('a Kafka cluster needs at least one broker, as host:port')
    this.#limits = limits
    this.#options = {
      clientId,
      ssl,
      login: sasl === undefined ? null : loginOf(sasl, clock),
      connectMsMax: limits.connectMsMax,
      dials: new Dials(name, log),
      clock,
    }
  }

  /** From whichever broker answers first, and with it the brokers' addresses. Throws `KafkaError` where none does. */
  async metadata(topics: readonly string[]): Promise<Metadata> {
    const answer = await this.askAny(metadata(topics))
    this.#learn(answer)
    return answer
  }

  /** What any broker can answer. Throws `KafkaError` where none does. */
  async askAny<T extends Throttled>(question: Question<T>): Promise<T> {
    const { clock } = this.#options
    const attempts = this.#candidates().map((address) => async () => {
      const answer = await this.#connection(address, CONTROL).ask(question, this.#limits.requestMsMax)
      return { answer, address }
    })
    const { answer, address } = await firstAnswer(attempts, this.#limits.hedgeMs, clock)
    this.#lastGood = nameOf(address)
    return answer
  }

  /** Asks one broker over the lane of short questions. Throws `KafkaError`. */
  async ask<T extends Throttled>(node: number, question: Question<T>): Promise<T> {
    return await this.askOn(node, CONTROL, question, this.#limits.requestMsMax)
  }

  /** Asks one broker over a lane of the caller's. Throws `KafkaError`. */
  async askOn<T extends Throttled>(node: number, lane: string, question: Question<T>, msMax: number): Promise<T> {
    const address = this.#nodes.get(node)
    if (address === undefined) throw new KafkaError('gone', `no address of broker ${node} is known`)
    return await this.#connection(address, lane).ask(question, msMax)
  }

  /** At once and for good: what is asked from now on fails. */
  close(): void {
    this.#closed = true
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  #connection(address: Address, lane: string): Connection {
    if (this.#closed) throw new KafkaError('gone', 'the connections to the cluster are closed on our side')
    const name = `${nameOf(address)}/${lane}`
    let connection = this.#connections.get(name)
    if (connection === undefined) {
      connection = new Connection(address, this.#options)
      this.#connections.set(name, connection)
    }
    return connection
  }

  /** The one that answered last, then all that are known, each once. */
  #candidates(): Address[] {
    const all = new Map([...this.#nodes.values(), ...this.#seeds].map((address) => [nameOf(address), address]))
    const good = this.#lastGood === null ? undefined : all.get(this.#lastGood)
    return good === undefined ? [...all.values()] : [good, ...[...all.values()].filter((address) => address !== good)]
  }

  /** Connections to addresses that no broker has any more are closed. */
  #learn({ nodes }: Metadata): void {
    if (nodes.length === 0) return
    this.#nodes = new Map(nodes.map(({ id, host, port }) => [id, { host, port }]))
    const known = new Set([...this.#nodes.values(), ...this.#seeds].map(nameOf))
    for (const [name, connection] of this.#connections) {
      if (known.has(name.slice(0, name.indexOf('/')))) continue
      connection.close()
      this.#connections.delete(name)
    }
  }
}

function loginOf(sasl: Sasl, clock: Clock): Login {
  if (sasl.mechanism !== 'oauthbearer') return sasl
  return { mechanism: sasl.mechanism, tokens: openTokens(sasl, clock) }
}

/** Throws `RangeError` on anything but `host:port`; an IPv6 address stands in brackets. */
export function addressOf(broker: string): Address {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/.exec(broker)
  const port = Number(parts?.[3])
  if (parts === null || port < 1 || port > 65_535) {
    throw new RangeError(`'${broker}' is no broker's address: write host:port, as in kafka:9092 or [::1]:9092`)
  }
  return { host: (parts[1] ?? parts[2])!, port }
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}
