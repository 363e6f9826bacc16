export type TokenSource = string | (() => string | Promise<string>)

const TOKEN = /^[\w.~+-]+$/

/** The token of a stream, which is asked for when it is needed and kept until it is refused or runs out. */
export class Tokens {
  readonly #source: TokenSource | undefined
  #current: string | null = null

  constructor(source: TokenSource | undefined) {
    this.#source = source
  }

  /** Whether another one can be had. */
  get renewable(): boolean {
    return typeof this.#source === 'function'
  }

  /** Null where there is none. Rejects with what the consumer's function throws. */
  async current(): Promise<string | null> {
    return this.#current ?? this.renew()
  }

  async renew(): Promise<string | null> {
    const source = this.#source
    const token = typeof source === 'function' ? await source() : (source ?? null)
    // It becomes a header or the name of a subprotocol, which would be refused with words that help nobody.
    if (token !== null && !TOKEN.test(token))
      throw new TypeError('the token is no JWT: it has characters that none has')
    this.#current = token
    return token
  }

  /** It has run out: the next connection asks for another one. */
  drop(): void {
    this.#current = null
  }
}
