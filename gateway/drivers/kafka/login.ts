import SaslAuthenticator from 'kafkajs/src/broker/saslAuthenticator/index.js'
import type { Clock } from '../../clock.ts'
import type { TokenSource } from './bearer.ts'
import { KafkaError } from './errors.ts'
import { silentLogger } from './logger.ts'
import { exchange, type Api, type ApiVersions, type Exchange } from './protocol.ts'

export interface PasswordSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

/** How to log in to brokers; the tokens are shared by all connections of a cluster. */
export type Login = PasswordSasl | { readonly mechanism: 'oauthbearer'; readonly tokens: TokenSource }

/** Asks the broker that is logged in to. */
export type Ask = <T>(exchange: Exchange<T>) => Promise<T>

export interface Peer {
  readonly host: string
  readonly port: number
  readonly versions: ApiVersions
  readonly ask: Ask
}

/** Brokers may end a session (KIP-368); a connection is replaced when this part of it has gone. */
const SESSION_SHARE = 0.8

/** Returns when to log in anew (monotonic, ms). Throws `KafkaError`, or what stands behind it. */
export async function logIn(login: Login, peer: Peer, clock: Clock): Promise<number> {
  if (login.mechanism === 'oauthbearer') return await logInByToken(login.tokens, peer, clock)
  // kafkajs keeps state in the object that it is given, so each login has its own.
  const face = {
    host: peer.host,
    port: peer.port,
    sasl: { ...login },
    send: async <T>({ request, response }: KafkajsExchange<T>): Promise<T> =>
      await response.parse(await response.decode(await peer.ask({ request, decode: (bytes) => bytes }))),
  }
  const authenticator = new SaslAuthenticator(face, silentLogger(), peer.versions, true)
  await authenticator.authenticate()
  return renewalOf(Number(authenticator.sessionLifetime), clock)
}

interface KafkajsExchange<T> {
  readonly request: Exchange<Buffer>['request']
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<T> }
}

const HANDSHAKE: Api = { key: 17, name: 'SaslHandshake' }
const AUTHENTICATE: Api = { key: 36, name: 'SaslAuthenticate' }
const MECHANISM = 'OAUTHBEARER'
/** RFC 7628 §3.2.3: who was told an error says that it has heard; then the broker fails the login. */
const HEARD = '\u0001'

/** RFC 7628. kafkajs takes a broker's «no» for a «yes», since it does not look at what comes back. */
async function logInByToken(tokens: TokenSource, { ask }: Peer, clock: Clock): Promise<number> {
  const token = await tokens.token()
  const offered = await ask(handshake())
  if (!offered.includes(MECHANISM)) {
    throw new KafkaError('denied', `SASL ${MECHANISM} is not offered there, but ${offered.join(', ') || 'nothing'}`)
  }
  const answer = await ask(authenticate(`n,,\u0001auth=Bearer ${token.value}\u0001\u0001`))
  const failed = answer.code === 0 && answer.text !== '' ? await ask(authenticate(HEARD)) : answer
  if (answer.code !== 0 || answer.text !== '') {
    tokens.reject()
    const why = failed.message ?? statusOf(answer.text)
    throw new KafkaError('denied', `SASL ${MECHANISM} authentication failed: the token was not accepted (${why})`)
  }
  return Math.min(token.renewAt, renewalOf(answer.lifetimeMs, clock))
}

function renewalOf(lifetimeMs: number, clock: Clock): number {
  return lifetimeMs > 0 ? clock.monotonic() + lifetimeMs * SESSION_SHARE : Number.POSITIVE_INFINITY
}

function handshake(): Exchange<string[]> {
  return exchange(
    HANDSHAKE,
    1,
    false,
    (writer) => writer.string(MECHANISM),
    (reader) => {
      reader.int16()
      return reader.array((one) => one.string() ?? '')
    },
  )
}

interface Authenticated {
  readonly code: number
  readonly message: string | null
  /** Empty where it is well. */
  readonly text: string
  /** 0 without end. */
  readonly lifetimeMs: number
}

function authenticate(message: string): Exchange<Authenticated> {
  return exchange(
    AUTHENTICATE,
    1,
    false,
    (writer) => writer.bytes(Buffer.from(message)),
    (reader) => ({
      code: reader.int16(),
      message: reader.string(),
      text: reader.bytes().toString('utf8'),
      lifetimeMs: reader.int64(),
    }),
  )
}

/** The error that a broker sends is `{"status":"invalid_token"}`, maybe with more. */
function statusOf(text: string): string {
  return /"status"\s*:\s*"([\w-]{1,64})"/.exec(text)?.[1] ?? 'without a reason'
}
