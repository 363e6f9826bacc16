import { variableName, variablesOf } from './environment.ts'
import { placeOf, shapeOf, withoutNull, type SchemaNode } from './node.ts'
import { configSchema } from './schema.ts'
import { formatBytes } from './units.ts'

const HEAD = `# Configuration

Weir reads \`weir.yaml\` in the working directory, or the file named with \`--config\`; without either everything has a
default. Each variable of the environment beats the file; an empty one counts as not set. Unknown keys and unknown
\`WEIR_\` variables are errors (\`WEIR_TEST_…\` and the variables that Kubernetes makes for a Service are passed over).

- Paths in the file are relative to the file, those of the environment and of defaults to the working directory.
- Sizes are bytes, or \`64KiB\`, \`512MiB\`, \`1GiB\` (\`kB\`, \`MB\`, \`GB\` are powers of 1000). Times (\`…Ms…\`) are milliseconds or
  ISO 8601 durations such as \`PT30S\`.
- A list of texts may be one text; in the environment its entries are separated by commas. \`*\` stands for a name that you
  choose, in the environment in upper case with \`_\` for other characters: \`WEIR_CLUSTERS_MAIN_BROKERS\`.
- Secrets come from files or the environment and are never printed.

This page is generated: \`weir config --reference > docs/configuration.md\`.
`

/** A key as programs read it. */
interface KeyRow {
  readonly key: string
  /** Of the environment; null where only the file can set it. */
  readonly variable: string | null
  /** What may stand there, in words. */
  readonly value: string
  readonly required: boolean
  readonly default?: unknown
  readonly what: string
}

interface Row {
  readonly key: string
  readonly env: string | null
  readonly node: SchemaNode
}

/** The whole reference as Markdown, one section for each key of the root. */
export function renderReference(): string {
  const root = configSchema as SchemaNode
  const settable = new Set(variablesOf(root).map(({ name }) => name))
  const sections = Object.entries(root.properties ?? {}).map(([key, node]) => renderSection(key, node, settable))
  return [HEAD, ...sections].join('\n')
}

/** The same for programs: a row for each key. */
export function referenceRows(): readonly KeyRow[] {
  const root = configSchema as SchemaNode
  const settable = new Set(variablesOf(root).map(({ name }) => name))
  const rows = Object.entries(root.properties ?? {}).flatMap(([key, node]) => rowsOf(node, key, [key], settable))
  return rows.map(({ key, env, node }) => {
    const preset = 'default' in node ? { default: node.default } : {}
    return { key, variable: env, value: shapeOf(node), required: !('default' in node), ...preset, what: docOf(node) }
  })
}

function renderSection(key: string, node: SchemaNode, settable: ReadonlySet<string>): string {
  const lines = rowsOf(node, key, [key], settable).map(renderRow)
  const intro = placeOf(node).kind === 'group' && node.doc ? `${node.doc}\n\n` : ''
  const head = '| key | variable | value | default | what |\n|---|---|---|---|---|'
  return `## \`${key}\`\n\n${intro}${head}\n${lines.join('\n')}\n`
}

function rowsOf(node: SchemaNode, key: string, path: readonly string[], settable: ReadonlySet<string>): readonly Row[] {
  const place = placeOf(node)
  const own = { key, env: settable.has(variableName(path)) ? variableName(path) : null, node }
  const below = (child: SchemaNode, step: string): readonly Row[] =>
    rowsOf(child, `${key}.${step}`, [...path, step], settable)
  if (place.kind === 'scalar') return [own]
  if (place.kind === 'map') return [own, ...below(place.each, '*')]
  if (place.kind === 'list') {
    // Nothing inside a list has a variable: the path that would name it is cut off by its own mark.
    return placeOf(place.each).kind === 'scalar'
      ? [own]
      : [own, ...rowsOf(place.each, `${key}[]`, [...path, '[]'], settable)]
  }
  const children = Object.entries(place.keys).flatMap(([step, child]) => below(child, step))
  return node.anyOf ? [own, ...children] : children
}

function renderRow({ key, env, node }: Row): string {
  const cells = [`\`${key}\``, env === null ? '' : `\`${env}\``, shapeOf(node), renderDefault(node), docOf(node)]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function docOf(node: SchemaNode): string {
  return node.doc ?? withoutNull(node).doc ?? ''
}

function renderDefault(node: SchemaNode): string {
  const { default: preset } = node
  if (!('default' in node)) return 'required'
  if (preset === null || preset === '' || (typeof preset === 'object' && Object.keys(preset).length === 0)) return ''
  if (typeof preset === 'number' && node.unit === 'bytes') return `\`${formatBytes(preset)}\``
  return `\`${Array.isArray(preset) ? preset.join(', ') : JSON.stringify(preset).replaceAll('"', '')}\``
}
