import { sleep } from '../../clock.ts'
import { EXIT, printable, say, type Edge, type Exit } from '../edge.ts'
import { adviceFor, type Ending } from './advice.ts'
import { connect, endingOf } from './connection.ts'
import { controlLine, parseFrame, recordLine, textOf, type Frame } from './frame.ts'

/*
 *   connecting ──▶ reading ──lost, 4000–4199──▶ waiting ──▶ connecting, from the last cursor
 *        │            ├──4200–4599──────▶ stopped, exit 1
 *        │            ├──count reached──▶ done, exit 0
 *        │            └──interrupted────▶ done, exit 0
 *        └──never reached the gateway───▶ unreachable, exit 3
 */

export interface FollowOptions {
  /** `ws:` or `wss:`; holds the parameters but `from`. */
  readonly url: URL
  readonly from: string | null
  readonly token: string | null
  /** Ends after so many records. */
  readonly count: number | null
  readonly json: boolean
}

type SessionEnd = Ending | { readonly unreachable: string } | 'enough' | 'interrupted'

/** A connection that held this long was a good one: the next failure is the first again. */
const HELD_MS = 10_000

/**
 * Prints records until told to stop, over as many connections as it takes. The cursor is that of the last record printed
 * (or of the last frame after it that carries one), so whatever happens, the next connection goes on behind it: a record
 * may come twice where not every record has a cursor, and never not at all.
 */
export class Follower {
  readonly #edge: Edge
  readonly #options: FollowOptions
  #from: string | null
  #cursor: string | null = null
  #printed = 0
  #everConnected = false
  /** The reader of stdout has not taken what was printed last. */
  #isFull = false

  constructor(edge: Edge, options: FollowOptions) {
    this.#edge = edge
    this.#options = options
    this.#from = options.from
  }

  async run(): Promise<Exit> {
    const exit = await this.#follow()
    if (this.#cursor !== null) say(this.#edge, `weir: go on with --from ${this.#cursor}`)
    return exit
  }

  async #follow(): Promise<Exit> {
    const { clock, random, stop } = this.#edge
    for (let attempt = 0; ; attempt++) {
      const began = clock.monotonic()
      const end = await this.#session()
      if (end === 'enough' || end === 'interrupted') return EXIT.done
      if ('unreachable' in end && !this.#everConnected) {
        say(this.#edge, `weir: ${this.#options.url.host} cannot be reached: ${printable(end.unreachable)}`)
        return EXIT.unreachable
      }
      if (clock.monotonic() - began >= HELD_MS) attempt = 0
      const ending = 'unreachable' in end ? { code: 1006, reason: end.unreachable, retryAfterMs: null } : end
      const advice = adviceFor(ending, attempt, random)
      if ('stop' in advice) {
        say(this.#edge, `weir: ${printable(advice.stop)}`)
        return EXIT.refused
      }
      const seconds = (advice.reconnectMs / 1000).toFixed(1)
      say(this.#edge, `weir: ${printable(ending.reason)} (${ending.code}); connecting again in ${seconds} s`)
      if (!(await waited(sleep(clock, advice.reconnectMs, stop)))) return EXIT.done
    }
  }

  /** One connection, from the handshake to its end. */
  #session(): Promise<SessionEnd> {
    const { clock, stop } = this.#edge
    if (stop.aborted) return Promise.resolve('interrupted')
    return new Promise((resolve) => {
      const finish = (end: SessionEnd): void => {
        stop.removeEventListener('abort', interrupt)
        over = true
        connection.close()
        resolve(end)
      }
      const interrupt = (): void => finish('interrupted')
      let over = false
      let farewell: Frame | null = null
      const onText = (text: string): void => {
        if (over) return
        this.#everConnected = true
        const frame = parseFrame(text)
        if (frame === null) return finish({ code: 4400, reason: 'a frame that is no JSON came', retryAfterMs: null })
        if (frame.type === 'closing') farewell = frame
        const end = this.#take(frame, text)
        if (end !== null) return finish(end)
        if (frame.type === 'record' && this.#isFull) this.#yieldTo(connection, () => over)
      }
      const onEnd = (end: Ending | { unreachable: string }): void => finish(withFarewell(end, farewell))
      const connection = connect({ url: this.#address(), token: this.#options.token, clock, onText, onEnd })
      stop.addEventListener('abort', interrupt, { once: true })
    })
  }

  #address(): URL {
    const url = new URL(this.#options.url)
    const from = this.#cursor ?? this.#from
    if (from !== null) url.searchParams.set('from', from)
    return url
  }

  /** A reader slower than the stream holds up the connection, and the gateway then serves us at our pace. */
  #yieldTo(connection: { pause(): void; resume(): void }, isOver: () => boolean): void {
    this.#isFull = false
    connection.pause()
    const goOn = async (): Promise<void> => {
      await this.#edge.out.drained()
      if (!isOver()) connection.resume()
    }
    void goOn()
  }

  #take(frame: Frame, text: string): SessionEnd | null {
    if (frame.type === 'record') this.#print(frame, text)
    const line = controlLine(frame)
    if (line !== null) say(this.#edge, `weir: ${line}`)
    // The last frame tells where the server stands; where *we* stand is what was printed.
    if (frame.type !== 'closing' && frame.type !== 'ended') this.#cursor = textOf(frame, 'cursor') ?? this.#cursor
    if (frame.type === 'record' && this.#printed === this.#options.count) return 'enough'
    if (frame.type !== 'ended' && frame.type !== 'error') return null
    const detail = [frame['title'], frame['detail']].filter((one) => typeof one === 'string').join(': ')
    return endingOf(textOf(frame, 'code') ?? 'internal', detail, frame['retryAfter'])
  }

  #print(frame: Frame, text: string): void {
    const line = this.#options.json ? text.replace(/[\r\n]+/g, ' ') : recordLine(frame, text)
    this.#isFull = !this.#edge.out.write(`${line}\n`)
    this.#printed++
  }
}

/** The last frame says in words, and with a time to wait, what the close code says as a number. */
function withFarewell(end: Ending | { unreachable: string }, farewell: Frame | null): SessionEnd {
  if (farewell === null || 'unreachable' in end) return end
  const said = endingOf(textOf(farewell, 'error') ?? '', textOf(farewell, 'detail') ?? '', farewell['retryAfter'])
  const code = end.code >= 4000 ? end.code : typeof farewell['code'] === 'number' ? farewell['code'] : said.code
  return { code, reason: said.reason || end.reason, retryAfterMs: said.retryAfterMs }
}

async function waited(pause: Promise<void>): Promise<boolean> {
  try {
    await pause
    return true
  } catch {
    // Only the user's own interruption ends a pause.
    return false
  }
}
