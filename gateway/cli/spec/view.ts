import { createConsumers, type Consumers } from '../../access/consumers.ts'
import type { Product } from '../../catalog/plan.ts'
import { renderedView } from '../../catalog/view/rendered.ts'
import { shortPath, type Config } from '../../config.ts'
import { nearest } from '../../drivers/nearest.ts'
import { createLog } from '../../log.ts'
import { configOrComplaints, EXIT, printable, say, type Edge, type Exit } from '../edge.ts'
import { readDocuments } from './documents.ts'
import { report } from './report.ts'

export interface ViewOptions {
  readonly consumer?: string
  readonly json?: boolean
  readonly config?: string
}

/** `weir spec view`: the document that partners would get, on stdout. Refused where it would not be served, or not to that consumer. */
export async function view(edge: Edge, file: string, { consumer, json, ...options }: ViewOptions): Promise<Exit> {
  const config = configOrComplaints(edge, options.config)
  if (config === null) return EXIT.usage
  if (consumer !== undefined && !isKnown(edge, consumer, config)) return EXIT.usage
  const documents = await readDocuments(edge, [file], {})
  if (documents === null) return EXIT.usage
  const errors = documents.findings.filter(({ severity }) => severity === 'error')
  const { products, plans } = documents.catalog
  const [product, second] = products
  if (errors.length > 0 || product === undefined) {
    if (errors.length > 0) report(edge, 'text', errors, plans.length)
    else say(edge, `weir: ${file} describes no product — add \`info.x-data-product\``)
    return EXIT.refused
  }
  if (second !== undefined) {
    say(edge, `weir: ${file} holds ${products.length} products — name the document of one`)
    return EXIT.usage
  }
  return show(edge, product, config, consumer, json === true)
}

function isKnown(edge: Edge, consumer: string, { consumers, file }: Config): boolean {
  const ids = consumers.map(({ id }) => id)
  if (ids.includes(consumer)) return true
  const meant = nearest(consumer, ids)
  const advice = meant === null ? 'add it to `consumers`, or leave `--consumer` out' : `did you mean \`${meant}\`?`
  say(
    edge,
    printable(
      `weir: no consumer \`${consumer}\` is configured${file === null ? '' : ` in ${shortPath(file, edge.cwd)}`} — ${advice}`,
    ),
  )
  return false
}

function show(edge: Edge, product: Product, config: Config, consumer: string | undefined, json: boolean): Exit {
  const consumers = createConsumers(config.consumers, createLog(config.log.level))
  const identity = consumer === undefined ? null : identityOf(consumer)
  const isSeen = consumers.visible(identity, product)
  if (!isSeen && consumer !== undefined) {
    say(edge, printable(`refused: \`${consumer}\` does not see ${product.id}: ${closedness(product)}`))
    return EXIT.refused
  }
  if (!isSeen) say(edge, `only consumers with an agreement see ${product.id}: ${closedness(product)}`)
  const plan = consumers.agreed(identity, product)?.name ?? null
  edge.out.write(renderedView(product, { url: addressOf(config), plan }, json ? 'json' : 'yaml'))
  return EXIT.done
}

function identityOf(consumer: string): NonNullable<Parameters<Consumers['visible']>[0]> {
  return { consumer, scopes: new Set(), expiresAt: Number.MAX_SAFE_INTEGER, claims: {} }
}

function closedness({ visibility, lifecycle }: Product): string {
  return lifecycle === 'draft' ? 'it is a draft' : `its visibility is \`${visibility}\``
}

/** As a gateway with this configuration would say it. */
function addressOf({ listen: { host, port, publicUrl } }: Config): string {
  return (publicUrl ?? `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`).replace(/\/+$/, '')
}
