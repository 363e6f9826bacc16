import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf, resolveFrom } from '../house/imports.ts'
import type { SourceFile } from '../house/rules.ts'
import { scan } from '../house/scan.ts'
import { type ServiceName, SERVICE_NAMES } from '../services/service.ts'

/** A test file and what it needs, read from what it imports, directly or through helpers. */
export interface TestFile {
  /** Of the source, from the repository's root. */
  readonly path: string
  /** Shared services, by the functions of services/use.ts. */
  readonly needs: readonly ServiceName[]
  /** It starts brokers of its own (services/kafka.ts) and so runs alone. */
  readonly ownKafka: boolean
  /** It drives a browser (services/chromium.ts). */
  readonly browser: boolean
  /** It spoils connections by toxiproxy (services/toxiproxy.ts). */
  readonly toxiproxy: boolean
}

const USE = 'test/services/use.ts'
const OWN_KAFKA = 'test/services/kafka.ts'
const BROWSER = 'test/services/chromium.ts'
const TOXIPROXY = 'test/services/toxiproxy.ts'
const FUNCTIONS: { readonly [name: string]: ServiceName } = {
  kafkaBrokers: 'kafka',
  redisUrl: 'redis',
  postgresUrl: 'postgres',
}

/** The test files whose path holds one of the filters; all where there is no filter. */
export function selectTests(sources: readonly SourceFile[], filters: readonly string[]): TestFile[] {
  const read = new Map(sources.map((file) => [file.path, importsWithin(file)]))
  return sources
    .filter(({ path }) => path.endsWith('.test.ts'))
    .filter(({ path }) => filters.length === 0 || filters.some((filter) => path.includes(bare(filter))))
    .map(({ path }) => ({ path, ...needsOf(path, read) }))
}

/** Filters may be given as people have them at hand: `./test/a.test.ts`, `dist/test/a.test.js`, `a`. */
function bare(filter: string): string {
  return filter
    .replace(/^\.\//, '')
    .replace(/^dist[^/]*\//, '')
    .replace(/\.js$/, '.ts')
}

/** Where the compiler put it; throws where it is not there: nothing may run less than what the sources hold. */
export function builtFile(outFolder: string, path: string): string {
  const built = join(outFolder, path.replace(/\.ts$/, '.js'))
  if (!existsSync(built)) throw new Error(`${path} is not built: run \`npm run build\``)
  return built
}

interface Reference {
  readonly target: string
  readonly names: readonly string[]
}

function importsWithin({ path, text }: SourceFile): Reference[] {
  return importsOf(scan(text))
    .filter(({ typeOnly, specifier }) => !typeOnly && specifier !== null)
    .map(({ specifier, names }) => ({ target: resolveFrom(path, specifier as string) ?? '', names }))
}

function needsOf(path: string, read: ReadonlyMap<string, readonly Reference[]>): Omit<TestFile, 'path'> {
  const seen = new Set<string>([path])
  const needs = new Set<ServiceName>()
  for (const file of seen) {
    for (const { target, names } of read.get(file) ?? []) {
      seen.add(target)
      if (target === USE) for (const service of servicesOf(names)) needs.add(service)
    }
  }
  const shared = SERVICE_NAMES.filter((name) => needs.has(name))
  return { needs: shared, ownKafka: seen.has(OWN_KAFKA), browser: seen.has(BROWSER), toxiproxy: seen.has(TOXIPROXY) }
}

/** `import * as` names nothing and may use all. */
function servicesOf(names: readonly string[]): readonly ServiceName[] {
  if (names.length === 0) return SERVICE_NAMES
  return names.flatMap((name) => FUNCTIONS[name] ?? [])
}
