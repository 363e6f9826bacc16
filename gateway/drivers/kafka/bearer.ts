import { readFile } from 'node:fs/promises'
import type { Clock } from '../../clock.ts'
import { KafkaError } from './errors.ts'

/** Where OAUTHBEARER gets its tokens: from a file that somebody else keeps fresh, or by client credentials (RFC 6749 §4.4). */
export type TokenOptions =
  | { readonly tokenFile: string }
  | {
      /** https, or http on loopback: the secret goes there. */
      readonly tokenEndpoint: string
      readonly clientId: string
      /** Read anew for each token. */
      readonly clientSecretFile: string
      readonly scope?: string | null
    }

export interface Token {
  readonly value: string
  /** Monotonic, ms: when to log in again with another one. */
  readonly renewAt: number
}

/** Hands out tokens; any number of logins at once wait for one request. Throws `KafkaError`. */
export interface TokenSource {
  token(): Promise<Token>
  /** A broker did not accept the last token: no one else is given it. */
  reject(): void
}

export function openTokens(options: TokenOptions, clock: Clock): TokenSource {
  return 'tokenFile' in options ? new TokenFile(options.tokenFile) : new TokenEndpoint(options, clock)
}

export const TOKEN_BYTES_MAX = 64 * 1024
/** What may stand in a SASL message and an HTTP header alike (RFC 6750 §2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
/** A token is used for this part of its life. */
const LIFE_SHARE = 0.8
/** Of a token whose end is not told (RFC 6749 §5.1: `expires_in` is recommended only). */
const LIFE_S_DEFAULT = 60
/** After a failure nobody asks again that soon. */
const RETRY_MS = 1000
const ANSWER_MS_MAX = 5000

class TokenFile implements TokenSource {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  async token(): Promise<Token> {
    const value = await readSecret('sasl.tokenFile', this.#file)
    if (!TOKEN.test(value)) throw new KafkaError('denied', `sasl.tokenFile ${this.#file} holds no bearer token`)
    // The broker tells by the session's life when the token ends (KIP-368).
    return { value, renewAt: Number.POSITIVE_INFINITY }
  }

  reject(): void {}
}

class TokenEndpoint implements TokenSource {
  readonly #options: Exclude<TokenOptions, { readonly tokenFile: string }>
  readonly #clock: Clock
  #current: Promise<Token> | null = null
  #until = 0

  constructor(options: Exclude<TokenOptions, { readonly tokenFile: string }>, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  token(): Promise<Token> {
    if (this.#current === null || this.#clock.monotonic() >= this.#until) this.#current = this.#fetch()
    return this.#current
  }

  reject(): void {
    this.#until = Math.min(this.#until, this.#clock.monotonic() + RETRY_MS)
  }

  async #fetch(): Promise<Token> {
    this.#until = Number.POSITIVE_INFINITY
    try {
      const token = await this.#ask()
      this.#until = token.renewAt
      return token
    } catch (error) {
      this.#until = this.#clock.monotonic() + RETRY_MS
      throw error
    }
  }

  async #ask(): Promise<Token> {
    const { tokenEndpoint, clientId, clientSecretFile, scope } = this.#options
    const secret = await readSecret('sasl.clientSecretFile', clientSecretFile)
    const askedAt = this.#clock.monotonic()
    const ending = new AbortController()
    const late = new Error(`no answer within ${ANSWER_MS_MAX} ms`)
    const timer = this.#clock.after(ANSWER_MS_MAX, () => ending.abort(late))
    try {
      const response = await fetch(tokenEndpoint, {
        method: 'POST',
        redirect: 'error',
        signal: ending.signal,
        headers: { authorization: basic(clientId, secret), accept: 'application/json' },
        body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }),
      })
      return this.#read(response.status, await boundedText(response), askedAt)
    } catch (error) {
      throw error instanceof KafkaError ? error : this.#failure('gone', reasonOf(error), error)
    } finally {
      timer.cancel()
    }
  }

  #read(status: number, text: string, askedAt: number): Token {
    const answer = parsed(text)
    if (status !== 200) {
      // RFC 6749 §5.2: the code says what is wrong; the description is free text of a foreign system, and may repeat what was sent.
      const code = typeof answer?.['error'] === 'string' ? answer['error'].slice(0, 64) : 'no reason'
      throw this.#failure(status >= 500 || status === 429 ? 'gone' : 'denied', `it answered ${status} (${code})`)
    }
    const value = answer?.['access_token']
    if (typeof value !== 'string' || !TOKEN.test(value)) {
      throw this.#failure('denied', 'its answer holds no usable `access_token`')
    }
    const seconds = Number(answer?.['expires_in'])
    const lifeMs = (seconds > 0 ? seconds : LIFE_S_DEFAULT) * 1000
    return { value, renewAt: askedAt + lifeMs * LIFE_SHARE }
  }

  #failure(kind: KafkaError['kind'], why: string, cause?: unknown): KafkaError {
    return new KafkaError(kind, `no token from ${this.#options.tokenEndpoint}: ${why}`, { cause })
  }
}

async function readSecret(key: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new KafkaError('gone', `${key} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

/** RFC 6749 §2.3.1: both are form-encoded before they are joined. */
function basic(id: string, secret: string): string {
  const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > TOKEN_BYTES_MAX) throw new Error(`its answer is larger than ${TOKEN_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): { readonly [field: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as { [field: string]: unknown }) : null
  } catch {
    return null
  }
}

/** `fetch` hides the system's reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
