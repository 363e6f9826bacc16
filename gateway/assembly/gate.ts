import type { Agreement } from '../access/grant.ts'
import type { Authenticator } from '../access/authenticator.ts'
import { bearerFrom } from '../access/bearer.ts'
import { challengeOf, resourceMetadata } from '../access/challenge.ts'
import { noSuchStream, type Consumers } from '../access/consumers.ts'
import type { Catalog, CatalogStream } from '../catalog/catalog.ts'
import { RenderedViews } from '../catalog/view/rendered.ts'
import type { Config } from '../config.ts'
import type { Account } from '../stream/account.ts'
import type { Gate } from '../transport/gate.ts'
import { createFeeds } from './feeds.ts'
import type { Sources } from './sources.ts'

interface GateParts {
  /** Asked each time: documents may be published anew. */
  readonly catalog: () => Catalog
  readonly authenticator: Authenticator
  readonly consumers: Consumers
  readonly sources: Sources
  readonly config: Config
  readonly publicUrl: () => string
  readonly accountOf: (agreement: Agreement) => Account
  readonly seatOf: Gate['seat']
  readonly windowsOf: Gate['windows']
  readonly usageBook: Pick<Gate, 'usage' | 'usageLines'>
}

/** Joins access and catalogue into what the transports ask. */
export function createGate({
  catalog,
  authenticator,
  consumers,
  sources,
  config,
  publicUrl,
  accountOf,
  seatOf,
  windowsOf,
  usageBook,
}: GateParts): Gate {
  const feedOf = createFeeds(sources, config.limits.recordBytesMax)
  const visible: Gate['visible'] = (identity) =>
    catalog().products.filter((product) => consumers.visible(identity, product))
  const address = (): string => publicUrl().replace(/\/+$/, '')
  const views = new RenderedViews(address)
  return {
    authenticate: (token) => authenticator.authenticate(token),
    authorize(identity, product, stream) {
      const entry = catalog().stream(product, stream)
      const granted = entry ? consumers.authorize(identity, entry.product, entry.stream) : null
      if (granted !== null && !('code' in granted && granted.code === 'no-such-stream')) return granted
      return noSuchStream(product, stream, visible(identity))
    },
    feed: ({ product, stream }) => feedOf(catalog().stream(product.id, stream.id) as CatalogStream),
    seat: seatOf,
    windows: windowsOf,
    ...usageBook,
    account: ({ agreement }) => accountOf(agreement),
    visible,
    publicView: (identity, product, format) =>
      views.of(product, consumers.agreed(identity, product)?.name ?? null, format),
    bearer: bearerFrom,
    challenge: (refusal, tokenSent) => challengeOf(refusal, tokenSent, publicUrl()),
    publicUrl: address,
    resourceMetadata: () =>
      resourceMetadata(
        publicUrl(),
        config.access.issuers.map(({ issuer }) => issuer),
        scopesOf(catalog()),
      ),
  }
}

function scopesOf({ products }: Catalog): readonly string[] {
  return products.flatMap(({ streams }) => streams.flatMap(({ scope }) => (scope === null ? [] : [scope])))
}
