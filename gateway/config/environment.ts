import { nearest } from '../drivers/nearest.ts'
import { flagOf, keyOf, placeOf, type Path, type SchemaNode } from './node.ts'
import type { Problem } from './problem.ts'
import { NOT_SERVED } from './schema.ts'

/** A scalar key, or a list of scalars, that can be set from outside; `*` stands for a name of the operator's choosing. */
export interface Variable {
  readonly path: readonly string[]
  readonly name: string
  readonly node: SchemaNode
}

export interface Setting {
  readonly path: Path
  readonly name: string
  readonly text: string
}

export type Environment = { readonly [name: string]: string | undefined }

const PREFIX = 'WEIR_'

/** Read elsewhere: the token of `weir tail`. */
const OTHERS = new Set(['WEIR_TOKEN'])
const FOR_TESTS = /^WEIR_TEST_/

/**
 * Kubernetes puts these into every container beside a Service called `weir…` (enableServiceLinks); they are no settings
 * of ours. A plain `…_PORT` is one where it holds an address.
 */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|PORT_NAME|ADDR))?$/
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//

/** Every variable there is, in the order of the schema. */
export function variablesOf(node: SchemaNode, path: readonly string[] = []): readonly Variable[] {
  const place = placeOf(node)
  if (place.kind === 'group') {
    const below = Object.entries(place.keys).flatMap(([key, each]) => variablesOf(each, [...path, key]))
    return flagOf(node) ? [{ path, name: variableName(path), node }, ...below] : below
  }
  if (place.kind === 'map') return variablesOf(place.each, [...path, '*'])
  if (place.kind === 'list' && placeOf(place.each).kind !== 'scalar') return []
  return [{ path, name: variableName(path), node }]
}

export function variableName(path: readonly string[]): string {
  return PREFIX + path.map(shout).join('_')
}

function shout(step: string): string {
  return step.toUpperCase().replace(/[^A-Z0-9*]/g, '_')
}

/**
 * The settings among the variables of a process, and what is wrong with the others. An empty variable is one that is not
 * set: that is what `${X:-}` in a compose file leaves behind. `names` lists the names that a map has in the file.
 */
export function readEnvironment(
  root: SchemaNode,
  env: Environment,
  names: (map: readonly string[]) => readonly string[],
): { settings: readonly Setting[]; problems: readonly Problem[] } {
  // The longest first: where one name is the end of another, the more exact one is meant.
  const variables = variablesOf(root).toSorted((a, b) => b.name.length - a.name.length)
  const settings: Setting[] = []
  const problems: Problem[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || !text || isForeign(name, text)) continue
    const path = matchVariable(variables, name, names)
    if (path) settings.push({ path, name, text })
    else problems.push(unknownVariable(name, variables))
  }
  return { settings, problems }
}

function isForeign(name: string, text: string): boolean {
  return OTHERS.has(name) || FOR_TESTS.test(name) || SERVICE_LINK.test(name) || SERVICE_LINK_VALUE.test(text)
}

function matchVariable(
  variables: readonly Variable[],
  name: string,
  names: (map: readonly string[]) => readonly string[],
): readonly string[] | null {
  for (const variable of variables) {
    if (variable.name === name) return variable.path
    const chosen = chosenName(variable, name)
    if (chosen === null) continue
    const star = variable.path.indexOf('*')
    const known = names(variable.path.slice(0, star)).find((one) => shout(one) === chosen)
    return variable.path.with(star, known ?? chosen.toLowerCase())
  }
  return null
}

/** What stands in the place of `*`, or null where the variable is another one. */
function chosenName(variable: Variable, name: string): string | null {
  const [head, tail] = variable.name.split('*')
  if (head === undefined || tail === undefined || !name.startsWith(head) || !name.endsWith(tail)) return null
  return name.slice(head.length, name.length - tail.length) || null
}

function unknownVariable(name: string, variables: readonly Variable[]): Problem {
  const problem = { file: null, line: null, key: name }
  const key = notServed(name)
  if (key) return { ...problem, what: `\`${key}\` is not served by this version`, fix: 'unset the variable' }
  const meant = nearest(
    name,
    variables.map((one) => one.name),
  )
  const fix = meant ? `did you mean ${meant}?` : 'unset it; docs/configuration.md lists all variables'
  return { ...problem, what: 'is not a setting of Weir', fix }
}

function notServed(name: string): string | null {
  for (const key of NOT_SERVED) {
    const steps = key.split('.')
    const pattern = steps.map((step) => (step === '*' ? '.+' : shout(step))).join('_')
    if (new RegExp(`^${PREFIX}${pattern}(_|$)`).test(name)) return keyOf(steps.filter((step) => step !== '*').slice(-1))
  }
  return null
}
