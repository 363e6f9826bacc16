import type { Unit } from './schema.ts'

/** A place in the schema as the walkers see it: JSON Schema's words plus our own. */
export interface SchemaNode {
  readonly type?: string
  readonly properties?: { readonly [key: string]: SchemaNode }
  readonly patternProperties?: { readonly [pattern: string]: SchemaNode }
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly uniqueItems?: boolean
  readonly doc?: string
  readonly unit?: Unit
  /** What the value looks like, where type and bounds do not say it. */
  readonly shape?: string
}

export type Path = readonly (string | number)[]

/** What a place holds. A union in our schema is of something and `null`, or of a group and a truth value that stands for it. */
export type Place =
  | { readonly kind: 'group'; readonly keys: { readonly [key: string]: SchemaNode } }
  | { readonly kind: 'map'; readonly pattern: string; readonly each: SchemaNode }
  | { readonly kind: 'list'; readonly each: SchemaNode }
  | { readonly kind: 'scalar'; readonly node: SchemaNode }

export function withoutNull(node: SchemaNode): SchemaNode {
  return node.anyOf?.[0] ?? node
}

/** The truth value that may stand in place of the group; `null` where none may. */
export function flagOf(node: SchemaNode): SchemaNode | null {
  return node.anyOf?.find((one) => one.type === 'boolean') ?? null
}

export function placeOf(nullable: SchemaNode): Place {
  const node = withoutNull(nullable)
  if (node.properties) return { kind: 'group', keys: node.properties }
  const [pattern, each] = Object.entries(node.patternProperties ?? {})[0] ?? []
  if (pattern !== undefined && each) return { kind: 'map', pattern, each }
  if (node.items) return { kind: 'list', each: node.items }
  return { kind: 'scalar', node }
}

/** A key in words: `clusters.main.brokers[0]`. */
export function keyOf(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
}

/** What may stand here, for messages and for the reference. */
export function shapeOf(nullable: SchemaNode): string {
  const node = withoutNull(nullable)
  const place = placeOf(node)
  if (place.kind === 'group') return flagOf(nullable) ? '`true`, `false` or a group of keys' : 'a group of keys'
  if (place.kind === 'map') return 'names, each with a group of keys'
  if (place.kind === 'list') return `a list of ${placeOf(place.each).kind === 'group' ? 'groups' : plural(place.each)}`
  if (node.shape) return node.shape
  if (node.enum) return `one of ${node.enum.map((one) => `\`${one}\``).join(', ')}`
  return `${scalarShape(node)}${bounds(node)}`
}

const UNIT_SHAPES: { readonly [unit in Unit]: string } = {
  bytes: 'a size (`512MiB` or bytes)',
  ms: 'milliseconds or an ISO 8601 duration (`PT30S`)',
  path: 'a path',
  pathOrUrl: 'a path or an https address (http only on loopback)',
  httpUrl: 'an http or https address without query',
  hostPort: '`host:port`',
  secret: 'a text that is never shown',
  databaseUrl: '`postgres://USER@HOST/DATABASE`, never shown',
  redisUrl: '`redis://HOST:PORT`, never shown',
}

function scalarShape({ unit, type }: SchemaNode): string {
  if (unit) return UNIT_SHAPES[unit]
  if (type === 'boolean') return '`true` or `false`'
  if (type === 'integer') return 'a whole number'
  return type === 'number' ? 'a number' : 'a text'
}

function bounds({ minimum, maximum, unit }: SchemaNode): string {
  if (minimum === undefined || maximum === undefined || unit === 'bytes') return ''
  return ` from ${minimum} to ${maximum}`
}

function plural(node: SchemaNode): string {
  if (node.enum) return node.enum.map((one) => `\`${one}\``).join(', ')
  return { path: 'paths', hostPort: '`host:port`' }[node.unit as string] ?? 'texts'
}
