import { decodeMessage } from './codec.ts'
import type { Sink } from './sink.ts'
import type { UsageMessage } from './tally.ts'

/** The ledger, where it is reached without Kafka. */
export interface Intake {
  /** Resolves once they are kept; those that were kept before are skipped. */
  ingest(messages: readonly UsageMessage[]): Promise<unknown>
}

/** Straight to the ledger. What the journal holds and nobody can read is told by `unreadable`, and passed over. */
export function createDirectSink(intake: Intake, unreadable: (why: string) => void): Sink {
  return {
    async send(envelopes) {
      const messages = envelopes.map(decodeMessage)
      for (const message of messages) if (message.kind === 'damaged') unreadable(message.why)
      await intake.ingest(messages.filter((message) => message.kind !== 'damaged'))
    },
    close: () => Promise.resolve(),
  }
}
