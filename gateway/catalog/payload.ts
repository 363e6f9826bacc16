import { compilePattern, PatternRefusal } from '../drivers/pattern.ts'
import type { Message } from './channels.ts'
import type { Findings } from './findings.ts'
import { isObject, memberOf } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import { isShown, standsFor } from './keywords.ts'
import type { JsonSchema } from './plan.ts'
import { resolveRef } from './refs.ts'

/**
 * The messages' payload schemas as one JSON Schema (draft 7) that refers only to itself: what `$ref` names moves under `definitions`,
 * and stays a reference there, so that neither circles nor widely shared schemas blow it up. Several messages become `anyOf`;
 * `null`: any JSON.
 */
export function schemaOf(root: JsonObject, messages: readonly Message[], findings: Findings): JsonSchema | null {
  const lifter = new Lifter(root, findings)
  const schemas = messages.map(({ payload, payloadPath }) => lifter.lift(payload ?? true, payloadPath))
  // A message without a schema allows anything, and with it so does the stream.
  if (schemas.length === 0 || schemas.includes(true)) return null
  const [first] = schemas
  const whole = schemas.length === 1 && isObject(first) ? first : { anyOf: schemas }
  const definitions = lifter.definitions()
  return Object.keys(definitions).length === 0 ? whole : { ...whole, definitions }
}

/** Copies schemas out of the document, keyword by keyword, of those that partners may read: what stands under `enum` or `examples` is data, not schema. */
class Lifter {
  readonly #root: JsonObject
  readonly #findings: Findings
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()
  readonly #definitions: { [name: string]: JsonSchema } = {}

  constructor(root: JsonObject, findings: Findings) {
    this.#root = root
    this.#findings = findings
  }

  definitions(): { readonly [name: string]: JsonSchema } {
    return this.#definitions
  }

  lift(value: unknown, path: Path): JsonSchema {
    if (!isObject(value)) return value !== false
    const ref = value['$ref']
    if (typeof ref === 'string') return this.#reference(ref)
    const result: { [keyword: string]: unknown } = {}
    for (const [keyword, member] of Object.entries(value))
      if (isShown(keyword)) result[keyword] = this.#keyword(keyword, member, [...path, keyword])
    return result
  }

  /** Draft 7 ignores what stands beside a `$ref` (and so does the AsyncAPI parser), hence the reference alone. */
  #reference(ref: string): JsonSchema {
    const target = resolveRef(this.#root, ref)
    if (target === null) return true
    const place = target.path.join('\n')
    const known = this.#names.get(place)
    if (known !== undefined) return { $ref: `#/definitions/${known}` }
    const name = this.#nameFor(target.path)
    this.#names.set(place, name)
    this.#definitions[name] = this.lift(target.value, target.path)
    return { $ref: `#/definitions/${name}` }
  }

  #nameFor(path: Path): string {
    // A prefix of one letter at least: `constructor` or `__proto__` must not become a key of ours.
    const base = String(path.at(-1))
      .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
      .slice(0, 64)
    let name = Object.hasOwn(Object.prototype, base) || base === '' ? `schema-${base}` : base
    for (let i = 2; this.#taken.has(name); i++) name = `${base}-${i}`
    this.#taken.add(name)
    return name
  }

  #keyword(keyword: string, value: unknown, path: Path): unknown {
    if (keyword === 'pattern') this.#checkPattern(value, path)
    if (keyword === 'patternProperties' && isObject(value))
      for (const pattern of Object.keys(value)) this.#checkPattern(pattern, [...path, pattern])
    switch (standsFor(keyword, value)) {
      case 'schema':
        return this.lift(value, path)
      case 'schemas':
        return this.#list(value, path)
      case 'map':
        return this.#map(value as JsonObject, path)
      case 'data':
        return value
    }
  }

  #list(value: unknown, path: Path): unknown {
    return Array.isArray(value) ? value.map((member, i) => this.lift(member, [...path, i])) : value
  }

  #map(value: JsonObject, path: Path): unknown {
    const lifted = Object.keys(value).map((key) => {
      const member = memberOf(value, key)
      // `dependencies` may hold lists of property names.
      return [key, Array.isArray(member) ? member : this.lift(member, [...path, key])]
    })
    return Object.fromEntries(lifted)
  }

  #checkPattern(pattern: unknown, path: Path): void {
    if (typeof pattern !== 'string') return
    try {
      compilePattern(pattern)
    } catch (error) {
      if (!(error instanceof PatternRefusal)) throw error
      const message = `the pattern ${JSON.stringify(pattern.slice(0, 80))} cannot be checked in bounded time: ${error.message}`
      this.#findings.error(
        'unsafe-pattern',
        path,
        message,
        'Write it without lookaround, back references and large repeat counts.',
      )
    }
  }
}
