import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Clock } from '../../clock.ts'
import { scriptOf } from './connection.ts'

/** What a Redis says of itself; null where it does not tell. */
export interface RedisFacts {
  /** `7.0.15` */
  readonly version: string | null
  readonly role: string | null
  readonly clustered: boolean
  readonly maxmemoryPolicy: string | null
}

/** Of each command, and until it is connected, ms. */
export interface RedisProbeLimits {
  readonly connectMsMax: number
  readonly commandMsMax: number
}

/**
 * What the scripts of the gateway do, on a key that is gone when this ends: a hash without fields is none. KEYS: the key. ARGV: the
 * channel, and a message to put on it.
 */
const REHEARSAL = scriptOf(`
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'a', time[1], 'b', time[2])
redis.call('PEXPIRE', KEYS[1], 1000)
local held = #redis.call('HGETALL', KEYS[1])
redis.call('HDEL', KEYS[1], 'a', 'b')
redis.call('PUBLISH', ARGV[1], ARGV[2])
return held
`)

/** Looks at a Redis as the gateway would use it, and leaves nothing behind. Each question throws what Redis or the network says. */
export class RedisProbe {
  readonly #client: Redis
  readonly #clock: Clock
  readonly #url: string
  readonly #limits: RedisProbeLimits
  readonly #opened: Redis[] = []
  #trouble: Error | null = null

  constructor(url: string, limits: RedisProbeLimits, clock: Clock) {
    this.#url = url
    this.#limits = limits
    this.#clock = clock
    this.#client = this.#open()
  }

  /** Connected, logged in, and answered. */
  connect(): Promise<void> {
    return this.#asked(async () => {
      await this.#client.connect()
      await this.#client.ping()
    })
  }

  facts(): Promise<RedisFacts> {
    return this.#asked(async () => {
      const text = await this.#client.info()
      const told = (name: string): string | null => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? null
      return {
        version: told('redis_version'),
        role: told('role'),
        clustered: told('cluster_enabled') === '1' || told('redis_mode') === 'cluster',
        maxmemoryPolicy: told('maxmemory_policy'),
      }
    })
  }

  /** How far its clock is ahead of ours, ms; exact to half of what the answer took. */
  skewMs(): Promise<number> {
    return this.#asked(async () => {
      const asked = this.#clock.now()
      const [seconds, micros] = await this.#client.time()
      const ours = (asked + this.#clock.now()) / 2
      return Math.round(Number(seconds) * 1000 + Number(micros) / 1000 - ours)
    })
  }

  /** By EVAL and by EVALSHA: writes below `prefix`, tells the channel of that name, and takes it back. */
  rehearse(prefix: string): Promise<void> {
    return this.#asked(async () => {
      const key = `${prefix}:doctor:${randomUUID()}`
      // The first makes the second known.
      for (const held of [
        await this.#client.eval(REHEARSAL.text, 1, key, prefix, 'doctor'),
        await this.#client.evalsha(REHEARSAL.sha, 1, key, prefix, 'doctor'),
      ]) {
        if (held !== 4) throw new Error(`the script answered ${String(held)}`)
      }
    })
  }

  /** Whether what is told on a channel is heard by who listens on a connection of its own. */
  hear(channel: string): Promise<void> {
    return this.#asked(async () => {
      const word = `doctor ${randomUUID()}`
      const listening = this.#open()
      await listening.connect()
      const heard = new Promise<void>((resolve) =>
        listening.on('message', (_, message) => message === word && resolve()),
      )
      await listening.subscribe(channel)
      await this.#client.publish(channel, word)
      await heard
    })
  }

  close(): void {
    for (const client of this.#opened) client.disconnect()
  }

  #open(): Redis {
    const client = new Redis(this.#url, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      connectTimeout: this.#limits.connectMsMax,
      commandTimeout: this.#limits.commandMsMax,
    })
    client.on('error', (error: Error) => (this.#trouble = error))
    this.#opened.push(client)
    return client
  }

  /** ioredis tells the reason by an event, and whoever asked only that the connection is closed. */
  async #asked<T>(question: () => Promise<T>): Promise<T> {
    this.#trouble = null
    try {
      return await question()
    } catch (error) {
      throw this.#trouble ?? error
    }
  }
}
