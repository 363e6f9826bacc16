import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Log } from '../../log.ts'

/** A Lua script, known to Redis by the SHA-1 of its text. */
export interface Script {
  readonly text: string
  readonly sha: string
}

export interface RedisConnection {
  /** Runs a script, which has to be idempotent: where this rejects it may have run. Rejects at the deadline, and at once while not connected. */
  run(script: Script, keys: readonly string[], values: readonly string[]): Promise<unknown>
  /** Messages of a channel; those that come while not connected are lost. Answers how to stop. */
  listen(channel: string, told: (message: string) => void): () => void
  /** Redis's clock, ms since 1970. */
  time(): Promise<number>
  close(): void
}

export interface RedisOptions {
  /** redis:// or rediss:// */
  readonly url: string
  /** 250 ms if absent. */
  readonly deadlineMs?: number
  readonly log: Log
}

const DEADLINE_MS = 250
const RECONNECT_MS_MAX = 1_000
/** So many calls without an answer: the connection is taken for dead, and made anew. */
const SILENT_CALLS_MAX = 4

export function scriptOf(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

export function connectRedis({ url, deadlineMs = DEADLINE_MS, log }: RedisOptions): RedisConnection {
  // ioredis would send unanswered commands again and keep others until it is connected: both would run them late.
  const client = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: deadlineMs,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MS_MAX),
  })
  const listening = client.duplicate({ autoResubscribe: true, commandTimeout: 2_000 })
  reportTrouble(client, log)
  reportTrouble(listening, log)
  return new Connection(client, listening)
}

/** Says once that Redis is lost, once that it is back. */
function reportTrouble(client: Redis, log: Log): void {
  let lost = false
  client.on('error', (error: Error) => {
    if (!lost) log.warn({ event: 'redis-lost', error }, 'Redis cannot be reached')
    lost = true
  })
  client.on('ready', () => {
    if (lost) log.info({ event: 'redis-back' }, 'Redis can be reached again')
    lost = false
  })
}

class Connection implements RedisConnection {
  readonly #client: Redis
  readonly #listening: Redis
  readonly #ears = new Map<string, Set<(message: string) => void>>()
  #silentCalls = 0

  constructor(client: Redis, listening: Redis) {
    this.#client = client
    this.#listening = listening
    listening.on('message', (channel: string, message: string) => {
      for (const told of this.#ears.get(channel) ?? []) told(message)
    })
    listening.on('ready', () => this.#subscribe([...this.#ears.keys()]))
  }

  async run(script: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    try {
      const answer = await this.#evaluate(script, keys, values)
      this.#silentCalls = 0
      return answer
    } catch (error) {
      this.#countSilence(error)
      throw error
    }
  }

  listen(channel: string, told: (message: string) => void): () => void {
    const ears = this.#ears.get(channel) ?? new Set()
    ears.add(told)
    this.#ears.set(channel, ears)
    if (this.#listening.status === 'ready') this.#subscribe([channel])
    return () => void ears.delete(told)
  }

  async time(): Promise<number> {
    const [seconds, micros] = await this.#client.time()
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  }

  close(): void {
    this.#client.disconnect()
    this.#listening.disconnect()
  }

  async #evaluate({ sha, text }: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(sha, keys.length, ...keys, ...values)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return this.#client.eval(text, keys.length, ...keys, ...values)
    }
  }

  #subscribe(channels: readonly string[]): void {
    if (channels.length === 0) return
    // Where this fails the connection does, and `ready` comes again; listeners also look from time to time.
    this.#listening.subscribe(...channels).catch(() => this.#listening.disconnect(true))
  }

  /** Behind a firewall that swallows packets a dead connection looks like a slow Redis. */
  #countSilence(error: unknown): void {
    if (!(error instanceof Error) || error.message !== 'Command timed out') return
    if (++this.#silentCalls < SILENT_CALLS_MAX) return
    this.#silentCalls = 0
    this.#client.disconnect(true)
  }
}
