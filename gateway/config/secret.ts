import { inspect } from 'node:util'

const MASK = '[secret]'

/** A text that never shows itself: printed, inspected, concatenated or turned to JSON it reads `[secret]`. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }

  /** The text itself, for the one place that hands it over. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}
