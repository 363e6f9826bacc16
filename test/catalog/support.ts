import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { COMPILER_LIMITS } from '../../gateway/catalog/compiler.ts'
import { readDocument } from '../../gateway/catalog/document.ts'
import type { DocumentText } from '../../gateway/catalog/document.ts'
import type { Finding, Product } from '../../gateway/catalog/plan.ts'
import { productOf } from '../../gateway/catalog/product.ts'
import { streamsOf } from '../../gateway/catalog/streams.ts'
import { packageRoot } from '../../gateway/package.ts'

export function textOf(text: string, overlay?: string): DocumentText {
  return { file: 'doc.yaml', text, overlay: overlay === undefined ? null : { file: 'doc.product.yaml', text: overlay } }
}

/** Everything but the official parser's judgement, which costs half a second a document. */
export function read(document: DocumentText): {
  readonly product: Product | null
  readonly findings: readonly Finding[]
} {
  const result = readDocument(document, COMPILER_LIMITS)
  if (!('root' in result)) return { product: null, findings: result }
  const product = productOf(result, streamsOf(result))
  return { product, findings: result.findings.list }
}

export function codesOf(findings: readonly Finding[], severity: Finding['severity'] = 'error'): string[] {
  return findings.filter((finding) => finding.severity === severity).map(({ code }) => code)
}

export interface Pieces {
  /** Lines of `info.x-data-product` beside the ones that it needs, replacing those of the same key. */
  readonly product?: string
  readonly plan?: string
  /** The value of the channel's `x-data-product`. */
  readonly stream?: string
  /** Further lines of the channel. */
  readonly channel?: string
  readonly message?: string
  readonly payload?: string
  readonly more?: string
}

/** A whole document with one channel; flow style keeps the pieces on one line each. */
export function documentWith(pieces: Pieces = {}): string {
  return `asyncapi: 3.0.0
info:
  title: T
  version: 1.0.0
  x-data-product:
    ${pieces.product ?? 'id: one'}
    owner: { team: t }
    plans:
      - { name: free, price: "0", priceCurrency: EUR${pieces.plan ? `, ${pieces.plan}` : ''} }
servers:
  main: { host: 'kafka:9092', protocol: kafka }
channels:
  Events:
    address: topic.v1
    x-data-product: ${pieces.stream ?? '{ expose: read }'}
    ${pieces.channel ?? 'title: E'}
    messages:
      m: { ${pieces.message ?? 'name: m'}, payload: ${pieces.payload ?? '{ type: object }'} }
${pieces.more ?? ''}`
}

export function corpus(file: string, withOverlay = false): DocumentText {
  const folder = join(packageRoot, 'test', 'corpus')
  const overlayFile = `${file.replace(/\.ya?ml$/, '')}.product.yaml`
  const overlay = { file: overlayFile, text: '' }
  if (withOverlay) overlay.text = readFileSync(join(folder, 'overlays', overlayFile), 'utf8')
  return { file, text: readFileSync(join(folder, 'asyncapi', file), 'utf8'), overlay: withOverlay ? overlay : null }
}

export async function scratchFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-catalog-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What this process and its threads have computed so far, ms: a bound on it holds on a busy machine, too. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
