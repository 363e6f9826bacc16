import type { Place } from './arm.ts'
import type { Figure } from './figure.ts'
import type { Load } from './load.ts'
import type { Finding } from './ratio.ts'

/** What a measure is run with. */
export interface Bench extends Place {
  readonly load: Load
  /** How often each arm has its turn, and for how long. */
  readonly rounds: number
  readonly ms: number
  readonly short: boolean
}

export interface Measured {
  readonly figures: readonly Figure[]
  readonly findings: readonly Finding[]
}

/** One thing to measure, by itself. */
export interface Measure {
  readonly name: string
  /** Runs with `--short`. */
  readonly short: boolean
  run(bench: Bench): Promise<Measured>
}
