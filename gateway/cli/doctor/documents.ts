import { existsSync } from 'node:fs'
import { PlanCache } from '../../catalog/cache.ts'
import { loadCatalog, type Catalog } from '../../catalog/catalog.ts'
import { Compiler } from '../../catalog/compiler.ts'
import type { Finding } from '../../catalog/plan.ts'
import type { Clock } from '../../clock.ts'
import { shortPath, type Config, type LineOf } from '../../config.ts'
import { formatProblem, type Problem } from '../../config/problem.ts'
import { silentLog } from '../../log.ts'
import { agreementFindings } from '../check.ts'
import type { System } from './examination.ts'
import { fail, ok, warn, type Verdict } from './verdict.ts'

/** So many errors are told one by one; `weir check` tells all. */
const ERRORS_SHOWN_MAX = 5

export async function examineProblems(system: System, problems: readonly Problem[]): Promise<void> {
  await system.check('configuration', async () =>
    problems.map((problem) => {
      const whole = formatProblem(problem)
      // The fix stands in a field of its own.
      return fail(whole.slice(0, -` — ${problem.fix}`.length), problem.fix)
    }),
  )
}

/** Without a cache each document takes half a second. ms */
const DOCUMENTS_MS_MAX = 60_000

/** A configuration that is whole, and where it was read. */
export interface Read {
  readonly config: Config
  readonly lineOf: LineOf
  readonly cwd: string
  readonly clock: Clock
}

/** Tells of configuration and documents, and hands over the catalogue. */
export async function examineDocuments(system: System, read: Read): Promise<Catalog | null> {
  const { config, cwd } = read
  const file = config.file === null ? 'no file: defaults and environment' : shortPath(config.file, cwd)
  await system.check('configuration', async () => ok(`the configuration is whole (${file})`))
  await system.check('nodes', async () => nodesVerdict(config))
  let catalog: Catalog | null = null
  await system.check(
    'documents',
    async () => {
      catalog = await compile(read)
      const silent = { ...config, log: { level: 'silent' as const } }
      return documentVerdicts(catalog, agreementFindings(silent, catalog, read.lineOf), cwd)
    },
    DOCUMENTS_MS_MAX,
  )
  return catalog
}

/** A folder that is not there is not made: compiled documents are then not kept. */
async function compile({ config, clock }: Read): Promise<Catalog> {
  const { documentBytesMax } = config.limits
  const compiler = new Compiler(clock, { documentBytesMax })
  const clusters = Object.entries(config.clusters).map(([name, { brokers }]) => ({ name, brokers }))
  const plans = existsSync(config.dataDir) ? new PlanCache(config.dataDir, compiler, silentLog) : compiler
  try {
    return await loadCatalog({ specs: config.specs, clusters, documentBytesMax }, plans)
  } finally {
    await compiler.close()
  }
}

function documentVerdicts(catalog: Catalog, agreements: readonly Finding[], cwd: string): readonly Verdict[] {
  const findings = [...catalog.findings, ...agreements]
  const errors = findings.filter(({ severity }) => severity === 'error')
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  const told = errors.slice(0, ERRORS_SHOWN_MAX).map((one) => fail(shown(one, cwd), one.fix ?? 'see docs/findings.md'))
  const left = errors.length - told.length
  const rest = left > 0 ? [fail(`${left} more errors in documents and agreements`, '`weir check` lists them')] : []
  const ids = catalog.products.map(({ id }) => id)
  const served = `${ids.length} ${ids.length === 1 ? 'product' : 'products'}: ${ids.join(', ')}`
  if (ids.length === 0) return [...told, ...rest, warn('no product is served', 'name your documents in specs')]
  if (errors.length > 0) return [...told, ...rest, ok(served)]
  const [first] = warnings
  if (first === undefined) return [ok(served)]
  const count = `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`
  return [warn(`${served}; ${count}: ${shown(first, cwd)}`, first.fix ?? '`weir check` lists them')]
}

function shown({ file, line, column, code, message }: Finding, cwd: string): string {
  if (file === '') return `${code} ${message}`
  return `${[shortPath(file, cwd), line, column].filter((part) => part !== null).join(':')}: ${code} ${message}`
}

/** Whether what is configured holds for several gateways, where some of it is only of use to several. */
function nodesVerdict({ redis, database, clusters, usage }: Config): Verdict {
  const hasRedis = redis.url !== null
  const hasDatabase = database.url !== null
  if (hasRedis && !hasDatabase && usage.cluster === null) {
    return warn(
      'Redis counts for several gateways, and each keeps a ledger of its own: no one bill has all',
      'set database.url (WEIR_DATABASE_URL), or take redis.url away where this is the only gateway',
    )
  }
  if (!hasRedis && hasDatabase && Object.keys(clusters).length > 0) {
    return warn(
      'the ledger may be shared, and allowances are counted in this process alone: each further gateway hands out all of them again',
      'set redis.url (WEIR_REDIS_URL) before a second gateway starts; with one gateway all is well',
    )
  }
  if (!hasRedis) return ok('set up for one gateway: allowances are counted in its process')
  return ok('set up for several gateways')
}
