import { PlanCache } from '../catalog/cache.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { Compiler } from '../catalog/compiler.ts'
import type { Finding, Product } from '../catalog/plan.ts'
import { Shelf } from '../catalog/shelf.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Config } from '../config.ts'
import { watchPaths, type Watching } from '../drivers/watch.ts'
import type { Log } from '../log.ts'

interface Parts {
  readonly clock: Clock
  readonly log: Log
}

/** A file that has been the same for so long is written. */
const SETTLE_MS = 200
/** Where nothing tells of changes (network file systems, mounts), they are seen by looking this often. */
const LOOK_EVERY_MS = 10_000

/** What the gateway serves, and how that changes while it serves: the documents of `specs`, watched. */
export class Publishing {
  readonly counts = { published: 0, failed: 0 }
  readonly #specs: readonly string[]
  readonly #shelf: Shelf
  readonly #compiler: Compiler
  readonly #clock: Clock
  readonly #log: Log
  #told: ReadonlySet<string> = new Set()
  #onPublished: (catalog: Catalog) => Promise<void> = () => Promise.resolve()
  #watching: Watching | null = null
  #timers: Timer[] = []
  #due: Timer | null = null
  #looking = false
  #again = false
  #closed = false

  private constructor(config: Config, { clock, log }: Parts) {
    const { documentBytesMax } = config.limits
    const clusters = Object.entries(config.clusters).map(([name, { brokers }]) => ({ name, brokers }))
    this.#specs = config.specs
    this.#clock = clock
    this.#log = log
    this.#compiler = new Compiler(clock, { documentBytesMax })
    const plans = new PlanCache(config.dataDir, this.#compiler, log)
    this.#shelf = new Shelf({ specs: config.specs, clusters, documentBytesMax }, plans)
  }

  /** Reads the documents, and tells what is wrong with them. */
  static async open(config: Config, parts: Parts): Promise<Publishing> {
    const publishing = new Publishing(config, parts)
    publishing.#tell((await publishing.#shelf.open()).findings)
    return publishing
  }

  get catalog(): Catalog {
    return this.#shelf.catalog
  }

  /** Documents whose newest version is not served. */
  get refused(): readonly string[] {
    return this.#shelf.refused
  }

  /** From now on what changes is served; `onPublished` brings it to whoever is connected, one change after the other. */
  watch(onPublished: (catalog: Catalog) => Promise<void>): void {
    this.#onPublished = onPublished
    this.#watching = watchPaths(
      this.#specs,
      () => this.#soon(),
      (error) =>
        this.#log.warn({ event: 'watching', error: String(error) }, 'documents are looked at now and then only'),
    )
    this.#timers.push(this.#clock.every(LOOK_EVERY_MS, () => void this.#look()))
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers.splice(0)) timer.cancel()
    this.#due?.cancel()
    await this.#watching?.close()
    await this.#compiler.close()
  }

  #soon(): void {
    this.#due ??= this.#clock.after(SETTLE_MS, () => {
      this.#due = null
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    if (this.#looking) return void (this.#again = true)
    this.#looking = true
    try {
      const before = this.catalog
      const looked = await this.#shelf.look()
      if (this.#closed) return
      if (looked === 'changed') await this.#publish(before)
      if (looked !== 'same' || this.#again) this.#soon()
    } catch (error) {
      // What was served goes on being served; the next look may find the folders in order.
      this.counts.failed++
      this.#log.error({ event: 'publishing', error: String(error) }, 'the documents could not be looked at')
    } finally {
      this.#looking = false
      this.#again = false
    }
  }

  async #publish(before: Catalog): Promise<void> {
    const { catalog } = this
    this.#tell(catalog.findings)
    const changes = changesOf(before.products, catalog.products)
    if (Object.values(changes).every((ids) => ids.length === 0)) return
    this.counts.published++
    this.#log.info({ event: 'published', ...changes }, 'documents were published anew')
    await this.#onPublished(catalog)
  }

  /** Each finding once, for as long as it holds. */
  #tell(findings: readonly Finding[]): void {
    const told = new Set<string>()
    for (const finding of findings) {
      const { severity, message, ...rest } = finding
      const key = JSON.stringify(finding)
      told.add(key)
      if (severity === 'info' || this.#told.has(key)) continue
      const fields = { event: 'finding', ...rest }
      if (severity === 'error') this.#log.error(fields, message)
      else this.#log.warn(fields, message)
    }
    this.#told = told
  }
}

/** The ids of what came, what is another now, and what went. */
function changesOf(
  before: readonly Product[],
  after: readonly Product[],
): { readonly [what in 'added' | 'changed' | 'removed']: readonly string[] } {
  // The view is made of all the rest, and is most of the text.
  const said = (product: Product): [string, string] => [product.id, JSON.stringify({ ...product, view: null })]
  const [old, now] = [new Map(before.map(said)), new Map(after.map(said))]
  return {
    added: [...now.keys()].filter((id) => !old.has(id)),
    changed: [...now].flatMap(([id, text]) => (old.has(id) && old.get(id) !== text ? [id] : [])),
    removed: [...old.keys()].filter((id) => !now.has(id)),
  }
}
