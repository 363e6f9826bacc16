import { resolve } from 'node:path'
import { loadCatalog, type Catalog } from '../../catalog/catalog.ts'
import { Compiler, COMPILER_LIMITS } from '../../catalog/compiler.ts'
import { isThere } from '../../catalog/files.ts'
import { shortPath } from '../../config.ts'
import { EXIT, say, type Edge, type Exit } from '../edge.ts'
import { report, type Format } from './report.ts'

export interface LintOptions {
  readonly format: Format
  readonly json?: boolean
}

/** `weir spec lint`: valid, and governed. Refused where anything found is an error. */
export async function lint(edge: Edge, files: readonly string[], { format, json }: LintOptions): Promise<Exit> {
  const paths = files.map((file) => resolve(edge.cwd, file))
  for (const [i, path] of paths.entries()) {
    if (await isThere(path)) continue
    say(edge, `weir: there is no file ${files[i]} — name documents, or folders of them`)
    return EXIT.usage
  }
  const catalog = await read(edge, paths)
  if (catalog.plans.length === 0 && catalog.findings.length === 0) {
    say(edge, `weir: there is no AsyncAPI document in ${files.join(', ')}`)
    return EXIT.usage
  }
  const findings = catalog.findings.map((one) => ({ ...one, file: shortPath(one.file, edge.cwd) }))
  report(edge, json ? 'json' : format, findings, catalog.plans.length)
  return findings.some(({ severity }) => severity === 'error') ? EXIT.refused : EXIT.done
}

/** Without clusters: which of them serves a document is not the document's affair. */
async function read(edge: Edge, specs: readonly string[]): Promise<Catalog> {
  const compiler = new Compiler(edge.clock, {}, { governed: true })
  try {
    const { documentBytesMax } = COMPILER_LIMITS
    return await loadCatalog({ specs, clusters: [], documentBytesMax }, compiler)
  } finally {
    await compiler.close()
  }
}
