import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../drivers/nearest.ts'
import { compileSchema } from '../drivers/schema.ts'
import type { Breach, Validator } from '../drivers/schema.ts'
import { packageRoot } from '../package.ts'
import type { Findings } from './findings.ts'
import { isObject, listAt, memberOf, objectAt, stepsOf, textAt, valueAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'

/** The two places where a document may say `x-data-product`. */
export type ExtensionKind = 'product' | 'stream'

/** Holds an `x-data-product` to its published schema; `false` where it breaks it, and the findings say how to mend it. */
export function checkExtension(kind: ExtensionKind, value: unknown, path: Path, findings: Findings): boolean {
  const { validate, schema } = (checkers ??= loadCheckers())[kind]
  const breaches = validate(value) ?? []
  for (const breach of breaches) tell(breach, schema, value, path, findings)
  return breaches.length === 0
}

interface Checker {
  readonly validate: Validator
  readonly schema: JsonObject
}

let checkers: { readonly [kind in ExtensionKind]: Checker } | null = null

function loadCheckers(): { readonly [kind in ExtensionKind]: Checker } {
  const text = readFileSync(join(packageRoot, 'specs', 'x-data-product.schema.json'), 'utf8')
  const product = JSON.parse(text) as JsonObject
  const definitions = product['definitions']
  const stream = { ...objectAt(definitions, 'stream'), definitions }
  const checker = (schema: JsonObject): Checker => ({ validate: compileSchema(schema, { strict: true }), schema })
  return { product: checker(product), stream: checker(stream) }
}

function tell(breach: Breach, schema: JsonObject, value: unknown, path: Path, findings: Findings): void {
  const steps = stepsOf(breach.pointer) ?? []
  const at = [...path, ...steps]
  const place = schemaAt(schema, steps)
  if (breach.keyword === 'additionalProperties')
    return tellUnknown(String(breach.params['additionalProperty']), place, at, findings)
  if (breach.keyword === 'required') {
    const key = String(breach.params['missingProperty'])
    // The branches of an `anyOf` are told as one, below.
    if (!listAt(place, 'required').includes(key)) return
    return findings.error(
      'missing-key',
      at,
      `${nameOf(at)} needs \`${key}\``,
      adviceOf(schemaAt(schema, [...steps, key])),
    )
  }
  if (breach.keyword === 'anyOf') {
    const keys = listAt(place, 'anyOf').flatMap((option) => listAt(option, 'required').map(String))
    const fix = keys.map((key) => adviceOf(schemaAt(schema, [...steps, key]))).join(' ')
    return findings.error('missing-key', at, `${nameOf(at)} needs \`${keys.join('` or `')}\``, fix)
  }
  tellWrong(breach, place, valueAt(value, steps), at, findings)
}

function tellUnknown(key: string, place: JsonObject, at: Path, findings: Findings): void {
  const known = Object.keys(objectAt(place, 'properties'))
  const meant = nearest(key, known)
  const fix = meant === null ? `Known here: ${known.join(', ')}.` : `Did you mean \`${meant}\`?`
  findings.error('unknown-key', [...at, key], `${nameOf(at)} has no key \`${key.slice(0, 100)}\``, fix)
}

function tellWrong(breach: Breach, place: JsonObject, value: unknown, at: Path, findings: Findings): void {
  const shown = JSON.stringify(value)?.slice(0, 80) ?? 'nothing'
  const options = listAt(place, 'enum').map(String)
  if (options.length === 0)
    return findings.error('wrong-value', at, `${nameOf(at)} is ${shown}, but ${breach.message}`, adviceOf(place))
  const meant = typeof value === 'string' ? nearest(value, options) : null
  const fix = meant === null ? adviceOf(place) : `Did you mean \`${meant}\`?`
  findings.error('wrong-value', at, `${nameOf(at)} is ${shown}, but must be one of ${options.join(', ')}`, fix)
}

function nameOf(path: Path): string {
  const own = path.slice(path.lastIndexOf('x-data-product') + 1)
  return own.length === 0 ? '`x-data-product`' : `\`${own.join('.')}\``
}

function adviceOf(place: JsonObject): string | null {
  return textAt(place, 'description')
}

/** The part of the schema that speaks of the value at `steps`, its `$ref` followed; the descriptions beside a `$ref` win. */
function schemaAt(schema: JsonObject, steps: readonly (string | number)[]): JsonObject {
  let place: JsonObject = schema
  for (const step of steps) {
    const items = memberOf(place, 'items')
    place = resolved(
      schema,
      isObject(items) && /^\d+$/.test(String(step)) ? items : objectAt(objectAt(place, 'properties'), String(step)),
    )
  }
  return place
}

function resolved(schema: JsonObject, place: JsonObject): JsonObject {
  const ref = textAt(place, '$ref')
  const target = ref === null ? undefined : valueAt(schema, stepsOf(ref) ?? [])
  return isObject(target) ? { ...target, ...place } : place
}
