/** Plain JSON data as the compiler walks it: nothing about its shape is taken for granted. */
export type JsonObject = { readonly [key: string]: unknown }
export type Path = readonly (string | number)[]

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value's own member, or an empty object where it is none. */
export function objectAt(value: unknown, key: string): JsonObject {
  const member = memberOf(value, key)
  return isObject(member) ? member : {}
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const member = memberOf(value, key)
  return Array.isArray(member) ? member : []
}

export function textAt(value: unknown, key: string): string | null {
  const member = memberOf(value, key)
  return typeof member === 'string' ? member : null
}

export function numberAt(value: unknown, key: string): number | null {
  const member = memberOf(value, key)
  return typeof member === 'number' ? member : null
}

/** Own members only: a key named `constructor` finds nothing inherited. */
export function memberOf(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return value[Number(key)]
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** RFC 6901. */
export function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Steps of a JSON Pointer, or of a `$ref` of the form `#/…` (RFC 6901 §6: there percent-encoded); `null` where it is neither. */
export function stepsOf(pointer: string): readonly string[] | null {
  const inFragment = pointer.startsWith('#')
  const text = inFragment ? decoded(pointer.slice(1)) : pointer
  if (text === '') return []
  if (text === null || !text.startsWith('/')) return null
  return text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function decoded(fragment: string): string | null {
  try {
    return decodeURIComponent(fragment)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

/** What stands at `path`, `undefined` where nothing does. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const step of path) value = memberOf(value, step)
  return value
}
