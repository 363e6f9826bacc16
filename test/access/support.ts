import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTHeaderParameters } from 'jose'
import type { Clock, Timer } from '../../gateway/clock.ts'
import type { Log, LogFields } from '../../gateway/log.ts'

export const NOON = Date.UTC(2026, 10, 22, 12)

/** Time moves only by `advance`, which runs what falls due in order. */
export class ManualClock implements Clock {
  #now = NOON
  #monotonic = 1_000
  readonly #timers = new Map<Timer, { at: number; run: () => void }>()

  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#monotonic
  }
  soon(run: () => void): void {
    setImmediate(run)
  }
  after(ms: number, run: () => void): Timer {
    const timer: Timer = { cancel: () => void this.#timers.delete(timer) }
    this.#timers.set(timer, { at: this.#monotonic + ms, run })
    return timer
  }
  every(): Timer {
    throw new Error('not used here')
  }
  get pending(): number {
    return this.#timers.size
  }
  /** Time until the next timer, ms. */
  get nextIn(): number {
    return Math.min(...[...this.#timers.values()].map((one) => one.at)) - this.#monotonic
  }
  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += ms
    for (const [timer, { at, run }] of this.#timers) {
      if (at > this.#monotonic) continue
      this.#timers.delete(timer)
      run()
    }
  }
}

export class MemoryLog implements Log {
  readonly lines: { level: string; fields: LogFields; message: string }[] = []
  info(fields: LogFields, message: string): void {
    this.lines.push({ level: 'info', fields, message })
  }
  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: 'warn', fields, message })
  }
  error(fields: LogFields, message: string): void {
    this.lines.push({ level: 'error', fields, message })
  }
}

export interface Signer {
  readonly kid: string
  readonly alg: string
  readonly publicJwk: JWK
  readonly privateKey: CryptoKey
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

export async function createSigner(kid: string, alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }, privateKey }
}

export const ISSUER = 'https://idp.example.com'

export interface TokenParts {
  readonly header?: Partial<JWTHeaderParameters>
  /** Over the defaults; `undefined` takes a claim away. */
  readonly claims?: { readonly [name: string]: unknown }
}

/** A good token for `weir`, valid for one hour from NOON, changed as told. */
export async function sign(signer: Signer, { header = {}, claims = {} }: TokenParts = {}): Promise<string> {
  const seconds = NOON / 1000
  const defaults = { iss: ISSUER, aud: 'weir', client_id: 'acme', iat: seconds, exp: seconds + 3600 }
  return new SignJWT({ ...defaults, ...claims })
    .setProtectedHeader({ alg: signer.alg, kid: signer.kid, ...header })
    .sign(signer.privateKey)
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A key server on loopback whose manners are the test's to choose. */
export class KeyServer {
  requests = 0
  answer: Answer
  readonly #server: Server

  private constructor(server: Server, answer: Answer) {
    this.#server = server
    this.answer = answer
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.requests++
      this.answer(request, response)
    })
  }

  static async start(answer: Answer): Promise<KeyServer> {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return new KeyServer(server, answer)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }
}

export function jsonAnswer(value: unknown): Answer {
  return (_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

export function keysAnswer(...signers: readonly Signer[]): Answer {
  return jsonAnswer({ keys: signers.map((signer) => signer.publicJwk) })
}

/** Waits for I/O, turn by turn; the test runner's own limit ends what never comes. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
