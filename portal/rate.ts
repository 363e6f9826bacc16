import type { Clock } from '../client/clock.ts'

const STEP_MS = 1_000
/** Over so many steps: records often come in bursts. */
const STEPS = 5

/** How many come in a second, of late. */
export class Rate {
  count = 0
  readonly #clock: Clock
  readonly #tell: (perSecond: number) => void
  #counts: number[] = []
  #timer: { cancel(): void } | null = null

  constructor(clock: Clock, tell: (perSecond: number) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  start(): void {
    this.stop()
    this.#counts = [this.count]
    this.#step()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#tell(0)
  }

  #step(): void {
    this.#timer = this.#clock.after(STEP_MS, () => {
      this.#counts = [...this.#counts, this.count].slice(-STEPS - 1)
      const [first = 0] = this.#counts
      this.#tell((this.count - first) / (this.#counts.length - 1))
      this.#step()
    })
  }
}
