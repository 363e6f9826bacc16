import type { Envelope } from './codec.ts'

/** Where usage messages go, in the order in which they were written down. */
export interface Sink {
  /**
   * Resolves once all of them are kept where a crash does not reach them. Rejects where that is not known: the same are then
   * sent again, so whoever keeps them tells them apart by their ids. One call at a time.
   */
  send(envelopes: readonly Envelope[]): Promise<void>
  close(): Promise<void>
}
