import type { Authenticator } from '../access/authenticator.ts'
import { bearerFrom } from '../access/bearer.ts'
import { challengeOf, resourceMetadata } from '../access/challenge.ts'
import { noSuchStream, type Consumers } from '../access/consumers.ts'
import type { Catalog, CatalogStream } from '../catalog/catalog.ts'
import type { Stream } from '../catalog/plan.ts'
import type { Config } from '../config.ts'
import { compileSchema } from '../drivers/schema.ts'
import { jsonDecoder } from '../source/decode/json.ts'
import { streamTag } from '../stream/cursor.ts'
import type { Source } from '../stream/source.ts'
import type { Feed, Gate } from '../transport/gate.ts'
import type { Sources } from './sources.ts'

interface GateParts {
  readonly catalog: Catalog
  readonly authenticator: Authenticator
  readonly consumers: Consumers
  readonly sources: Sources
  readonly config: Config
  readonly publicUrl: () => string
}

/** Joins access and catalogue into what the transports ask. */
export function createGate({ catalog, authenticator, consumers, sources, config, publicUrl }: GateParts): Gate {
  const feeds = new Map<Stream, Feed>()
  const feedOf = (entry: CatalogStream): Feed => {
    const known = feeds.get(entry.stream)
    if (known) return known
    const feed = feedFrom(entry, sources.get(entry.cluster) as Source, config.limits.recordBytesMax)
    feeds.set(entry.stream, feed)
    return feed
  }
  return {
    authenticate: (token) => authenticator.authenticate(token),
    authorize(identity, product, stream) {
      const entry = catalog.stream(product, stream)
      return entry ? consumers.authorize(identity, entry.product, entry.stream) : noSuchStream(product, stream)
    },
    feed: ({ product, stream }) => feedOf(catalog.stream(product.id, stream.id) as CatalogStream),
    visible: (identity) => catalog.products.filter((product) => consumers.visible(identity, product)),
    bearer: bearerFrom,
    challenge: (refusal, tokenSent) => challengeOf(refusal, tokenSent, publicUrl()),
    publicUrl: () => publicUrl().replace(/\/+$/, ''),
    resourceMetadata: () =>
      resourceMetadata(
        publicUrl(),
        config.access.issuers.map(({ issuer }) => issuer),
        scopesOf(catalog),
      ),
  }
}

function feedFrom({ product, stream }: CatalogStream, source: Source, recordBytesMax: number): Feed {
  const key = `${product.id}/${stream.id}`
  const check = stream.schema === null ? null : compileSchema(stream.schema, { strict: false })
  return {
    stream: { key, tag: streamTag(key), topic: stream.topic },
    decode: jsonDecoder(check, recordBytesMax),
    source,
  }
}

function scopesOf({ products }: Catalog): readonly string[] {
  return products.flatMap(({ streams }) => streams.flatMap(({ scope }) => (scope === null ? [] : [scope])))
}
