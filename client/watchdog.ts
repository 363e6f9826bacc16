import type { Clock } from './clock.ts'

export interface WatchdogOptions {
  readonly clock: Clock
  readonly quietMsMax: number
  /** It was quiet for so long. True: something was done about it, and it is waited once more. */
  readonly onQuiet: (times: number) => boolean
}

/** Takes silence for an end: a peer that is gone sends no close. One timer however much is heard. */
export class Watchdog {
  readonly #options: WatchdogOptions
  #heardAt: number
  #quietTimes = 0
  #timer: { cancel(): void } | null = null

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#heardAt = options.clock.monotonic()
    this.#wait(options.quietMsMax)
  }

  heard(): void {
    this.#heardAt = this.#options.clock.monotonic()
    this.#quietTimes = 0
  }

  /** While nothing is read, nothing can be heard. */
  hold(): void {
    this.stop()
  }

  goOn(): void {
    this.heard()
    this.#wait(this.#options.quietMsMax)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #wait(ms: number): void {
    this.stop()
    this.#timer = this.#options.clock.after(ms, () => this.#look())
  }

  #look(): void {
    const { clock, quietMsMax, onQuiet } = this.#options
    const left = this.#heardAt + quietMsMax - clock.monotonic()
    if (left > 0) return this.#wait(left)
    this.#timer = null
    this.#quietTimes++
    if (!onQuiet(this.#quietTimes)) return
    this.#heardAt = clock.monotonic()
    this.#wait(quietMsMax)
  }
}
