import type { Clock } from '../../clock.ts'
import { describeFault } from '../../log.ts'
import { away, fail, type Status, type Verdict } from './verdict.ts'

/** One line of the report; the shape of `weir doctor --json`. */
export interface Result {
  /** What was looked at: `topics`. Stable, for programs. */
  readonly check: string
  /** Whose it is: `kafka main`. */
  readonly system: string
  readonly status: Status
  readonly message: string
  readonly fix: string | null
  readonly ms: number
}

/** ms */
export interface ExaminationLimits {
  /** Of one check that names no time of its own. */
  readonly checkMsMax: number
  /** Of all together; systems are looked at side by side. */
  readonly wholeMsMax: number
}

export const EXAMINATION_LIMITS: ExaminationLimits = { checkMsMax: 10_000, wholeMsMax: 90_000 }

export type Look = (signal: AbortSignal) => Promise<Verdict | readonly Verdict[]>

/** Looks at systems side by side, and within each at one thing after the other; ends in time whatever hangs. */
export class Examination {
  readonly #clock: Clock
  readonly #limits: ExaminationLimits
  readonly #systems: System[] = []
  readonly #running: Promise<void>[] = []

  constructor(clock: Clock, limits: ExaminationLimits = EXAMINATION_LIMITS) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Begins at once. Results come in the order in which systems were named here. */
  look(name: string, examine: (system: System) => Promise<void>): void {
    const system = new System(name, this.#clock, this.#limits.checkMsMax)
    this.#systems.push(system)
    this.#running.push(system.run(examine))
  }

  /** Once all have been looked at, the time is over, or `stop` says so. Never rejects. */
  async end(stop: AbortSignal): Promise<Outcome> {
    const { wholeMsMax } = this.#limits
    const why = await new Promise<string>((resolve) => {
      const timer = this.#clock.after(wholeMsMax, () => resolve(`was not done after ${wholeMsMax} ms`))
      const stopped = (): void => resolve('was not done when it was stopped')
      if (stop.aborted) stopped()
      stop.addEventListener('abort', stopped, { once: true })
      void Promise.all(this.#running).then(() => resolve(''))
      void Promise.all(this.#running).finally(() => timer.cancel())
    })
    if (why !== '') for (const system of this.#systems) system.giveUp(why)
    return {
      results: this.#systems.flatMap(({ results }) => results),
      unreachable: this.#systems.some((system) => system.unreachable),
    }
  }
}

export interface Outcome {
  readonly results: readonly Result[]
  /** Whether a system did not answer. */
  readonly unreachable: boolean
}

/** One system's share of the report. */
export class System {
  readonly name: string
  readonly results: Result[] = []
  readonly #clock: Clock
  readonly #checkMsMax: number
  #unreachable = false
  #done = false

  constructor(name: string, clock: Clock, checkMsMax: number) {
    this.name = name
    this.#clock = clock
    this.#checkMsMax = checkMsMax
  }

  get unreachable(): boolean {
    return this.#unreachable
  }

  /** One thing. Resolves to whether nothing of it failed; never rejects, and never takes longer than its time. */
  async check(name: string, look: Look, msMax = this.#checkMsMax): Promise<boolean> {
    const begun = this.#clock.monotonic()
    const verdicts = [await this.#inTime(look, msMax)].flat()
    this.#tell(name, verdicts, this.#clock.monotonic() - begun)
    return !verdicts.some(({ status }) => status === 'fail')
  }

  async run(examine: (system: System) => Promise<void>): Promise<void> {
    try {
      await examine(this)
    } catch (error) {
      this.#tell('doctor', [unexpected(error)], 0)
    }
    this.#done = true
  }

  giveUp(why: string): void {
    if (!this.#done) this.#tell('deadline', [away(`what is left of it ${why}`, SLOW)], 0)
    this.#done = true
  }

  #tell(check: string, verdicts: readonly Verdict[], ms: number): void {
    // What comes after the end is nobody's any more.
    if (this.#done) return
    for (const { status, message, fix, unreachable } of verdicts) {
      this.results.push({ check, system: this.name, status, message, fix, ms: Math.round(ms) })
      this.#unreachable ||= unreachable
    }
  }

  #inTime(look: Look, msMax: number): Promise<Verdict | readonly Verdict[]> {
    const abort = new AbortController()
    return new Promise((resolve) => {
      const timer = this.#clock.after(msMax, () => {
        abort.abort(new Error('late'))
        resolve(away(`no answer within ${msMax} ms`, SLOW))
      })
      const settle = (verdict: Verdict | readonly Verdict[]): void => {
        timer.cancel()
        resolve(verdict)
      }
      look(abort.signal).then(settle, (error: unknown) => settle(unexpected(error)))
    })
  }
}

const SLOW = 'look at the network on the way, and whether the system is overloaded'

function unexpected(error: unknown): Verdict {
  return fail(String(describeFault(error, false)), 'look into that system: no more is known of this than its own words')
}
