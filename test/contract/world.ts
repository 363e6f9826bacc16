import type { Source } from '../../gateway/stream/source.ts'
import { parameter, product, stream } from '../integration/support/product.ts'

export const SCHEMA = {
  type: 'object',
  required: ['n'],
  properties: { n: { type: 'integer' }, m: { type: 'integer' } },
}
const FILTERABLE = [{ name: 'n', path: ['n'], type: 'integer' as const }]
const M = { name: 'm', path: ['m'], type: 'integer' as const }
/** What there is to ask for: a stream with all that one can have, and one for each way to be refused. */
export const PRODUCTS = [
  product({
    streams: [
      stream({ partitions: 1, schema: SCHEMA, filterable: FILTERABLE, parameters: [parameter('m', { field: M })] }),
      stream({ id: 'scoped', topic: 'scoped.v1', scope: 'quakes:read' }),
      stream({ id: 'gone', topic: 'gone.v1' }),
    ],
  }),
  product({ id: 'old', lifecycle: 'retired', streams: [stream({ topic: 'old.v1' })] }),
]

/** A source with a fault that is not the log's. */
export class Faulty implements Source {
  readonly read: Source['read']
  readonly follow: Source['follow']
  constructor(inner: Source) {
    this.read = inner.read.bind(inner)
    this.follow = inner.follow.bind(inner)
  }
  locate(): Promise<never> {
    return Promise.reject(new TypeError('a fault'))
  }
  async close(): Promise<void> {}
}
