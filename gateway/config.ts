import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve as resolvePath } from 'node:path'
import { readEnvironment, variableName, type Environment, type Setting } from './config/environment.ts'
import { withPasswords } from './config/clusterRules.ts'
import { withAddresses } from './config/addressRules.ts'
import { keyOf, type Path, type SchemaNode } from './config/node.ts'
import type { Complain, Problem } from './config/problem.ts'
import { resolve, startsWith } from './config/resolve.ts'
import { checkTogether } from './config/rules.ts'
import { configSchema, type ConfigValues } from './config/schema.ts'
import { parseYaml, type Yaml } from './drivers/yaml.ts'
import { packageRoot } from './package.ts'

/** Everything that can be set, read and checked: every key is there, every path absolute, sizes in bytes, times in ms. */
export interface Config extends ConfigValues {
  /** Absolute; `null` where there is no configuration file. */
  readonly file: string | null
  /** No cluster is configured: records come from the embedded log, fed with recordings. */
  readonly embedded: boolean
}

export interface ConfigRequest {
  /** As given with `--config`; absent: `weir.yaml` in `cwd`, if there is one. */
  readonly file?: string | undefined
  readonly env: Environment
  readonly cwd: string
}

export type ConfigResult =
  | { readonly config: Config; readonly problems: readonly []; readonly lineOf: LineOf }
  | { readonly config: null; readonly problems: readonly Problem[] }

/** 1-based line of a key in the configuration file; `null` where it does not stand there. */
export type LineOf = (path: Path) => number | null

const FILE = 'weir.yaml'
const LIMITS = { bytesMax: 1024 * 1024, depthMax: 32, aliasesMax: 100 }

/** Reads file and environment. All problems are told at once, in the order of the file. */
export function loadConfig(request: ConfigRequest): ConfigResult {
  const source = readSource(request)
  if ('what' in source) return { config: null, problems: [source] }
  const { yaml, file, shown } = source
  if (yaml.errors.length > 0) {
    const fix = 'mend the YAML; indentation or a quote is the usual cause'
    const problems = yaml.errors.map(({ line, message }) => ({ file: shown, line, key: '', what: message, fix }))
    return { config: null, problems }
  }
  return build(request, yaml, file, shown)
}

interface SourceText {
  readonly yaml: Yaml
  readonly file: string | null
  /** The file as it stands in messages. */
  readonly shown: string | null
}

function readSource({ file, cwd }: ConfigRequest): SourceText | Problem {
  const path = resolvePath(cwd, file ?? FILE)
  const shown = file ?? FILE
  try {
    return { yaml: parseYaml(readFileSync(path, 'utf8'), LIMITS), file: path, shown }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (file === undefined && code === 'ENOENT') return { yaml: parseYaml('', LIMITS), file: null, shown: null }
    const what = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${message}`
    return { file: shown, line: null, key: '', what, fix: 'name the configuration with --config' }
  }
}

function build(request: ConfigRequest, yaml: Yaml, file: string | null, shown: string | null): ConfigResult {
  const root = configSchema as SchemaNode
  const namesIn = (map: Path): string[] => Object.keys(at(yaml.value, map) ?? {})
  const { settings, problems: strangers } = readEnvironment(root, request.env, namesIn)
  const found: Problem[] = [...strangers]
  const complain = complainer(found, settings, yaml, shown)
  const context = { fileDir: file === null ? request.cwd : dirname(file), cwd: request.cwd, settings, complain }
  const resolved = resolve(root, yaml.value ?? {}, [], context)
  // An unknown key hides nothing, so the rest is still looked at; where a value is missing, the rules have nothing to compare.
  if (!isWhole(resolved)) return { config: null, problems: inOrder(found) }
  const complete = withDefaults(resolved as ConfigValues, file, settings)
  const values = withAddresses(withPasswords(complete, complain), complain)
  checkTogether(values, complain)
  if (found.length > 0) return { config: null, problems: inOrder(found) }
  const config = { ...values, file, embedded: Object.keys(values.clusters).length === 0 }
  return { config, problems: [], lineOf: (path) => lineIn(yaml, path) }
}

/** The defaults that depend on something else. */
function withDefaults(values: ConfigValues, file: string | null, settings: readonly Setting[]): ConfigValues {
  const ownSpecs = file !== null || settings.some(({ path }) => path[0] === 'specs')
  const consumers = values.consumers.map((one) => ({ ...one, name: one.name || one.id }))
  return { ...values, consumers, specs: ownSpecs ? values.specs : [join(packageRoot, 'specs')] }
}

function lineIn(yaml: Yaml, path: Path): number | null {
  return yaml.placeOf(path)?.line ?? null
}

/** Blames the variable where the value came from one, else the line of the key, or of the nearest place above that has one. */
function complainer(found: Problem[], settings: readonly Setting[], yaml: Yaml, file: string | null): Complain {
  return (path, what, fix) => {
    const setting = settings.find((one) => startsWith(path, one.path))
    if (setting) return void found.push({ file: null, line: null, key: setting.name, what, fix })
    let line: number | null = null
    for (let length = path.length; length > 0 && line === null; length--) line = lineIn(yaml, path.slice(0, length))
    if (path.length === 0) line = lineIn(yaml, [])
    found.push({ file, line, key: keyOf(path), what, fix: file === null ? inEnvironment(path, fix) : fix })
  }
}

/** Without a file there is only the environment to mend. */
function inEnvironment(path: Path, fix: string): string {
  return `${fix} (${variableName(path.filter((step) => typeof step === 'string'))})`
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

function isWhole(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined
  return Object.values(value).every(isWhole)
}

function at(value: unknown, path: Path): object | null {
  let place = value
  for (const step of path) place = typeof place === 'object' && place !== null ? (place as never)[step] : null
  return typeof place === 'object' ? place : null
}

/** A path as short as it can be shown to someone standing in `cwd`. */
export function shortPath(path: string, cwd: string): string {
  const near = relative(cwd, path)
  return near === '' || near.startsWith('..') ? path : near
}
