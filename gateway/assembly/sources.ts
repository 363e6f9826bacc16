import { join } from 'node:path'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { FileEpochBook } from '../source/kafka/epoch-file.ts'
import { KafkaSource } from '../source/kafka/source.ts'
import type { Source } from '../stream/source.ts'
import { EmbeddedLog } from './embeddedLog.ts'
import { kafkaConfigOf } from './kafkaConfig.ts'

/** In `dataDir`. */
const EPOCHS_FILE = 'epochs.json'

interface Parts {
  readonly clock: Clock
  readonly log: Log
}

/** What to end, latest first. */
export type Ends = (() => void | Promise<void>)[]

/** By cluster; `null` is the embedded log. */
export type Sources = ReadonlyMap<string | null, Source>

export interface Opened {
  readonly sources: Sources
  /** Makes room for what a catalogue holds beyond what was there: topics of the embedded log. Others make those of Kafka. */
  adopt(catalog: Catalog): Promise<void>
}

/** Opens the configured clusters, or without any the embedded log with its recordings. What it opened is ended by `ends`. */
export async function openSources(config: Config, catalog: Catalog, parts: Parts, ends: Ends): Promise<Opened> {
  if (!config.embedded) return { sources: openClusters(config, parts, ends), adopt: () => Promise.resolve() }
  const embedded = await EmbeddedLog.open(config, parts)
  ends.push(() => embedded.close())
  await embedded.adopt(catalog)
  return { sources: new Map([[null, embedded.memory]]), adopt: (newer) => embedded.adopt(newer) }
}

function openClusters(config: Config, parts: Parts, ends: Ends): Sources {
  const sources = new Map<string | null, Source>()
  const epochs = new FileEpochBook(join(config.dataDir, EPOCHS_FILE), parts.clock, parts.log)
  for (const name of Object.keys(config.clusters)) {
    const source = new KafkaSource({ ...kafkaConfigOf(config, name), epochs, ...parts })
    ends.push(() => source.close())
    sources.set(name, source)
  }
  return sources
}
