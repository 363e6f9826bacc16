/** Lets `max` at a time through, in the order of coming, each with the number of the place that it has. */
export class Gate {
  readonly #free: number[]
  readonly #waiting: ((place: number) => void)[] = []

  constructor(max: number) {
    this.#free = Array.from({ length: max }, (_, place) => max - 1 - place)
  }

  /** Who comes now has to wait. */
  get full(): boolean {
    return this.#free.length === 0
  }

  /** Who gave up while waiting passes its place on at once. */
  async pass<T>(run: (place: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const place = this.#free.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)))
    try {
      signal?.throwIfAborted()
      return await run(place)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(place)
      else next(place)
    }
  }
}
