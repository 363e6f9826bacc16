import { createHash } from 'node:crypto'
import { validateAsyncApi } from './asyncapi.ts'
import { findingRow } from './codes.ts'
import { readDocument } from './document.ts'
import type { AsyncApiDocument, DocumentLimits, DocumentText } from './document.ts'
import { checkGovernance } from './governance.ts'
import type { Finding, Plan, PlanFormat, Product } from './plan.ts'
import { productOf } from './product.ts'
import { streamsOf } from './streams.ts'
import { viewBodyOf, VIEW_CHARS_MAX } from './view/rendered.ts'

export const PLAN_FORMAT: PlanFormat = 5

/** What is asked of a document beside that it can be served. */
export interface Asked {
  /** Whether it is good enough to be published. */
  readonly governed?: boolean
}

/**
 * One document to one Plan. Whatever is wrong with the document is a finding of the Plan, never an exception. Runs in the compiler's thread:
 * it may take long, and the AsyncAPI parser stays in memory.
 */
export async function compileDocument(input: DocumentText, limits: DocumentLimits, asked: Asked = {}): Promise<Plan> {
  const document = readDocument(input, limits)
  if (!('root' in document)) return planOf(input, null, document)
  await validateAsyncApi(document.root, document.findings)
  // A document that breaks the specification may have any shape; what is read from it would only add to the noise.
  if (document.findings.failed) return planOf(input, null, document.findings.list)
  const product = productOf(document, streamsOf(document))
  if (asked.governed && product) checkGovernance(document, product)
  const view = product && !document.findings.failed ? viewOf(product, document) : null
  return planOf(input, product && { ...product, view }, document.findings.list)
}

/** `null` where it would be too long, which is told. */
function viewOf(product: Product, { findings }: AsyncApiDocument): Product['view'] {
  const view = viewBodyOf(product)
  const message = `what partners would get as AsyncAPI has more than ${VIEW_CHARS_MAX} characters`
  if (view === null) findings.error('view-too-long', ['channels'], message, findingRow('view-too-long')?.advice ?? null)
  return view
}

/** A Plan that says only why there is none. */
export function planOf(input: DocumentText, product: Product | null, findings: readonly Finding[]): Plan {
  return { format: PLAN_FORMAT, hash: hashOf(input), file: input.file, product, findings }
}

/** SHA-256 over the texts, each with its length before it, so that no two pairs of texts give one hash by their seam. */
export function hashOf({ text, overlay }: DocumentText): string {
  const hash = createHash('sha256')
  for (const part of overlay ? [text, overlay.text] : [text]) hash.update(`${Buffer.byteLength(part)}\n`).update(part)
  return hash.digest('hex')
}
