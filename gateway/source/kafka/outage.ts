import type { Clock, Timer } from '../../clock.ts'
import type { FollowSink, SourceError } from '../../stream/source.ts'

/**
 * Whether a follower's topic can be read at all: tells the sink `down` once when nothing of it could be read for
 * `downAfterMs`, and `up` when something can again.
 *
 *   reading --all fail--> failing --downAfterMs since the last success--> down
 *   failing, down --anything works--> reading
 */
export class Outage {
  readonly #sink: FollowSink
  readonly #downAfterMs: number
  readonly #clock: Clock
  #lastGood: number
  #error: SourceError | null = null
  #timer: Timer | null = null
  #down = false

  constructor(sink: FollowSink, downAfterMs: number, clock: Clock) {
    this.#sink = sink
    this.#downAfterMs = downAfterMs
    this.#clock = clock
    this.#lastGood = clock.now()
  }

  get down(): boolean {
    return this.#down
  }

  /** Why nothing works, while nothing does. */
  get error(): SourceError | null {
    return this.#error
  }

  works(): void {
    this.#lastGood = this.#clock.now()
    this.#error = null
    this.#timer?.cancel()
    this.#timer = null
    if (!this.#down) return
    this.#down = false
    this.#sink.up()
  }

  /** Nothing works now; the newest reason is the one told. */
  fails(error: SourceError): void {
    this.#error = error
    if (this.#down || this.#timer !== null) return
    const leftMs = Math.max(0, this.#lastGood + this.#downAfterMs - this.#clock.now())
    this.#timer = this.#clock.after(leftMs, () => this.#tell())
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #tell(): void {
    this.#timer = null
    if (this.#error === null) return
    this.#down = true
    this.#sink.down(this.#error, this.#lastGood)
  }
}
