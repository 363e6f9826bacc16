import type { Clock } from './clock.ts'
import { endingOfFrame, lost, type Ending } from './ending.ts'
import { type Incoming, parseFrame } from './frame.ts'
import type { Connect, Link } from './link.ts'
import type { Tokens } from './tokens.ts'
import { Watchdog } from './watchdog.ts'

/*
 *   connecting ──▶ open ──closing, ended, error, lost, silence──▶ over, once the inbox is empty
 *                  │  ▲
 *         inbox full  half empty      (where the network cannot be held up: over, and come back for the rest)
 *                  ▼  │
 *                  held
 */

export interface SessionOptions {
  readonly connect: Connect
  readonly url: URL
  readonly token: string | null
  readonly tokens: Tokens
  readonly clock: Clock
  readonly silenceMsMax: number
  readonly bufferedFramesMax: number
}

/** Big records fill the inbox, too: characters of all frames in it. */
const BUFFERED_CHARS_MAX = 8 * 1024 * 1024

/** Not the network's fault: the consumer was slower than a connection that cannot be held up. */
export const FULL: Ending = lost('the consumer was slower than the stream', true, 1000)

/** One connection and what it has brought that nobody has asked for yet. */
export class Session {
  readonly #options: SessionOptions
  readonly #link: Link
  readonly #watchdog: Watchdog
  #inbox: { readonly frame: Incoming; readonly chars: number }[] = []
  /** Of the next frame in `#inbox`; what lies before it was taken. */
  #at = 0
  #chars = 0
  #isHeld = false
  #ending: Ending | null = null
  #wake: () => void = () => undefined

  constructor(options: SessionOptions) {
    this.#options = options
    const { connect, url, token, clock, silenceMsMax } = options
    this.#watchdog = new Watchdog({ clock, quietMsMax: silenceMsMax, onQuiet: (times) => this.#quiet(times) })
    this.#link = connect({
      url,
      token,
      clock,
      onOpen: () => this.#watchdog.heard(),
      onSign: () => this.#watchdog.heard(),
      onText: (text) => this.#take(text),
      onEnd: (ending) => this.#end(ending),
    })
  }

  /** Once it is over; frames may still lie in the inbox. */
  get ending(): Ending | null {
    return this.#ending
  }

  /** The next frame, in order; null once it is over and there are no more. One call at a time. */
  async next(): Promise<Incoming | null> {
    for (;;) {
      const entry = this.#inbox[this.#at]
      if (entry) return this.#hand(entry)
      if (this.#ending) return null
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Ends it from this side; what is in the inbox is dropped. */
  close(reason: Ending = lost('it was closed')): void {
    this.#clear()
    this.#end(reason)
  }

  #hand({ frame, chars }: { readonly frame: Incoming; readonly chars: number }): Incoming {
    this.#at++
    this.#chars -= chars
    if (this.#at === this.#inbox.length) [this.#inbox, this.#at] = [[], 0]
    if (this.#isHeld && this.#fill() < 0.5) this.#release()
    return frame
  }

  #take(text: string): void {
    if (this.#ending) return
    this.#watchdog.heard()
    const frame = parseFrame(text)
    if (frame === null) return this.#end({ ...lost('a frame that is no JSON came', true, 4400), error: 'bad-frame' })
    if (['closing', 'ended', 'error'].includes(frame.type)) return this.#end(endingOfFrame(frame))
    if (frame.type === 'notice' && frame['kind'] === 'token-expiring') void this.#renew()
    this.#inbox.push({ frame, chars: text.length })
    this.#chars += text.length
    this.#wake()
    if (this.#fill() >= 1) this.#hold()
  }

  /** As a part of what fits: above 1 it is full. */
  #fill(): number {
    const frames = (this.#inbox.length - this.#at) / this.#options.bufferedFramesMax
    return Math.max(frames, this.#chars / BUFFERED_CHARS_MAX)
  }

  #hold(): void {
    if (this.#isHeld) return
    this.#isHeld = this.#link.pause()
    if (this.#isHeld) this.#watchdog.hold()
    else this.#end(FULL)
  }

  #release(): void {
    this.#isHeld = false
    if (this.#ending) return
    this.#watchdog.goOn()
    this.#link.resume()
  }

  /** A newer token of the same consumer interrupts nothing. Over lines it cannot be sent: there the end brings it. */
  async #renew(): Promise<void> {
    const { tokens } = this.#options
    if (!tokens.renewable) return
    try {
      const token = await tokens.renew()
      if (token !== null) this.#link.send(JSON.stringify({ type: 'auth', token }))
    } catch {
      // The gateway closes with 4201 when the old one has run out; then it is asked for again, and its failure is told.
      tokens.drop()
    }
  }

  #quiet(times: number): boolean {
    if (times === 1 && this.#link.send('{"type":"ping"}')) return true
    this.#end(lost(`nothing was heard for ${(times * this.#options.silenceMsMax) / 1000} s`))
    return false
  }

  #end(ending: Ending): void {
    if (this.#ending) return
    this.#ending = ending
    this.#watchdog.stop()
    this.#link.close()
    this.#wake()
  }

  #clear(): void {
    ;[this.#inbox, this.#at, this.#chars] = [[], 0, 0]
  }
}
