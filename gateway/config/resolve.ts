import { resolve as resolvePath } from 'node:path'
import { Check } from 'typebox/value'
import { nearest } from '../drivers/nearest.ts'
import type { Setting } from './environment.ts'
import { flagOf, keyOf, placeOf, shapeOf, withoutNull, type Path, type SchemaNode } from './node.ts'
import type { Complain } from './problem.ts'
import { NOT_SERVED } from './schema.ts'
import { hasPassword, isSecretUnit, isSecretUrl } from './secretUrl.ts'
import { Secret } from './secret.ts'
import { parseBytes, parseMs } from './units.ts'

export interface ResolveContext {
  /** Folder against which paths of the file are meant. */
  readonly fileDir: string
  /** Folder against which paths of the environment and of defaults are meant. */
  readonly cwd: string
  readonly settings: readonly Setting[]
  readonly complain: Complain
}

/**
 * What stands at `path`: the environment's word before the file's before the default, read by its unit and checked.
 * Everything wrong is complained about, and `undefined` stands where no value could be made.
 */
export function resolve(node: SchemaNode, value: unknown, path: Path, context: ResolveContext): unknown {
  const nothing = value === undefined || (value === null && 'default' in node && node.default === null)
  const place = placeOf(node)
  const setFromOutside = context.settings.some((setting) => startsWith(setting.path, path))
  if (nothing && !setFromOutside) {
    if ('default' in node) return defaultOf(node, context)
    if (place.kind !== 'group') return missing(node, path, context)
  }
  const flag = flagOf(node)
  // A key of the group that is set from outside says that there is a group.
  const below = context.settings.some(({ path: one }) => one.length > path.length && startsWith(one, path))
  if (flag && !below && (typeof value === 'boolean' || settingAt(path, context))) {
    return resolveScalar(flag, value, path, context)
  }
  switch (place.kind) {
    case 'group':
      if (flag && typeof value === 'boolean') return resolveGroup(node, place.keys, undefined, path, context)
      return resolveGroup(node, place.keys, value, path, context)
    case 'map':
      return resolveMap(place.pattern, place.each, value, path, context)
    case 'list':
      return resolveList(node, place.each, value, path, context)
    case 'scalar':
      return resolveScalar(node, value, path, context)
  }
}

export function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((step, i) => path[i] === step)
}

function missing(node: SchemaNode, path: Path, { complain }: ResolveContext): undefined {
  complain(path, 'is missing', `give ${shapeOf(node)}`)
}

/** Defaults are written as an operator would write them, so paths among them still need their folder. */
function defaultOf(node: SchemaNode, context: ResolveContext): unknown {
  const { default: preset } = node
  const item = withoutNull(node).items
  if (Array.isArray(preset) && item) return preset.map((one) => finish(item, one, context.cwd))
  return finish(withoutNull(node), preset, context.cwd)
}

function resolveGroup(
  node: SchemaNode,
  keys: { readonly [key: string]: SchemaNode },
  value: unknown,
  path: Path,
  context: ResolveContext,
): unknown {
  const given = value ?? {}
  if (!isObject(given)) return wrong(node, value, path, context)
  for (const key of Object.keys(given)) if (!Object.hasOwn(keys, key)) unknownKey(key, keys, path, context)
  return Object.fromEntries(
    Object.entries(keys).map(([key, child]) => [key, resolve(child, given[key], [...path, key], context)]),
  )
}

