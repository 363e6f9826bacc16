import { adviceFor } from './advice.ts'
import { sleep, unlessAborted } from './clock.ts'
import { Dealt } from './dealt.ts'
import { lost, type Ending } from './ending.ts'
import { WeirError } from './error.ts'
import { type Frame, type Incoming, isFrame, textIn } from './frame.ts'
import { type FollowOptions, settingsOf, type Settings } from './options.ts'
import { FULL, Session } from './session.ts'
import type { State } from './state.ts'
import { Tokens } from './tokens.ts'

export type { Clock } from './clock.ts'
export type { ErrorCode } from './codes.ts'
export { WeirError } from './error.ts'
export type * from './frame.ts'
export { textOf } from './frame.ts'
export type { FollowOptions } from './options.ts'
export type { Socket, SocketConstructor } from './socketLink.ts'
export type { State } from './state.ts'

/**
 * The frames of a stream, over as many connections as it takes: each record at most once, and none missing but those that a
 * `gap` tells of. Connects when the first frame is asked for, and reads no faster than frames are asked for. Ends by `break` and
 * by the signal without an error, and throws `WeirError` where coming back would not help.
 */
export function follow(options: FollowOptions): AsyncGenerator<Frame, void, undefined> {
  return new Follower(settingsOf(options)).frames()
}

/** A connection that held this long was a good one, though it may have brought nothing: the next failure is the first again. */
const HELD_MS = 10_000

/*
 *   connecting ──▶ open ◀──▶ paused
 *      ▲             └──ended, by code──▶ waiting ──▶ connecting, from the last cursor
 *      └────────────────────────────────────┘  └──4400–4599, no new token──▶ ended, throws
 */
class Follower {
  readonly #settings: Settings
  readonly #tokens: Tokens
  readonly #dealt = new Dealt()
  /** Behind the last frame that the consumer was done with. */
  #cursor: string | null = null
  /** Connections in a row that brought nothing. */
  #failures = 0
  #welcome: Incoming | null = null
  #state: State['state'] | null = null
  #hadToken = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.#tokens = new Tokens(settings.token)
  }

  async *frames(): AsyncGenerator<Frame, void, undefined> {
    const { signal } = this.#settings
    let error: WeirError | null = null
    try {
      while (!signal.aborted) {
        const ending = yield* this.#connection()
        if (signal.aborted) return
        if (ending !== FULL) await this.#comeBack(ending)
      }
    } catch (thrown) {
      if (thrown instanceof WeirError) error = thrown
      throw thrown
    } finally {
      this.#tell({ state: 'ended', error })
    }
  }

  /** One connection, from the handshake to its end. */
  async *#connection(): AsyncGenerator<Frame, Ending, undefined> {
    const { clock, signal } = this.#settings
    this.#tell({ state: 'connecting' })
    const began = clock.monotonic()
    const session = await this.#session()
    if (!(session instanceof Session)) return session
    const abort = (): void => session.close()
    signal.addEventListener('abort', abort)
    try {
      for (let frame; (frame = await session.next()) !== null;) {
        if (this.#isForConsumer(frame)) yield frame
        // Only now is it dealt with.
        this.#cursor = textIn(frame, 'cursor') ?? this.#cursor
      }
      if (clock.monotonic() - began >= HELD_MS) this.#failures = 0
      return session.ending ?? lost('it was told to end')
    } finally {
      signal.removeEventListener('abort', abort)
      session.close()
    }
  }

  async #session(): Promise<Session | Ending> {
    const { signal, connect, clock, silenceMsMax, bufferedFramesMax } = this.#settings
    let token: string | null
    try {
      token = await unlessAborted(this.#tokens.current(), signal)
    } catch (error) {
      // Where one has been had before, the identity provider is away for a while; else the function is wrong.
      if (!this.#hadToken) throw error
      return lost(`no token: ${error instanceof Error ? error.message : String(error)}`, false)
    }
    if (signal.aborted) return lost('it was told to end')
    this.#hadToken ||= token !== null
    this.#welcome = null
    const url = this.#address()
    return new Session({ connect, url, token, tokens: this.#tokens, clock, silenceMsMax, bufferedFramesMax })
  }

  #address(): URL {
    const url = new URL(this.#settings.url)
    const from = this.#cursor ?? this.#settings.from
    if (from !== null) url.searchParams.set('from', from)
    return url
  }

  /** Tells the state by what comes, and whether the frame is handed on. */
  #isForConsumer(frame: Incoming): frame is Incoming & Frame {
    if (frame.type === 'welcome') this.#welcome = frame
    else if (frame.type === 'paused') this.#pause(frame)
    else if (frame.type === 'resumed' || this.#state === 'connecting') this.#open(frame)
    if (!isFrame(frame)) return false
    const id = textIn(frame, 'id')
    if (id === null) return true
    const isNew = this.#dealt.take(id)
    if (isNew) this.#failures = 0
    return isNew
  }

  #open(frame: Incoming): void {
    const said = (from: Incoming | null, name: string): string | null => (from ? textIn(from, name) : null)
    this.#tell({
      state: 'open',
      cursor: frame.type === 'subscribed' || frame.type === 'position' ? textIn(frame, 'cursor') : this.#cursor,
      consumer: said(this.#welcome, 'consumer'),
      expiresAt: said(this.#welcome, 'expiresAt'),
      plan: said(frame, 'plan'),
    })
  }

  #pause(frame: Incoming): void {
    this.#tell({ state: 'paused', until: textIn(frame, 'resumesAt'), reason: textIn(frame, 'reason') ?? '' })
  }

  /** Returns when it is time to connect again; throws where that would not help. */
  async #comeBack(ending: Ending): Promise<void> {
    const { clock, random, signal } = this.#settings
    const advice = adviceFor(ending, this.#failures++, random)
    if (advice.next === 'stop') throw new WeirError(ending, this.#cursor)
    if (advice.next === 'new-token') {
      if (!this.#tokens.renewable) throw new WeirError(ending, this.#cursor)
      this.#tokens.drop()
    }
    const { reason, code, error, reached } = ending
    this.#tell({ state: 'waiting', ms: advice.ms, reason, code, error, reached })
    await sleep(clock, advice.ms, signal)
  }

  #tell(state: State): void {
    this.#state = state.state
    this.#settings.onState(state)
  }
}
