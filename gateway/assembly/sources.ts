import { join } from 'node:path'
import type { Catalog, CatalogStream } from '../catalog/catalog.ts'
import { recordedDataOf } from '../catalog/files.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { readRecording, startPlayback, type Recording } from '../playback.ts'
import type { Sasl } from '../drivers/kafka/cluster.ts'
import { FileEpochBook } from '../source/kafka/epoch-file.ts'
import { KafkaSource } from '../source/kafka/source.ts'
import { MemorySource } from '../source/memory.ts'
import { nextStart } from '../source/starts.ts'
import type { Source } from '../stream/source.ts'

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

/** Opens the configured clusters, or without any the embedded log with its recordings. What it opened is ended by `ends`. */
export async function openSources(config: Config, catalog: Catalog, parts: Parts, ends: Ends): Promise<Sources> {
  if (config.embedded) return new Map([[null, await openEmbedded(config, catalog, parts, ends)]])
  const sources = new Map<string | null, Source>()
  const epochs = new FileEpochBook(join(config.dataDir, EPOCHS_FILE), parts.clock, parts.log)
  for (const [name, { brokers, ssl, sasl }] of Object.entries(config.clusters)) {
    const login = sasl === null ? {} : { sasl: loginOf(sasl) }
    const source = new KafkaSource({ name, brokers, clientId: 'weir', ssl, ...login, epochs, ...parts })
    ends.push(() => source.close())
    sources.set(name, source)
  }
  return sources
}

/** Which keys a mechanism needs was checked with the configuration. */
function loginOf({ mechanism, password, ...keys }: NonNullable<Config['clusters'][string]['sasl']>): Sasl {
  if (mechanism !== 'oauthbearer')
    return { mechanism, username: keys.username ?? '', password: password?.reveal() ?? '' }
  const { tokenFile, tokenEndpoint, clientId, clientSecretFile, scope } = keys
  if (tokenFile !== null) return { mechanism, tokenFile }
  return {
    mechanism,
    tokenEndpoint: tokenEndpoint ?? '',
    clientId: clientId ?? '',
    clientSecretFile: clientSecretFile ?? '',
    scope,
  }
}

async function openEmbedded(config: Config, catalog: Catalog, { clock, log }: Parts, ends: Ends): Promise<Source> {
  const memory = new MemorySource({ clock, epoch: await nextStart(config.dataDir, log, clock.now()) })
  const recordings: Recording[] = []
  for (const { stream, file } of streamsOf(catalog)) {
    const recorded = await recordedDataOf(file, stream.id)
    if (recorded !== null) recordings.push(readRecording(stream.topic, stream.partitions ?? 1, recorded))
    else if (!memory.hasTopic(stream.topic)) memory.createTopic(stream.topic, stream.partitions ?? 1)
  }
  const { recordsPerSecond } = config.playback
  const playback = startPlayback({ recordings, log: memory, recordsPerSecond, clock })
  ends.push(
    () => playback.stop(),
    () => memory.close(),
  )
  return memory
}

function streamsOf(catalog: Catalog): readonly CatalogStream[] {
  return catalog.products.flatMap((product) =>
    product.streams.map((stream) => catalog.stream(product.id, stream.id)).filter((found) => found !== null),
  )
}
