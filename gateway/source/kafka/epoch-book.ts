import { EpochTable } from './epoch-table.ts'

/**
 * Numbers the logs that come to stand under a topic's name, so that a position says which of them it belongs to: 0 is the
 * first topic id that was ever seen under the name, each further one counts one more, and one that comes back has the
 * number that it had. An answer never changes while the process lives. Where nodes share a book, they agree.
 */
export interface EpochBook {
  epochOf(cluster: string, topic: string, topicId: string): Promise<number>
}

/** Forgets with the process: for tests, and for who keeps no data. */
export class MemoryEpochBook implements EpochBook {
  readonly #table = new EpochTable()

  async epochOf(cluster: string, topic: string, topicId: string): Promise<number> {
    return this.#table.note(cluster, topic, topicId)
  }
}
