import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls'
import SaslAuthenticator from 'kafkajs/src/broker/saslAuthenticator/index.js'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { KafkaError } from './errors.ts'
import { quietLogger } from './logger.ts'
import { NEEDED, apiVersions, type ApiVersions, type Exchange, type Throttled } from './protocol.ts'
import { Wire } from './wire.ts'

export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionOptions {
  readonly clientId: string
  /** `true`: TLS with the system's authorities. */
  readonly ssl?: boolean | Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>
  readonly sasl?: Sasl
  /** Until TCP and TLS stand, and again until the broker has let us in, ms. */
  readonly connectMsMax: number
  readonly clock: Clock
  readonly log: Log
}

/** Brokers may end a SASL session (KIP-368); a connection is replaced when this part of it has gone. */
const SESSION_SHARE = 0.8
const KEEP_ALIVE_MS = 60_000

/** A connection to one broker that dials when it is asked something and again after it broke. When to ask again is the caller's. */
export class Connection {
  readonly #address: Address
  readonly #options: ConnectionOptions
  #wire: Wire | null = null
  #dialling: Promise<Wire> | null = null
  #socket: Socket | null = null
  #renewAt = Number.POSITIVE_INFINITY
  #mutedUntil = 0
  #closed = false

  constructor(address: Address, options: ConnectionOptions) {
    this.#address = address
    this.#options = options
  }

  /** Throws `KafkaError`. The deadline starts when the connection stands. */
  async ask<T extends Throttled>(exchange: Exchange<T>, msMax: number): Promise<T> {
    const wire = await this.#ready()
    const muted = Math.max(0, this.#mutedUntil - this.#options.clock.monotonic())
    const answer = await wire.ask(exchange, msMax + muted)
    if (answer.throttleMs > 0) this.#mutedUntil = this.#options.clock.monotonic() + answer.throttleMs
    return answer
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  async #ready(): Promise<Wire> {
    if (this.#closed) throw new KafkaError('gone', `the connection to ${this.#peer()} is closed on our side`)
    const wire = this.#wire
    if (wire !== null && !wire.dead && !this.#mustRenew(wire)) return wire
    this.#dialling ??= this.#dial()
    return await this.#dialling
  }

  #mustRenew(wire: Wire): boolean {
    if (this.#options.clock.monotonic() < this.#renewAt || !wire.idle) return false
    wire.die(`the session with ${this.#peer()} is renewed`)
    return true
  }

  /** One dial at a time: who asks meanwhile waits for it, and fails with it. */
  async #dial(): Promise<Wire> {
    try {
      this.#wire = await this.#open()
      return this.#wire
    } finally {
      this.#dialling = null
    }
  }

  async #open(): Promise<Wire> {
    const socket = await this.#connected()
    const wire = new Wire(socket, this.#peer(), this.#options.clientId, this.#options.clock)
    try {
      const versions = await wire.ask(apiVersions(), this.#options.connectMsMax)
      this.#check(versions)
      await this.#authenticate(wire, versions)
      return wire
    } catch (error) {
      wire.die(`${this.#peer()} did not let us in`)
      throw error
    }
  }

  #connected(): Promise<Socket> {
    const { connectMsMax, clock } = this.#options
    return new Promise((resolve, reject) => {
      const socket = this.#socketOf(() => {
        timer.cancel()
        socket.off('error', onError).off('close', onClose)
        resolve(socket)
      })
      const fail = (why: string, cause?: unknown): void => {
        timer.cancel()
        socket.destroy()
        reject(new KafkaError('gone', `cannot connect to ${this.#peer()}: ${why}`, { cause }))
      }
      const onError = (error: Error): void => fail(error.message, error)
      const onClose = (): void => fail('the connection was closed')
      const timer = clock.after(connectMsMax, () => fail(`nobody answered within ${connectMsMax} ms`))
      socket.on('error', onError).on('close', onClose)
      this.#socket = socket
    })
  }

  #socketOf(onConnect: () => void): Socket {
    const { host, port } = this.#address
    const { ssl } = this.#options
    const name = isIP(host) === 0 ? { servername: host } : {}
    const more = typeof ssl === 'object' ? ssl : {}
    const socket = ssl ? connectTls({ host, port, ...name, ...more }, onConnect) : connectTcp({ host, port }, onConnect)
    return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  }

  #check(versions: ApiVersions): void {
    for (const { apiKey, name, version } of NEEDED) {
      const range = versions[apiKey]
      if (range !== undefined && range.minVersion <= version && version <= range.maxVersion) continue
      const spoken = range === undefined ? 'none' : `${range.minVersion} to ${range.maxVersion}`
      const needed = `${name} version ${version} is needed (Kafka 2.3 or later)`
      throw new KafkaError('refused', `${this.#peer()} speaks ${spoken} of ${name}; ${needed}`)
    }
  }

  async #authenticate(wire: Wire, versions: ApiVersions): Promise<void> {
    const { sasl, connectMsMax, log, clock } = this.#options
    if (sasl === undefined) return
    // kafkajs keeps state in the object that it is given, so each dial has its own.
    const face = {
      ...this.#address,
      sasl: { ...sasl },
      send: async <T>({ request, response }: SaslExchange<T>): Promise<T> => {
        const payload = await wire.ask({ request, decode: (bytes) => bytes }, connectMsMax)
        return await response.parse(await response.decode(payload))
      },
    }
    const authenticator = new SaslAuthenticator(face, quietLogger(log), versions, true)
    try {
      await authenticator.authenticate()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new KafkaError(wire.dead ? 'gone' : 'denied', `${this.#peer()}: ${why}`, { cause: error })
    }
    const lifetimeMs = Number(authenticator.sessionLifetime)
    this.#renewAt = lifetimeMs > 0 ? clock.monotonic() + lifetimeMs * SESSION_SHARE : Number.POSITIVE_INFINITY
  }

  #peer(): string {
    return `${this.#address.host}:${this.#address.port}`
  }
}

type SaslExchange<T> = import('kafkajs/src/broker/saslAuthenticator/index.js').Exchange<T>
