import type { Clock, Timer } from '../clock.ts'
import { Fault } from '../errors.ts'
import type { Log } from '../log.ts'
import { pickKey, readKeySet, type VerificationKey } from './keySet.ts'
import { keySourceOf, type KeySource } from './keySource.ts'

/*
 *   never-loaded ──loaded──▶ ok ──failed──▶ stale ──staleMsMax──▶ expired
 *                             ▲───loaded──────┴───────loaded─────────┘
 *
 * Only a good set replaces a set: what fails to load leaves the last good keys where they are. A key that its issuer
 * takes out is refused after at most refreshMs + timeoutMs; while the issuer cannot be asked, after at most staleMsMax.
 */

export interface JwksSettings {
  /** File path, https URL, or http URL on loopback. */
  readonly jwks: string
  /** A key counts as usable where it fits one of these. */
  readonly algorithms: ReadonlySet<string>
  readonly limits?: Partial<JwksLimits>
}

export interface JwksLimits {
  /** Greatest age of the keys while their source answers; loading begins at 75 to 90 % of it. */
  readonly refreshMs: number
  /** How long the last good keys are used while nothing can be loaded. */
  readonly staleMsMax: number
  readonly timeoutMs: number
  readonly bytesMax: number
  readonly keysMax: number
  /** After a failure the next try is `backoffMs`, doubled each time up to `backoffMsMax`, less up to half by chance. */
  readonly backoffMs: number
  readonly backoffMsMax: number
  /** Unknown `kid`s cause one load in this time at most, however many arrive. */
  readonly cooldownMs: number
}

export const JWKS_LIMITS: JwksLimits = {
  refreshMs: 300_000,
  staleMsMax: 4 * 3_600_000,
  timeoutMs: 5_000,
  bytesMax: 256 * 1024,
  keysMax: 100,
  backoffMs: 1_000,
  backoffMsMax: 60_000,
  cooldownMs: 10_000,
}

/** A file costs a read, not a request, so it is looked at often. */
const FILE_REFRESH_MS = 5_000

export interface JwksContext {
  readonly clock: Clock
  /** In [0, 1): spreads the loads of many nodes. */
  readonly random: () => number
  readonly log: Log
}

export type Found =
  | { readonly key: VerificationKey }
  | { readonly problem: 'no-such-key' | 'ambiguous' }
  | { readonly problem: 'unavailable'; readonly retryAfterMs: number }

export interface JwksState {
  readonly source: string
  /** With `ok` and `stale` tokens can be checked; with the others nobody gets in. */
  readonly status: 'ok' | 'stale' | 'expired' | 'never-loaded'
  /** Why the last load failed, where it did. */
  readonly reason: string | null
  readonly keys: number
  /** What the set holds and cannot be used, in words. */
  readonly unusable: readonly string[]
}

export interface JwksCounters {
  readonly fetches: number
  readonly failures: number
  /** ms since 1970, or null. */
  readonly lastSuccess: number | null
}

export interface Jwks {
  /** Begins loading; from then on the keys refresh themselves until `close`. */
  start(): void
  /** The key for a token's header. Loads where nothing is there yet, or (within the cooldown) where the key is not known. */
  find(algorithm: string, kid: string | null): Promise<Found>
  /** Whether a key that `find` gave is still one of the issuer's. */
  holds(key: VerificationKey): boolean
  state(): JwksState
  counters(): JwksCounters
  close(): void
}

/** Throws a usage `Fault` for a source that must not be asked or limits that contradict each other. */
export function createJwks(settings: JwksSettings, context: JwksContext): Jwks {
  const source = keySourceOf(settings.jwks, settings.limits?.bytesMax ?? JWKS_LIMITS.bytesMax)
  const refreshMs = source.kind === 'file' ? FILE_REFRESH_MS : JWKS_LIMITS.refreshMs
  const limits = { ...JWKS_LIMITS, refreshMs, ...settings.limits }
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) throw new Fault('usage', `jwks ${source.name}: ${name} must be above 0, not ${value}.`)
  }
  if (limits.staleMsMax < limits.refreshMs) {
    throw new Fault('usage', `jwks ${source.name}: staleMsMax must not be below refreshMs.`)
  }
  return new CachedJwks(source, settings.algorithms, limits, context)
}

class CachedJwks implements Jwks {
  readonly #source: KeySource
  readonly #algorithms: ReadonlySet<string>
  readonly #limits: JwksLimits
  readonly #context: JwksContext
  #text: string | null = null
  #keys: ReadonlyMap<string, VerificationKey> = new Map()
  #unusable: readonly string[] = []
  /** Monotonic; null until the first good set. */
  #loadedAt: number | null = null
  #lastSuccess: number | null = null
  #reason: string | null = null
  #failuresInRow = 0
  #nextLoadAt = 0
  #kidLoadAt: number | null = null
  #fetches = 0
  #failures = 0
  #loading: Promise<void> | null = null
  #abort: AbortController | null = null
  #timer: Timer | null = null
  #closed = false

  constructor(source: KeySource, algorithms: ReadonlySet<string>, limits: JwksLimits, context: JwksContext) {
    this.#source = source
    this.#algorithms = algorithms
    this.#limits = limits
    this.#context = context
  }

