import type { JsonObject } from '../json.ts'
import type { Product } from '../plan.ts'
import { Components } from './components.ts'
import { protocol } from './protocol.ts'
import { streamViewOf } from './streamView.ts'

/** The rest of a public view, which is the same for whoever looks: channels, operations, messages and schemas. */
export function bodyOf({ id, streams }: Pick<Product, 'id' | 'streams'>): JsonObject {
  const base = protocol()
  const components = new Components(base)
  const views = streams
    .filter(({ expose }) => expose === 'read')
    .map((stream) => streamViewOf(id, stream, base, components))
  const channels = Object.assign({}, ...views.map((one) => one.channels)) as JsonObject
  const operations = Object.assign({}, ...views.map((one) => one.operations)) as JsonObject
  return { channels, operations, components: components.usedBy([channels, operations, base.servers]) }
}