function unknownKey(key: string, keys: object, path: Path, { complain }: ResolveContext): void {
  const place = keyOf([...path.map((step, i) => (i > 0 ? '*' : step)), key])
  if (NOT_SERVED.has(place)) return complain([...path, key], `\`${key}\` is not served by this version`, 'remove it')
  const known = Object.keys(keys)
  const meant = nearest(key, known)
  const fix = meant ? `did you mean \`${meant}\`?` : `the keys here are ${known.map((one) => `\`${one}\``).join(', ')}`
  complain([...path, key], 'is not a key', fix)
}

function resolveMap(pattern: string, each: SchemaNode, value: unknown, path: Path, context: ResolveContext): unknown {
  const given = value ?? {}
  if (!isObject(given)) {
    context.complain(path, `is ${nameOf(value)}`, 'give names, each with its keys indented below')
    return undefined
  }
  const named = context.settings
    .filter((setting) => startsWith(setting.path, path))
    .map(({ path: [, name] }) => String(name))
  const entries = [...new Set([...Object.keys(given), ...named])].map((name) => {
    if (!new RegExp(pattern).test(name)) {
      context.complain([...path, name], 'is not a name that can be used', 'use a–z, 0–9, `.`, `_`, `-`, at most 64')
    }
    return [name, resolve(each, given[name], [...path, name], context)] as const
  })
  return Object.fromEntries(entries)
}

function resolveList(node: SchemaNode, each: SchemaNode, value: unknown, path: Path, context: ResolveContext): unknown {
  const setting = settingAt(path, context)
  // One text may stand for a list of one: `specs: products`.
  const alone = typeof value === 'string' && placeOf(each).kind === 'scalar' ? [value] : value
  const given = setting ? setting.text.split(',').map((one) => one.trim()) : alone
  if (!Array.isArray(given)) return wrong(node, value, path, context)
  const { minItems = 0, uniqueItems } = withoutNull(node)
  if (given.length < minItems) context.complain(path, 'is empty', `give ${shapeOf(node)}`)
  if (uniqueItems && new Set(given).size < given.length) context.complain(path, 'names something twice', 'remove one')
  if (setting) return given.map((one) => readScalar(each, one, path, context, context.cwd))
  return given.map((one, i) => resolve(each, one, [...path, i], context))
}

function resolveScalar(node: SchemaNode, value: unknown, path: Path, context: ResolveContext): unknown {
  const setting = settingAt(path, context)
  if (setting) return readScalar(node, fromText(withoutNull(node), setting.text), path, context, context.cwd)
  if (withoutNull(node).unit === 'secret') {
    const fix = 'name a file with `passwordFile`, or set it in the environment'
    context.complain(path, 'does not belong into a file that people read and copy', fix)
    return undefined
  }
  if (isSecretUnit(withoutNull(node).unit) && hasPassword(value)) {
    const fix = 'name a file with `urlFile`, or set it in the environment'
    context.complain(path, 'holds a password in a file that people read and copy', fix)
    return undefined
  }
  return readScalar(node, value, path, context, context.fileDir)
}

function readScalar(nullable: SchemaNode, value: unknown, path: Path, context: ResolveContext, dir: string): unknown {
  const node = withoutNull(nullable)
  const read = byUnit(node, value)
  // Own words (`unit`, `doc`) are not part of JSON Schema and are passed over by the check.
  if (read === undefined || !Check(node as object, read) || !keepsUnit(node, read)) {
    return wrong(node, value, path, context)
  }
  return finish(node, read, dir)
}

function byUnit({ unit }: SchemaNode, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (unit === 'bytes') return parseBytes(value) ?? undefined
  if (unit === 'ms') return parseMs(value) ?? undefined
  return value
}

/** A variable is text; a number or a truth value is read as YAML would. */
function fromText({ type, unit }: SchemaNode, text: string): unknown {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if ((type === 'integer' || type === 'number') && !unit) return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  return text
}

const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/

function keepsUnit({ unit }: SchemaNode, value: unknown): boolean {
  const text = String(value)
  if (unit === 'httpUrl') return isHttpUrl(text) && !text.includes('?')
  if (unit === 'pathOrUrl') return !text.includes('://') || (isHttpUrl(text) && isSafe(new URL(text)))
  if (isSecretUnit(unit)) return isSecretUrl(unit, text)
  if (unit === 'hostPort')
    return Number(HOST_PORT.exec(text)?.[2] ?? 0) >= 1 && Number(HOST_PORT.exec(text)?.[2]) <= 65535
  return true
}

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol)) return false
  return url.username === '' && url.password === '' && url.hash === ''
}

/** What comes over plain http is whatever the network says it is. */
function isSafe({ protocol, hostname }: URL): boolean {
  return (
    protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  )
}

function finish({ unit }: SchemaNode, value: unknown, dir: string): unknown {
  if (typeof value !== 'string') return value
  if (unit === 'secret' || isSecretUnit(unit)) return new Secret(value)
  if (unit === 'path' || (unit === 'pathOrUrl' && !value.includes('://'))) return resolvePath(dir, value)
  // Paths are appended to it, so a slash at the end would stand twice.
  return unit === 'httpUrl' ? value.replace(/\/+$/, '') : value
}

function settingAt(path: Path, { settings }: ResolveContext): Setting | undefined {
  return settings.find((setting) => keyOf(setting.path) === keyOf(path))
}

function wrong(node: SchemaNode, value: unknown, path: Path, { complain }: ResolveContext): undefined {
  const shown = holdsSecret(node) && typeof value !== 'object' ? 'a wrong value' : nameOf(value)
  const meant = node.enum && typeof value === 'string' ? nearest(value, node.enum) : null
  complain(path, `is ${shown}`, meant ? `did you mean \`${meant}\`? Give ${shapeOf(node)}` : `give ${shapeOf(node)}`)
}

/** A password that was put in the place of its group is one all the same. */
function holdsSecret(nullable: SchemaNode): boolean {
  const node = withoutNull(nullable)
  const own = node.unit === 'secret' || isSecretUnit(node.unit)
  return own || Object.values(node.properties ?? {}).some(holdsSecret)
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a group'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