  start(): void {
    void this.#load()
  }

  async find(algorithm: string, kid: string | null): Promise<Found> {
    if (!this.#usable() && (this.#loading || !this.#backingOff())) await this.#load()
    const found = this.#pick(algorithm, kid)
    if (!('problem' in found) || found.problem !== 'no-such-key' || !this.#mayAskForKey()) return found
    await this.#load()
    return this.#pick(algorithm, kid)
  }

  holds(key: VerificationKey): boolean {
    return this.#usable() && this.#keys.has(key.id)
  }

  state(): JwksState {
    return {
      source: this.#source.name,
      status: this.#status(),
      reason: this.#reason,
      keys: this.#keys.size,
      unusable: this.#unusable,
    }
  }

  counters(): JwksCounters {
    return { fetches: this.#fetches, failures: this.#failures, lastSuccess: this.#lastSuccess }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#abort?.abort(new Fault('unreachable', 'the gateway is closing'))
  }

  #status(): JwksState['status'] {
    if (this.#loadedAt === null) return 'never-loaded'
    if (!this.#usable()) return 'expired'
    return this.#reason === null ? 'ok' : 'stale'
  }

  #usable(): boolean {
    return this.#loadedAt !== null && this.#context.clock.monotonic() - this.#loadedAt < this.#limits.staleMsMax
  }

  #backingOff(): boolean {
    return this.#failuresInRow > 0 && this.#context.clock.monotonic() < this.#nextLoadAt
  }

  /** A load that is under way is joined for free; a new one is paid for with the cooldown and never breaks the backoff. */
  #mayAskForKey(): boolean {
    if (this.#loading) return true
    const now = this.#context.clock.monotonic()
    if (this.#backingOff() || (this.#kidLoadAt !== null && now - this.#kidLoadAt < this.#limits.cooldownMs))
      return false
    this.#kidLoadAt = now
    return true
  }

  #pick(algorithm: string, kid: string | null): Found {
    if (this.#usable()) return pickKey([...this.#keys.values()], algorithm, kid)
    return { problem: 'unavailable', retryAfterMs: Math.max(1000, this.#nextLoadAt - this.#context.clock.monotonic()) }
  }

  /** Never rejects, and is shared by all who ask while it runs. */
  #load(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = null
      this.#schedule()
    })
    return this.#loading
  }

  async #loadOnce(): Promise<void> {
    this.#timer?.cancel()
    this.#fetches++
    try {
      this.#take(await this.#read())
    } catch (error) {
      this.#fail(error)
    }
  }

  async #read(): Promise<string> {
    const { timeoutMs } = this.#limits
    const abort = new AbortController()
    this.#abort = abort
    const timer = this.#context.clock.after(timeoutMs, () => {
      abort.abort(new Fault('unreachable', `it did not answer within ${timeoutMs} ms`))
    })
    try {
      // The race also frees the cache from a read that cannot be aborted: a file on a mount that hangs.
      return await Promise.race([this.#source.read(abort.signal), rejectionOf(abort.signal)])
    } finally {
      timer.cancel()
      this.#abort = null
    }
  }

  #take(text: string): void {
    if (text !== this.#text) this.#replace(text)
    if (this.#failuresInRow > 0) this.#context.log.info({ jwks: this.#source.name }, 'keys load again')
    this.#loadedAt = this.#context.clock.monotonic()
    this.#lastSuccess = this.#context.clock.now()
    this.#reason = null
    this.#failuresInRow = 0
  }

  #replace(text: string): void {
    const { keys, unusable } = readKeySet(text, this.#algorithms, this.#limits.keysMax)
    const next = new Map(keys.map((key) => [key.id, key]))
    const removed = [...this.#keys.values()].filter((key) => !next.has(key.id)).map((key) => key.kid)
    this.#keys = next
    this.#unusable = unusable
    this.#text = text
    const kids = keys.map((key) => key.kid)
    this.#context.log.info({ jwks: this.#source.name, kids, removed, unusable }, 'keys loaded')
  }

  #fail(error: unknown): void {
    // At close the load is aborted on purpose: that says nothing about the source.
    if (this.#closed) return
    this.#failures++
    this.#failuresInRow++
    this.#reason = error instanceof Error ? error.message : String(error)
    const fields = {
      jwks: this.#source.name,
      reason: this.#reason,
      keysKept: this.#keys.size,
      tries: this.#failuresInRow,
    }
    this.#context.log.warn(fields, 'keys could not be loaded')
  }

  #schedule(): void {
    if (this.#closed) return
    const delayMs = this.#delayMs()
    this.#nextLoadAt = this.#context.clock.monotonic() + delayMs
    this.#timer = this.#context.clock.after(delayMs, () => void this.#load())
  }

  #delayMs(): number {
    const { refreshMs, backoffMs, backoffMsMax } = this.#limits
    const chance = this.#context.random()
    if (this.#failuresInRow === 0) return refreshMs * (0.9 - 0.15 * chance)
    return Math.min(backoffMsMax, backoffMs * 2 ** (this.#failuresInRow - 1)) * (1 - 0.5 * chance)
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Fault), { once: true })
  })
}
