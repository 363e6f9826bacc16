/**
 * The documents of the configured folders, each as it was last good:
 *
 *   look ─► state of every file ─► settled (two looks alike)? ─► compiled ─► good: served
 *                                                                     └──► bad: told, and what was good before stays
 *
 * An editor that writes by rename, a copy under way, a mount that comes and goes: between two states a file is neither, and
 * nothing may come of that.
 */
import type { PlanSource } from './cache.ts'
import { catalogOf, compileFile, problemsOf, type Catalog, type CatalogOptions } from './catalog.ts'
import { fileFinding, findDocuments, stateOf, type DocumentFile, type FoundFiles, type Looks } from './files.ts'
import { servable } from './findings.ts'
import type { Finding, Plan } from './plan.ts'

/** What a look found: nothing new, something that may still be under way, or another catalogue. */
export type Looked = 'same' | 'settling' | 'changed'

/** A document as it was last read. */
interface Held {
  readonly state: string
  /** `null`: no document after all. */
  readonly newest: Plan | Finding | null
  /** What is served of it. */
  readonly good: Plan | null
}

interface Look extends FoundFiles {
  readonly states: ReadonlyMap<string, string>
}

export class Shelf {
  readonly #options: CatalogOptions
  readonly #plans: PlanSource
  readonly #held = new Map<string, Held>()
  readonly #looks: Looks = new Map()
  #last: Look = { files: [], findings: [], states: new Map() }
  #catalog: Catalog = catalogOf([], [])

  constructor(options: CatalogOptions, plans: PlanSource) {
    this.#options = options
    this.#plans = plans
  }

  get catalog(): Catalog {
    return this.#catalog
  }

  /** Documents whose newest version is refused, or that are gone with their folder. */
  get refused(): readonly string[] {
    return [...this.#held].flatMap(([file, held]) => (isBroken(held) ? [file] : []))
  }

  /** Reads everything there is, as it is. */
  async open(): Promise<Catalog> {
    this.#last = await this.#see()
    await this.#take(this.#last.files)
    this.#put(this.#last.findings)
    return this.#catalog
  }

  /** Looks again. Rejects where the folders cannot be walked; then all stays as it is. */
  async look(): Promise<Looked> {
    const [before, now] = [this.#last, await this.#see()]
    this.#last = now
    const lost = rootsLost(this.#options.specs, now.findings)
    const changed = now.files.filter(({ file }) => this.#held.get(file)?.state !== now.states.get(file))
    const settled = changed.filter(({ file }) => before.states.get(file) === now.states.get(file))
    const missing = [...this.#held.keys()].filter((file) => !now.states.has(file) && !below(file, lost))
    const gone = missing.filter((file) => !before.states.has(file))
    await this.#take(settled)
    for (const file of gone) this.#held.delete(file)
    const told = this.#put([...now.findings, ...this.#lostFindings(lost)])
    if (settled.length > 0 || gone.length > 0 || told) return 'changed'
    return changed.length > 0 || missing.length > 0 ? 'settling' : 'same'
  }

  async #see(): Promise<Look> {
    const { files, findings } = await findDocuments(this.#options.specs, this.#options.files, this.#looks)
    const states = new Map<string, string>()
    for (const { file } of files) {
      const state = await stateOf(file)
      if (state !== null) states.set(file, state)
    }
    return { files: files.filter(({ file }) => states.has(file)), findings, states }
  }

  async #take(files: readonly DocumentFile[]): Promise<void> {
    for (const document of files) {
      const { file } = document
      const state = this.#last.states.get(file) as string
      const newest = await compileFile(document, this.#options.documentBytesMax, this.#plans)
      this.#held.set(file, { state, newest, good: this.#held.get(file)?.good ?? null })
    }
  }

  /** Whoever is served already keeps its place against who comes with the same id. */
  #put(findings: readonly Finding[]): boolean {
    const owners = new Map<string, string>()
    for (const [file, { good }] of this.#held) if (good?.product) owners.set(good.product.id, file)
    for (const [file, held] of this.#held) {
      const good = goodOf(file, held, owners, this.#options.clusters)
      if (good?.product) owners.set(good.product.id, file)
      this.#held.set(file, { ...held, good })
    }
    const before = this.#catalog
    const plans = [...this.#held.values()].flatMap(({ good }) => (good ? [good] : []))
    const rest = [...this.#held].flatMap(([file, held]) => this.#untaken(file, held, owners))
    const joined = catalogOf(plans, this.#options.clusters, [...findings, ...rest])
    this.#catalog = { ...joined, plans: this.#compiled() }
    return JSON.stringify(before.findings) !== JSON.stringify(this.#catalog.findings)
  }

  /** What is to be told of a document whose newest version is not served. */
  #untaken(file: string, held: Held, owners: ReadonlyMap<string, string>): readonly Finding[] {
    const { newest, good } = held
    if (newest === null || newest === good) return []
    if (!('product' in newest)) return good ? [newest, lastGood(file)] : [newest]
    const { product } = newest
    const owner = product === null ? undefined : owners.get(product.id)
    const other = owner === file ? undefined : owner
    const more = product !== null && servable(newest) ? problemsOf(file, product, other, this.#options.clusters) : []
    return [...newest.findings, ...more, ...(good ? [lastGood(file)] : [])]
  }

  #lostFindings(lost: readonly string[]): readonly Finding[] {
    return [...this.#held].flatMap(([file, { good }]) => (good && below(file, lost) ? [lastGood(file)] : []))
  }

  #compiled(): readonly Plan[] {
    return [...this.#held.values()].flatMap(({ newest }) => (newest && 'product' in newest ? [newest] : []))
  }
}

/** What is served of a document: its newest version where it can be, else the one that was. */
function goodOf(
  file: string,
  { newest, good }: Held,
  owners: ReadonlyMap<string, string>,
  clusters: CatalogOptions['clusters'],
): Plan | null {
  if (newest === null || !('product' in newest) || !servable(newest)) {
    // A document that exposes nothing any more, and is not broken, was meant so.
    return newest === null || isEmpty(newest) ? null : good
  }
  const { product } = newest
  if (product === null) return null
  const owner = owners.get(product.id)
  return problemsOf(file, product, owner === file ? undefined : owner, clusters).length > 0 ? good : newest
}

function isEmpty(newest: Plan | Finding): boolean {
  return 'product' in newest && newest.product === null && newest.findings.every(({ severity }) => severity !== 'error')
}

function isBroken({ newest, good }: Held): boolean {
  return newest !== null && newest !== good && !isEmpty(newest)
}

function lastGood(file: string): Finding {
  const message = 'partners are still served what was good before'
  return fileFinding('warning', 'last-good-served', file, message, 'Mend what the other findings of this file name.')
}

/** Folders and files of the configuration that are not there now: an operator's accident sooner than a team's wish. */
function rootsLost(specs: readonly string[], findings: readonly Finding[]): readonly string[] {
  const unreadable = new Set(findings.flatMap(({ code, file }) => (code === 'file-unreadable' ? [file] : [])))
  return specs.filter((spec) => unreadable.has(spec))
}

function below(file: string, roots: readonly string[]): boolean {
  return roots.some((root) => file === root || file.startsWith(root.endsWith('/') ? root : `${root}/`))
}
