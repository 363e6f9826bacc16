import { createConsumers } from '../access/consumers.ts'
import { PlanCache } from '../catalog/cache.ts'
import { loadCatalog, type Catalog } from '../catalog/catalog.ts'
import { Compiler } from '../catalog/compiler.ts'
import type { Finding } from '../catalog/plan.ts'
import { loadConfig, shortPath, type Config, type LineOf } from '../config.ts'
import type { Problem } from '../config/problem.ts'
import { createLog } from '../log.ts'
import { EXIT, say, type Edge, type Exit } from './edge.ts'

export interface CheckOptions {
  readonly config?: string
  readonly json?: boolean
}

/** `weir check`: everything that `weir start` reads, without serving; refused where anything in it is an error. */
export async function check(edge: Edge, options: CheckOptions): Promise<Exit> {
  const result = loadConfig({ file: options.config, env: edge.env, cwd: edge.cwd })
  if (!result.config) return report(edge, options, result.problems.map(fromProblem), null)
  const { config, lineOf } = result
  const catalog = await compile(edge, config)
  const findings = [...catalog.findings, ...agreementFindings(config, catalog, lineOf)]
  return report(
    edge,
    options,
    findings.map((one) => shorten(one, edge.cwd)),
    catalog,
  )
}

async function compile(edge: Edge, config: Config): Promise<Catalog> {
  const { documentBytesMax } = config.limits
  const compiler = new Compiler(edge.clock, { documentBytesMax })
  const clusters = Object.entries(config.clusters).map(([name, { brokers }]) => ({ name, brokers }))
  try {
    const plans = new PlanCache(config.dataDir, compiler, createLog(config.log.level))
    return await loadCatalog({ specs: config.specs, clusters, documentBytesMax }, plans)
  } finally {
    await compiler.close()
  }
}

/** Agreements that name what no document has. */
export function agreementFindings(config: Config, { products }: Catalog, lineOf: LineOf): readonly Finding[] {
  const consumers = createConsumers(config.consumers, createLog(config.log.level))
  return consumers.check(products).map(({ consumer, product, message, fix }) => {
    const i = config.consumers.findIndex(({ id }) => id === consumer)
    const j = config.consumers[i]?.agreements.findIndex((one) => one.product === product) ?? -1
    const path = ['consumers', i, 'agreements', j]
    const place =
      consumer === null
        ? { file: '', line: null, column: null }
        : { file: config.file ?? '', line: lineOf(path), column: null }
    // Without a consumer it is the product that lets nobody in, which its owner may mean.
    const severity = consumer === null ? 'warning' : 'error'
    const pointer = consumer === null ? '' : `/${path.join('/')}`
    return { severity, code: 'agreement', message, fix, pointer, ...place }
  })
}

type Shown = Omit<Finding, 'pointer'> & { readonly key?: string }

function fromProblem({ file, line, key, what, fix }: Problem): Shown {
  const message = key === '' ? what : `${key}: ${what}`
  return { severity: 'error', code: 'configuration', message, fix, file: file ?? '', line, column: null, key }
}

function shorten(finding: Finding, cwd: string): Shown {
  return { ...finding, file: finding.file === '' ? '' : shortPath(finding.file, cwd) }
}

function report(edge: Edge, { json }: CheckOptions, findings: readonly Shown[], catalog: Catalog | null): Exit {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const products = catalog?.products.map(({ id }) => id) ?? []
  if (json) edge.out.write(`${JSON.stringify({ ok: errors === 0, products, findings })}\n`)
  else {
    for (const finding of findings) say(edge, format(finding))
    const served = products.length === 0 ? 'no product' : products.join(', ')
    say(edge, errors === 0 ? `ok: ${served} would be served` : `${errors} ${errors === 1 ? 'error' : 'errors'}`)
  }
  return errors === 0 ? EXIT.done : EXIT.refused
}

function format({ file, line, column, severity, code, message, fix }: Shown): string {
  const place = file === '' ? '' : `${[file, line, column].filter((part) => part !== null).join(':')}: `
  return `${place}${severity}: ${code} ${message}${fix === null ? '' : ` — ${fix}`}`
}
