import type { Clock } from '../../../client/follow.ts'

/** Real time, a hundred times as fast, and a note of each wait that was asked for. */
export class FastClock implements Clock {
  now = (): number => Date.now()
  monotonic = (): number => performance.now() * 100
  after(ms: number, run: () => void): { cancel(): void } {
    const timer = setTimeout(run, ms / 100)
    return { cancel: () => clearTimeout(timer) }
  }
}

interface Due {
  readonly at: number
  readonly run: () => void
}

/** Stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 0
  readonly #due = new Set<Due>()

  now = (): number => this.#now
  monotonic = (): number => this.#now

  after(ms: number, run: () => void): { cancel(): void } {
    const due = { at: this.#now + ms, run }
    this.#due.add(due)
    return { cancel: () => void this.#due.delete(due) }
  }

  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#due.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = end
  }
}
