import type { UsageMessage } from '../usage/tally.ts'
import type { Ingested, Ledger } from './ledger.ts'

/** Straight to the ledger, where gateway and ledger are one process. One batch after the other, in the order in which they came. */
export class DirectIntake {
  readonly #ledger: Pick<Ledger, 'ingest'>
  #last: Promise<unknown> = Promise.resolve()

  constructor(ledger: Pick<Ledger, 'ingest'>) {
    this.#ledger = ledger
  }

  /** Resolves once the messages are kept. Where that fails, the same messages may be handed over again: those that were kept are skipped. */
  ingest(messages: readonly UsageMessage[]): Promise<Ingested> {
    const done = this.#last.then(() => this.#ledger.ingest({ messages }))
    // A failure is told to whoever handed these over; the next ones are not theirs.
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Once all that was handed over before is kept or refused. */
  async settled(): Promise<void> {
    await this.#last
  }
}
