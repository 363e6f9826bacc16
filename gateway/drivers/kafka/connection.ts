import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../clock.ts'
import type { Dials } from './dials.ts'
import { KafkaError } from './errors.ts'
import { logIn, type Login } from './login.ts'
import { NEEDED, apiVersions, speaks, type ApiVersions, type Question, type Throttled } from './protocol.ts'
import { tlsOptions, whyBroken, type Tls } from './tls.ts'
import { Wire } from './wire.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionOptions {
  readonly clientId: string
  /** `true`: TLS with the system's authorities. */
  readonly ssl: boolean | Tls
  readonly login: Login | null
  /** Until TCP and TLS stand, and again until the broker has let us in, ms. */
  readonly connectMsMax: number
  readonly dials: Dials
  readonly clock: Clock
}

const KEEP_ALIVE_MS = 60_000

/** Dialled, greeted and logged in. */
interface Line {
  readonly wire: Wire
  readonly versions: ApiVersions
  /** Monotonic, ms: when it has to be dialled anew. */
  readonly renewAt: number
}

/** A connection to one broker that dials when it is asked something and again after it broke. When to ask again is the caller's. */
export class Connection {
  readonly #address: Address
  readonly #options: ConnectionOptions
  #line: Line | null = null
  #dialling: Promise<Line> | null = null
  #socket: Socket | null = null
  #mutedUntil = 0
  #closed = false

  constructor(address: Address, options: ConnectionOptions) {
    this.#address = address
    this.#options = options
  }

  /** Throws `KafkaError`. The deadline starts when the connection stands. */
  async ask<T extends Throttled>(question: Question<T>, msMax: number): Promise<T> {
    const { wire, versions } = await this.#ready()
    const muted = Math.max(0, this.#mutedUntil - this.#options.clock.monotonic())
    const exchange = typeof question === 'function' ? question(versions) : question
    const answer = await wire.ask(exchange, msMax + muted)
    if (answer.throttleMs > 0) this.#mutedUntil = this.#options.clock.monotonic() + answer.throttleMs
    return answer
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
  }

  async #ready(): Promise<Line> {
    if (this.#closed) throw this.#closedError()
    const line = this.#line
    if (line !== null && !line.wire.dead && !this.#mustRenew(line)) return line
    this.#dialling ??= this.#dial()
    return await this.#dialling
  }

  #mustRenew({ wire, renewAt }: Line): boolean {
    if (this.#options.clock.monotonic() < renewAt || !wire.idle) return false
    wire.die(`the session with ${this.#peer()} is renewed`)
    return true
  }

  /** One dial at a time: who asks meanwhile waits for it, and fails with it. */
  async #dial(): Promise<Line> {
    const { dials } = this.#options
    try {
      this.#line = await this.#open()
      dials.worked(this.#peer())
      return this.#line
    } catch (error) {
      if (!this.#closed) dials.failed(this.#peer(), error)
      throw error
    } finally {
      this.#dialling = null
    }
  }

  async #open(): Promise<Line> {
    const socket = await this.#connected()
    const wire = new Wire(socket, this.#peer(), this.#options.clientId, this.#options.clock)
    try {
      const versions = await wire.ask(apiVersions(), this.#options.connectMsMax)
      this.#check(versions)
      return { wire, versions, renewAt: await this.#logIn(wire, versions) }
    } catch (error) {
      wire.die(`${this.#peer()} did not let us in`)
      throw error
    }
  }

  async #connected(): Promise<Socket> {
    const { ssl, connectMsMax, clock } = this.#options
    const { host, port } = this.#address
    const tls = ssl === false ? null : await tlsOptions(ssl, host)
    // The files took their time: who closed meanwhile would never hear of this socket.
    if (this.#closed) throw this.#closedError()
    return await new Promise((resolve, reject) => {
      let socket: Socket
      const fail = (error: KafkaError): void => {
        timer.cancel()
        socket?.destroy()
        reject(error)
      }
      const onError = (error: Error): void => fail(whyBroken(this.#peer(), error, true))
      const onClose = (): void => fail(this.#gone(`cannot connect to ${this.#peer()}: the connection was closed`))
      const onConnect = (): void => {
        timer.cancel()
        socket.off('error', onError).off('close', onClose)
        resolve(socket)
      }
      const late = `cannot connect to ${this.#peer()}: nobody answered within ${connectMsMax} ms`
      const timer = clock.after(connectMsMax, () => fail(this.#gone(late)))
      try {
        socket = tls === null ? connectTcp({ host, port }, onConnect) : connectTls({ host, port, ...tls }, onConnect)
      } catch (error) {
        // Keys and certificates that cannot be used are found out before anything is dialled.
        return onError(error as Error)
      }
      socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
      socket.on('error', onError).on('close', onClose)
      this.#socket = socket
    })
  }

  #check(versions: ApiVersions): void {
    for (const { api, version } of NEEDED) {
      if (speaks(versions, api, version)) continue
      const range = versions[api.key]
      const spoken = range === undefined ? 'none' : `${range.minVersion} to ${range.maxVersion}`
      const needed = `${api.name} version ${version} is needed (Kafka 2.3 or later)`
      throw new KafkaError('refused', `${this.#peer()} speaks ${spoken} of ${api.name}; ${needed}`)
    }
  }

  async #logIn(wire: Wire, versions: ApiVersions): Promise<number> {
    const { login, connectMsMax, clock } = this.#options
    if (login === null) return Number.POSITIVE_INFINITY
    try {
      const peer = {
        ...this.#address,
        versions,
        ask: <T>(one: Parameters<typeof wire.ask<T>>[0]) => wire.ask(one, connectMsMax),
      }
      return await logIn(login, peer, clock)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const kind = error instanceof KafkaError ? error.kind : 'denied'
      throw new KafkaError(wire.dead ? 'gone' : kind, `${this.#peer()}: ${why}`, { cause: error })
    }
  }

  #closedError(): KafkaError {
    return this.#gone(`the connection to ${this.#peer()} is closed on our side`)
  }

  #gone(message: string): KafkaError {
    return new KafkaError('gone', message)
  }

  #peer(): string {
    return `${this.#address.host}:${this.#address.port}`
  }
}
