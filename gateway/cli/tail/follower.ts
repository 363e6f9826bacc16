import { follow, type Frame, type State, WeirError } from '../../../client/follow.ts'
import { EXIT, printable, say, type Edge, type Exit } from '../edge.ts'
import { controlLine, jsonLine, reasonOf, recordLine, stateLines } from './lines.ts'
import { TailSocket } from './socket.ts'

export interface FollowerOptions {
  readonly url: URL
  readonly from: string | null
  readonly token: string | null
  /** Ends after so many records. */
  readonly count: number | null
  readonly json: boolean
}

/**
 * Prints records until told to stop. The cursor is that of the last frame that was printed or had nothing to print: where one
 * goes on with `--from`.
 */
export class Follower {
  readonly #edge: Edge
  readonly #options: FollowerOptions
  readonly #giveUp = new AbortController()
  #cursor: string | null = null
  #printed = 0
  #hasOpened = false
  #isUnreachable = false

  constructor(edge: Edge, options: FollowerOptions) {
    this.#edge = edge
    this.#options = options
  }

  async run(): Promise<Exit> {
    const exit = await this.#print()
    if (this.#cursor !== null) say(this.#edge, `weir: go on with --from ${this.#cursor}`)
    return exit
  }

  async #print(): Promise<Exit> {
    try {
      for await (const frame of this.#frames()) {
        await this.#take(frame)
        if (this.#printed === this.#options.count) return EXIT.done
      }
      return this.#isUnreachable ? EXIT.unreachable : EXIT.done
    } catch (error) {
      if (!(error instanceof WeirError)) throw error
      const reason = `${reasonOf({ reason: error.message, error: error.code })} (${error.close})`
      const advice = error.close < 4400 ? '; get a new token and go on with --from' : ''
      say(this.#edge, `weir: ${printable(reason + advice)}`)
      return EXIT.refused
    }
  }

  #frames(): AsyncIterable<Frame> {
    const { url, from, token } = this.#options
    const { clock, random, stop } = this.#edge
    return follow({
      url,
      ...(from !== null && { from }),
      ...(token !== null && { token }),
      signal: AbortSignal.any([stop, this.#giveUp.signal]),
      onState: (state) => this.#tell(state),
      webSocket: TailSocket,
      clock,
      random,
    })
  }

  #tell(state: State): void {
    if (state.state === 'open') {
      this.#hasOpened = true
      this.#cursor = state.cursor ?? this.#cursor
    }
    // An address at which nothing was ever heard is more likely wrong than down.
    if (state.state === 'waiting' && !state.reached && !this.#hasOpened) {
      this.#isUnreachable = true
      say(this.#edge, `weir: ${this.#options.url.host} cannot be reached: ${printable(state.reason)}`)
      return this.#giveUp.abort()
    }
    for (const line of stateLines(state)) say(this.#edge, `weir: ${line}`)
  }

  async #take(frame: Frame): Promise<void> {
    const line = controlLine(frame)
    if (line !== null) say(this.#edge, `weir: ${line}`)
    const isRecord = frame.type === 'record' || frame.type === 'cloudevent'
    const { out } = this.#edge
    const isFull = isRecord && !out.write(`${this.#options.json ? jsonLine(frame) : recordLine(frame)}\n`)
    if (isRecord) this.#printed++
    this.#cursor = frame.cursor ?? this.#cursor
    // A reader slower than the stream holds up the connection, and the gateway then serves us at our pace.
    if (isFull) await out.drained()
  }
}
