import { createHash } from 'node:crypto'
import type { CatalogStream } from '../catalog/catalog.ts'
import { decoderOf } from '../source/decode/decoder.ts'
import { streamTag } from '../stream/cursor.ts'
import type { Source } from '../stream/source.ts'
import type { Feed } from '../transport/gate.ts'
import type { Sources } from './sources.ts'

/**
 * The feed of each stream, made once for each way its records look: under a document that was published anew and changes nothing
 * of that, it is the same one, so that whoever rides rides on and newcomers join them.
 */
export function createFeeds(sources: Sources, recordBytesMax: number): (entry: CatalogStream) => Feed {
  const revisions = new WeakMap<object, string>()
  const feeds = new Map<string, Feed>()
  return (entry) => {
    const { product, stream, cluster } = entry
    const revision = revisions.get(stream) ?? revisionOf(entry)
    revisions.set(stream, revision)
    const key = `${product.id}/${stream.id}`
    const known = feeds.get(key)
    if (known?.revision === revision) return known
    const feed: Feed = {
      stream: { key, tag: streamTag(key), topic: stream.topic },
      decode: decoderOf(stream, recordBytesMax),
      source: sources.get(cluster) as Source,
      revision,
    }
    feeds.set(key, feed)
    return feed
  }
}

/** Of all that records are shown by. What partners may filter by is not in it: that changes nothing for who does not ask. */
function revisionOf({ stream, cluster }: CatalogStream): string {
  const { topic, encoding, schema, invalid, message, showKey, showHeaders } = stream
  const shown = JSON.stringify([cluster, topic, encoding, schema, invalid, message, showKey, showHeaders])
  return createHash('sha256').update(shown).digest('base64url').slice(0, 12)
}
