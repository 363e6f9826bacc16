import { EXIT, type Edge, type Exit } from '../edge.ts'
import { readDocuments } from './documents.ts'
import { report, type Format } from './report.ts'

export interface LintOptions {
  readonly format: Format
  readonly json?: boolean
}

/** `weir spec lint`: valid, and governed. Refused where anything found is an error. */
export async function lint(edge: Edge, files: readonly string[], { format, json }: LintOptions): Promise<Exit> {
  const documents = await readDocuments(edge, files, { governed: true })
  if (documents === null) return EXIT.usage
  const { findings, catalog } = documents
  report(edge, json ? 'json' : format, findings, catalog.plans.length)
  return findings.some(({ severity }) => severity === 'error') ? EXIT.refused : EXIT.done
}
