import type { Findings } from './findings.ts'
import { isObject, stepsOf, valueAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'

/** Values that a document may have once its references are written out: the parser writes them out. */
const EXPANDED_NODES_MAX = 200_000
/** How long a chain of references, or how deep the nesting they make, may be. */
const CHAIN_MAX = 1_000

/**
 * Finds every `$ref` that does not stay inside the document. The AsyncAPI parser would fetch URLs and inline local files
 * (CWE-918, CWE-73), and no option of it prevents both, so nothing but `#/…` may reach it. Also measures what the
 * references would be written out to.
 */
export function checkRefs(root: JsonObject, findings: Findings): void {
  const seen = new Set<object>()
  const visit = (value: unknown, path: Path): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    if (Object.hasOwn(value, '$ref')) checkRef(root, (value as JsonObject)['$ref'], [...path, '$ref'], findings)
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value)
    for (const [key, member] of entries) visit(member, [...path, key])
  }
  visit(root, [])
  if (!findings.failed) measure(root, findings)
}

function checkRef(root: JsonObject, ref: unknown, path: Path, findings: Findings): void {
  if (typeof ref !== 'string' || !ref.startsWith('#/')) {
    const shown = JSON.stringify(ref)?.slice(0, 80)
    const fix = 'Put what is meant under `components` of this document and refer to it by `#/components/…`.'
    return findings.error('ref-external', path, `the reference ${shown} leaves the document; nothing is fetched`, fix)
  }
  const target = resolveRef(root, ref)
  if (target !== null) return
  const fix = 'Correct the reference, or add what it names.'
  findings.error('ref-unresolved', path, `the reference ${JSON.stringify(ref.slice(0, 200))} leads to nothing`, fix)
}

/** Where a reference ends up, references to references followed; `null` where nowhere or in a circle. */
export function resolveRef(root: JsonObject, ref: string): { readonly value: unknown; readonly path: Path } | null {
  let path = stepsOf(ref)
  for (let hops = 0; path !== null && hops < HOPS_MAX; hops++) {
    const value = valueAt(root, path)
    if (value === undefined) return null
    const next = isObject(value) ? value['$ref'] : undefined
    if (typeof next !== 'string') return { value, path }
    path = stepsOf(next)
  }
  return null
}

/** References to references to references are a circle sooner than a habit. */
const HOPS_MAX = 20

/** The value at `path`, or where its `$ref` leads. */
export function follow(root: JsonObject, value: unknown, path: Path): { readonly value: unknown; readonly path: Path } {
  const ref = isObject(value) ? value['$ref'] : undefined
  return (typeof ref === 'string' ? resolveRef(root, ref) : null) ?? { value, path }
}

function measure(root: JsonObject, findings: Findings): void {
  const sizes = new Map<object, number>()
  const open = new Set<object>()
  let tooDeep = false
  const sizeOf = (value: unknown, depth: number): number => {
    // A circle is counted once: the parser keeps it as a circle.
    if (typeof value !== 'object' || value === null || open.has(value) || tooDeep) return 1
    const known = sizes.get(value)
    if (known !== undefined) return known
    if (depth > CHAIN_MAX) tooDeep = true
    open.add(value)
    const ref = isObject(value) && typeof value['$ref'] === 'string' ? resolveRef(root, value['$ref']) : null
    let size = 1
    if (ref) size += sizeOf(ref.value, depth + 1)
    else for (const member of Object.values(value)) size += sizeOf(member, depth + 1)
    open.delete(value)
    sizes.set(value, size)
    return size
  }
  const size = sizeOf(root, 0)
  const fix = 'Split the document, or let schemas refer to each other less often.'
  if (tooDeep) findings.error('refs-too-deep', [], `references are chained more than ${CHAIN_MAX} deep`, fix)
  else if (size > EXPANDED_NODES_MAX)
    findings.error(
      'refs-too-many',
      [],
      `references blow the document up to more than ${EXPANDED_NODES_MAX} values`,
      fix,
    )
}
