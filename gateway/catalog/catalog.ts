import { nearest } from '../drivers/nearest.ts'
import type { PlanSource } from './cache.ts'
import { matchCluster } from './clusters.ts'
import type { Cluster } from './clusters.ts'
import { fileFinding, findDocuments, readDocumentFile } from './files.ts'
import type { DocumentFile, FilesLimits } from './files.ts'
import { servable } from './findings.ts'
import type { Finding, Plan, Product, Stream } from './plan.ts'

/** A stream that is served, and what serves it. */
export interface CatalogStream {
  readonly product: Product
  readonly stream: Stream
  /** Name of the configured cluster; `null`: the embedded log. */
  readonly cluster: string | null
  /** The document that describes it. */
  readonly file: string
}

/** Everything that is served, as one value that never changes: a reload makes a new one. */
export interface Catalog {
  /** In the order of their ids. */
  readonly products: readonly Product[]
  /** Every Plan that was compiled, the ones that are not served too. */
  readonly plans: readonly Plan[]
  /** All that is to be told of the documents, those of the Plans included. */
  readonly findings: readonly Finding[]
  product(id: string): Product | null
  stream(productId: string, streamId: string): CatalogStream | null
  /** The id that was probably meant: of a product, or with `productId` of one of its streams. */
  nearest(id: string, productId?: string): string | null
}

export interface CatalogOptions {
  /** Folders and files. */
  readonly specs: readonly string[]
  /** Empty: the embedded log. */
  readonly clusters: readonly Cluster[]
  readonly documentBytesMax: number
  readonly files?: Partial<FilesLimits>
}

/** Reads, compiles and joins all documents. What is wrong with one of them is told in `findings` and keeps only that one out. */
export async function loadCatalog(options: CatalogOptions, plans: PlanSource): Promise<Catalog> {
  const { files, findings } = await findDocuments(options.specs, options.files)
  const compiled: Plan[] = []
  const told = [...findings]
  for (const file of files) {
    const result = await compileFile(file, options.documentBytesMax, plans)
    if (result === null) continue
    if ('product' in result) compiled.push(result)
    else told.push(result)
  }
  return catalogOf(compiled, options.clusters, told)
}

/** A document's Plan, or why it has none; `null` for a file that is no document, and of which nobody said so. */
export async function compileFile(
  { file, named }: DocumentFile,
  bytesMax: number,
  plans: PlanSource,
): Promise<Plan | Finding | null> {
  const document = await readDocumentFile(file, bytesMax)
  if (!('text' in document)) return document
  const plan = await plans.compile(document)
  // Found in a folder by its looks alone: another kind of file, which is nobody's mistake.
  return !named && plan.findings.some(({ code }) => code === 'not-asyncapi') ? null : plan
}

/** Joins Plans to a catalogue: no two products of one id, no stream without a cluster. */
export function catalogOf(
  plans: readonly Plan[],
  clusters: readonly Cluster[],
  findings: readonly Finding[] = [],
): Catalog {
  const told = [...findings, ...plans.flatMap((plan) => plan.findings)]
  const streams = new Map<string, ReadonlyMap<string, CatalogStream>>()
  const products = new Map<string, Product>()
  const files = new Map<string, string>()
  for (const plan of plans) {
    if (plan.product === null || !servable(plan)) continue
    const { id } = plan.product
    const problems = problemsOf(plan.file, plan.product, files.get(id), clusters)
    told.push(...problems)
    if (problems.length > 0) continue
    files.set(id, plan.file)
    products.set(id, plan.product)
    streams.set(id, streamsOf(plan.file, plan.product, clusters))
  }
  return {
    products: [...products.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    plans,
    findings: told,
    product: (id) => products.get(id) ?? null,
    stream: (productId, streamId) => streams.get(productId)?.get(streamId) ?? null,
    nearest: (id, productId) =>
      nearest(id, (productId === undefined ? products : streams.get(productId))?.keys() ?? []),
  }
}

/** Why a product that is good by itself is not served here; `other` is the document that has its id already. */
export function problemsOf(
  file: string,
  product: Product,
  other: string | undefined,
  clusters: readonly Cluster[],
): readonly Finding[] {
  return [...twiceFinding(file, product.id, other), ...clusterFindings(file, product, clusters)]
}

function twiceFinding(file: string, id: string, other: string | undefined): readonly Finding[] {
  if (other === undefined) return []
  const message = `the product \`${id}\` is described by ${other} already; ${file} is not served`
  return [fileFinding('error', 'product-twice', file, message, 'Give one of them another id, or remove it.')]
}

function clusterFindings(file: string, { id, streams }: Product, clusters: readonly Cluster[]): readonly Finding[] {
  return streams.flatMap((stream) => {
    const match = matchCluster(stream, clusters)
    if ('cluster' in match) return []
    return [fileFinding('error', 'no-cluster', file, `stream \`${id}/${stream.id}\`: ${match.problem}`, match.fix)]
  })
}

function streamsOf(file: string, product: Product, clusters: readonly Cluster[]): ReadonlyMap<string, CatalogStream> {
  const entries = product.streams.map((stream): [string, CatalogStream] => {
    const match = matchCluster(stream, clusters)
    return [stream.id, { product, stream, cluster: 'cluster' in match ? match.cluster : null, file }]
  })
  return new Map(entries)
}
