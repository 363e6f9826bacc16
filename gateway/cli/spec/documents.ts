import { resolve } from 'node:path'
import { loadCatalog, type Catalog } from '../../catalog/catalog.ts'
import type { Asked } from '../../catalog/compile.ts'
import { Compiler, COMPILER_LIMITS } from '../../catalog/compiler.ts'
import { isThere } from '../../catalog/files.ts'
import type { Finding } from '../../catalog/plan.ts'
import { shortPath } from '../../config.ts'
import { say, type Edge } from '../edge.ts'

/** Documents as a command named them, and what is to be told of them, by file names as short as they can be. */
export interface Documents {
  readonly catalog: Catalog
  readonly findings: readonly Finding[]
}

/** `null` once it has been said that there are none. Without clusters: which of them serves a document is not the document's affair. */
export async function readDocuments(edge: Edge, files: readonly string[], asked: Asked): Promise<Documents | null> {
  const specs = files.map((file) => resolve(edge.cwd, file))
  for (const [i, path] of specs.entries()) {
    if (await isThere(path)) continue
    say(edge, `weir: there is no file ${files[i]} — name documents, or folders of them`)
    return null
  }
  const catalog = await read(edge, specs, asked)
  if (catalog.plans.length === 0 && catalog.findings.length === 0) {
    say(edge, `weir: there is no AsyncAPI document in ${files.join(', ')}`)
    return null
  }
  return { catalog, findings: catalog.findings.map((one) => ({ ...one, file: shortPath(one.file, edge.cwd) })) }
}

async function read(edge: Edge, specs: readonly string[], asked: Asked): Promise<Catalog> {
  const compiler = new Compiler(edge.clock, {}, asked)
  try {
    const { documentBytesMax } = COMPILER_LIMITS
    return await loadCatalog({ specs, clusters: [], documentBytesMax }, compiler)
  } finally {
    await compiler.close()
  }
}
