import type { Catalog, CatalogStream } from '../catalog/catalog.ts'
import type { Stream } from '../catalog/plan.ts'
import { recordedDataOf } from '../catalog/files.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { readRecordings, startPlayback } from '../playback.ts'
import { MemorySource } from '../source/memory.ts'
import { nextStart } from '../source/starts.ts'
import { topicsOf } from './topics.ts'

interface Parts {
  readonly clock: Clock
  readonly log: Log
}

/** The embedded log with the topics that documents name, and the recordings that are played into them. */
export class EmbeddedLog {
  readonly memory: MemorySource
  readonly #clock: Clock
  readonly #recordsPerSecond: number
  readonly #playbacks: { stop(): void }[] = []

  private constructor(memory: MemorySource, recordsPerSecond: number, clock: Clock) {
    this.memory = memory
    this.#recordsPerSecond = recordsPerSecond
    this.#clock = clock
  }

  static async open({ dataDir, playback }: Config, { clock, log }: Parts): Promise<EmbeddedLog> {
    const memory = new MemorySource({ clock, epoch: await nextStart(dataDir, log, clock.now()) })
    return new EmbeddedLog(memory, playback.recordsPerSecond, clock)
  }

  /**
   * Makes the topics that are not there yet. Those of streams that are no more stay: a stream that comes back goes on. A recording that
   * cannot be played costs the others nothing: the first such fault is thrown when all is done.
   */
  async adopt(catalog: Catalog): Promise<void> {
    const faults: unknown[] = []
    for (const { stream, file } of streamsOf(catalog)) {
      const topics = topicsOf(stream).filter((topic) => !this.memory.hasTopic(topic))
      const partitions = stream.partitions ?? 1
      await this.#play(topics, stream, file).catch((error: unknown) => faults.push(error))
      for (const topic of topics) if (!this.memory.hasTopic(topic)) this.memory.createTopic(topic, partitions)
    }
    if (faults.length > 0) throw faults[0]
  }

  async close(): Promise<void> {
    for (const playback of this.#playbacks) playback.stop()
    await this.memory.close()
  }

  /** What is recorded beside the document goes into the topics of its stream, once into each. */
  async #play(topics: readonly string[], stream: Stream, file: string): Promise<void> {
    if (topics.length === 0) return
    const recorded = await recordedDataOf(file, stream.id)
    if (recorded === null) return
    const all = readRecordings(topicsOf(stream), stream.partitions ?? 1, recorded)
    const recordings = all.filter(({ topic }) => topics.includes(topic))
    const options = { recordings, log: this.memory, recordsPerSecond: this.#recordsPerSecond, clock: this.#clock }
    this.#playbacks.push(startPlayback(options))
  }
}

function streamsOf(catalog: Catalog): readonly CatalogStream[] {
  return catalog.products.flatMap((product) =>
    product.streams.map((stream) => catalog.stream(product.id, stream.id)).filter((found) => found !== null),
  )
}
